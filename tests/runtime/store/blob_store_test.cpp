#include "runtime/store/blob_store.hpp"

#include <gtest/gtest.h>

#include "runtime/base/sha256.hpp"
#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

TEST(BlobStore, KeepsEqualBytesOnceUntilTheLastReferenceGoes) {
  testing::RuntimeFixture fixture;
  const std::string bytes("\0big\xff", 5);
  const Status status = fixture.write<void>([&](Transaction& transaction) -> Status {
    ASSIGN_OR_RETURN(const std::string first, blob_store::put(transaction, bytes));
    ASSIGN_OR_RETURN(const std::string second, blob_store::put(transaction, bytes));
    EXPECT_EQ(first, sha256_hex(bytes));
    EXPECT_EQ(second, first);
    RETURN_IF_ERROR(blob_store::release(transaction, first));
    ASSIGN_OR_RETURN(const std::string still_there, blob_store::get(transaction, first));
    EXPECT_EQ(still_there, bytes);
    RETURN_IF_ERROR(blob_store::release(transaction, first));
    EXPECT_EQ(blob_store::get(transaction, first).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(blob_store::release(transaction, first).error().code, ErrorCode::kNotFound);
    return {};
  });
  EXPECT_TRUE(status.ok()) << status.error().text();
}

}  // namespace
}  // namespace mnema
