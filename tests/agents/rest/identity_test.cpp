#include "agents/rest/identity.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

HttpHeaders with(const std::string& authorization) { return {{"Authorization", authorization}}; }

ApiKeys keys() {
  return ApiKeys({{"ours", Secret("key-a"), "a", true, {}},
                  {"theirs", Secret("key-b"), "b", false, {true, false}},
                  {"operator", Secret("key-o"), "*", false, {true, true}},
                  {"unreadable", Secret(), "root", true, {true, true}}});
}

TEST(ApiKeys, LetEverybodyInAsTheLocalTenantWhereThereAreNone) {
  const auto identity = ApiKeys().identify({});
  ASSERT_TRUE(identity.ok());
  EXPECT_EQ(identity->tenant, "local");
  EXPECT_TRUE(identity->may_assert_user);
  EXPECT_TRUE(identity->all_tenants);
  for (const KeyRole role : {KeyRole::kRead, KeyRole::kOperate}) EXPECT_TRUE(require_role(*identity, role).ok());
  EXPECT_TRUE(require_tenant(*identity).ok());
}

TEST(ApiKeys, GiveARoleOnlyWhereItWasGiven) {
  const auto none = keys().identify(with("Bearer key-a"));
  const auto reader = keys().identify(with("Bearer key-b"));
  for (const KeyRole role : {KeyRole::kRead, KeyRole::kOperate}) {
    const Status refused = require_role(*none, role);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
    EXPECT_NE(refused.error().message.find("'" + std::string(name_of(role)) + "'"), std::string::npos);
    EXPECT_NE(refused.error().hint.find("[server.keys.ours]"), std::string::npos) << refused.error().hint;
  }
  EXPECT_TRUE(require_role(*reader, KeyRole::kRead).ok());
  EXPECT_FALSE(require_role(*reader, KeyRole::kOperate).ok()) << "looking is not changing";
  EXPECT_FALSE(reader->all_tenants);
}

TEST(ApiKeys, LetAnOperatorOfAllTenantsSpeakForNone) {
  const auto identity = keys().identify(with("Bearer key-o"));
  ASSERT_TRUE(identity.ok());
  EXPECT_TRUE(identity->all_tenants);
  EXPECT_EQ(identity->tenant, "");
  EXPECT_EQ(require_tenant(*identity).error().code, ErrorCode::kPermissionDenied);
  EXPECT_TRUE(require_role(*identity, KeyRole::kOperate).ok());
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
  EXPECT_FALSE(ApiKeys({{"unreadable", Secret(), "root", true, {true, true}}}).identify(with("Bearer ")).ok());
  EXPECT_FALSE(ApiKeys({{"unreadable", Secret(), "root", true, {true, true}}}).identify({}).ok())
      << "there are keys: the API is not open";
}

}  // namespace
}  // namespace mnema
