#include "agents/rest/identity.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

HttpHeaders with(const std::string& authorization) { return {{"Authorization", authorization}}; }

ApiKeys keys() {
  return ApiKeys({{"ours", Secret("key-a"), "a", true},
                  {"theirs", Secret("key-b"), "b", false},
                  {"unreadable", Secret(), "root", true}});
}

TEST(ApiKeys, LetEverybodyInAsTheLocalTenantWhereThereAreNone) {
  const auto identity = ApiKeys().identify({});
  ASSERT_TRUE(identity.ok());
  EXPECT_EQ(identity->tenant, "local");
  EXPECT_TRUE(identity->may_assert_user);
}

TEST(ApiKeys, DecideTenantAndWhetherUsersMayBeAsserted) {
  const auto ours = keys().identify(with("Bearer key-a"));
  ASSERT_TRUE(ours.ok());
  EXPECT_EQ(ours->tenant, "a");
  EXPECT_EQ(ours->key_name, "ours");
  EXPECT_TRUE(ours->may_assert_user);
  const auto theirs = keys().identify(with("bearer key-b"));
  ASSERT_TRUE(theirs.ok());
  EXPECT_EQ(theirs->tenant, "b");
  EXPECT_FALSE(theirs->may_assert_user);
}

TEST(ApiKeys, RefuseWhatIsNoKeyOfOurs) {
  for (const char* given : {"Bearer key-c", "Bearer key-", "Bearer key-aa", "Bearer", "key-a", "Basic key-a", "",
                            "Bearer  key-a", "Bearer KEY-A"}) {
    const auto identity = keys().identify(with(given));
    ASSERT_FALSE(identity.ok()) << given;
    EXPECT_EQ(identity.error().code, ErrorCode::kUnauthenticated) << given;
  }
  EXPECT_FALSE(keys().identify({}).ok());
}

TEST(ApiKeys, OpenToNobodyByAKeyThatCouldNotBeRead) {
  EXPECT_FALSE(keys().identify(with("Bearer ")).ok());
  EXPECT_FALSE(ApiKeys({{"unreadable", Secret(), "root", true}}).identify(with("Bearer ")).ok());
  EXPECT_FALSE(ApiKeys({{"unreadable", Secret(), "root", true}}).identify({}).ok()) << "there are keys: no open house";
}

}  // namespace
}  // namespace mnema
