#include "inference/kv/page.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace mnema::kv {
namespace {

const PageFormat kFormat{"f16 2x64", "model one"};
constexpr std::size_t kHeaderBytes = 512, kPageBytes = 2048;

Salt salt_of(std::uint8_t value) {
  Salt salt;
  salt.bytes.fill(value);
  return salt;
}

std::vector<TokenId> tokens(int count, TokenId first = 100) {
  std::vector<TokenId> ids(static_cast<std::size_t>(count));
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

std::vector<std::byte> sealed_page() {
  std::vector<std::byte> page(kPageBytes);
  for (std::size_t i = kHeaderBytes; i < page.size(); ++i) page[i] = static_cast<std::byte>(i);
  seal_page(page, kHeaderBytes, kFormat, salt_of(1), PageKey{}, tokens(32));
  return page;
}

std::string refusal(const std::vector<std::byte>& page, const PageFormat& format = kFormat, Salt salt = salt_of(1)) {
  const Status status = verify_page(page, kHeaderBytes, format, salt);
  if (status.ok()) return "";
  EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
  return status.error().message;
}

TEST(PageKey, DependsOnEverythingThatThePagesBytesDependOn) {
  const PageKey parent = page_key(kFormat, salt_of(1), PageKey{}, tokens(32));
  const PageKey key = page_key(kFormat, salt_of(1), parent, tokens(32));
  EXPECT_EQ(key, page_key(kFormat, salt_of(1), parent, tokens(32)));
  EXPECT_FALSE(key == parent);
  EXPECT_FALSE(key == page_key(kFormat, salt_of(2), parent, tokens(32)));
  EXPECT_FALSE(key == page_key(kFormat, salt_of(1), PageKey{}, tokens(32)));
  EXPECT_FALSE(key == page_key(kFormat, salt_of(1), parent, tokens(31)));
  EXPECT_FALSE(key == page_key(kFormat, salt_of(1), parent, tokens(32, 101)));
  EXPECT_FALSE(key == page_key({"int8 2x64", "model one"}, salt_of(1), parent, tokens(32)));
  EXPECT_FALSE(key == page_key({"f16 2x64", "model two"}, salt_of(1), parent, tokens(32)));
}

TEST(PageKey, KeepsItsFieldsApart) {
  EXPECT_FALSE(page_key({"ab", "c"}, salt_of(1), PageKey{}, tokens(1)) ==
               page_key({"a", "bc"}, salt_of(1), PageKey{}, tokens(1)));
}

TEST(Page, IsTakenBackAsItWasSealed) {
  EXPECT_EQ(refusal(sealed_page()), "");
  std::vector<std::byte> part(kPageBytes);
  seal_page(part, kHeaderBytes, kFormat, salt_of(1), PageKey{}, tokens(5));
  EXPECT_EQ(refusal(part), "");
}

TEST(Page, IsRefusedWithAnyBitOfHeaderOrPayloadChanged) {
  const std::vector<std::byte> whole = sealed_page();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    if (at >= sizeof(PageHeader) && at < kHeaderBytes) continue;  // free space between them: nothing reads it
    std::vector<std::byte> page = whole;
    page[at] ^= static_cast<std::byte>(1U << (at % 8));
    ASSERT_NE(refusal(page), "") << "byte " << at;
  }
}

TEST(Page, IsRefusedWhenItIsCutOrGrown) {
  std::vector<std::byte> page = sealed_page();
  for (const std::size_t size : {std::size_t{0}, std::size_t{8}, sizeof(PageHeader), kHeaderBytes, kPageBytes - 1}) {
    EXPECT_NE(refusal(std::vector<std::byte>(page.begin(), page.begin() + static_cast<std::ptrdiff_t>(size))), "")
        << size;
  }
  page.push_back(std::byte{0});
  EXPECT_NE(refusal(page), "");
}

TEST(Page, IsRefusedByAnotherModelLayoutOrOwner) {
  EXPECT_NE(refusal(sealed_page(), {"int8 2x64", "model one"}).find("another model or layout"), std::string::npos);
  EXPECT_NE(refusal(sealed_page(), {"f16 2x64", "model two"}).find("another model or layout"), std::string::npos);
  EXPECT_NE(refusal(sealed_page(), kFormat, salt_of(2)).find("somebody else's"), std::string::npos);
}

TEST(Page, DoesNotGiveTheSaltAway) {
  const std::vector<std::byte> page = sealed_page();
  const Salt salt = salt_of(1);
  const auto secret = std::as_bytes(std::span(salt.bytes));
  EXPECT_EQ(std::search(page.begin(), page.begin() + sizeof(PageHeader), secret.begin(), secret.end()),
            page.begin() + sizeof(PageHeader));
}

}  // namespace
}  // namespace mnema::kv
