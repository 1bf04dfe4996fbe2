#include "inference/kv/page.hpp"

#include <algorithm>
#include <bit>

namespace mnema::kv {
namespace {

static_assert(std::endian::native == std::endian::little, "ids are hashed and stored as the machine holds them");

template <class T>
std::string_view bytes_of(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

std::string_view bytes_of(const Sha256Digest& digest) { return bytes_of(std::span<const std::uint8_t>(digest)); }

Sha256Digest format_digest(const PageFormat& format) {
  Sha256 hash;
  hash.update_field(format.layout_id).update_field(format.fingerprint);
  return hash.finish();
}

Sha256Digest checksum_of(PageHeader header, std::span<const std::byte> payload) {
  header.checksum = {};
  Sha256 hash;
  hash.update({reinterpret_cast<const char*>(&header), sizeof header});
  hash.update(bytes_of(payload));
  return hash.finish();
}

constexpr std::array<char, 8> kMagic = {'m', 'n', 'e', 'm', 'a', 'k', 'v', '1'};

}  // namespace

PageKey page_key(const PageFormat& format, const Salt& salt, const PageKey& parent, std::span<const TokenId> tokens) {
  CHECK(!tokens.empty() && tokens.size() <= kPageTokens, "a page holds 1..32 tokens");
  Sha256 hash;
  hash.update_field(format.layout_id).update_field(format.fingerprint);
  hash.update_field(bytes_of(salt.bytes)).update_field(bytes_of(parent.digest)).update_field(bytes_of(tokens));
  return PageKey{hash.finish()};
}

void seal_page(std::span<std::byte> page, std::size_t header_bytes, const PageFormat& format, const Salt& salt,
               const PageKey& parent, std::span<const TokenId> tokens) {
  CHECK(sizeof(PageHeader) <= header_bytes && header_bytes <= page.size(), "the header fits before the payload");
  PageHeader header{};
  header.magic = kMagic;
  header.page_bytes = static_cast<std::uint32_t>(page.size());
  header.token_count = static_cast<std::uint32_t>(tokens.size());
  header.key = page_key(format, salt, parent, tokens).digest;
  std::copy(tokens.begin(), tokens.end(), header.tokens.begin());
  header.parent = parent.digest;
  header.owner = sha256(bytes_of(salt.bytes));
  header.format = format_digest(format);
  header.checksum = checksum_of(header, page.subspan(header_bytes));
  std::memcpy(page.data(), &header, sizeof header);
}

Status verify_page(std::span<const std::byte> page, std::size_t header_bytes, const PageFormat& format,
                   const Salt& salt) {
  auto corrupt = [](const char* what) { return fail(ErrorCode::kCorrupt, std::string("KV page: ") + what); };
  if (page.size() < header_bytes || header_bytes < sizeof(PageHeader)) return corrupt("shorter than its header");
  PageHeader header;
  std::memcpy(&header, page.data(), sizeof header);
  if (header.magic != kMagic) return corrupt("not a page of this version");
  if (header.page_bytes != page.size()) return corrupt("of another length than its header says");
  if (header.token_count < 1 || header.token_count > kPageTokens) return corrupt("an impossible number of tokens");
  if (header.format != format_digest(format)) return corrupt("of another model or layout");
  if (header.owner != sha256(bytes_of(salt.bytes))) return corrupt("somebody else's");
  const std::span<const TokenId> tokens(header.tokens.data(), header.token_count);
  if (header.key != page_key(format, salt, PageKey{header.parent}, tokens).digest) return corrupt("wrong key");
  if (header.checksum != checksum_of(header, page.subspan(header_bytes))) return corrupt("wrong checksum");
  return {};
}

}  // namespace mnema::kv
