#include "inference/kv/salts.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace mnema::kv {
namespace {

Scope scope_of(std::string tenant, std::string agent, std::string user, std::string session) {
  Scope scope;
  scope.tenant = std::move(tenant);
  scope.agent = std::move(agent);
  scope.user = std::move(user);
  scope.session = std::move(session);
  return scope;
}

TEST(Salts, ArePublicForAllTheTenantsForTheTenantAndTheUsersForTheUser) {
  SeededRandom random(1);
  const Salts salts(random);
  const ScopeSalts ann = salts.of(scope_of("acme", "support", "ann", "s1"));
  const ScopeSalts bob = salts.of(scope_of("acme", "triage", "bob", "s1"));
  const ScopeSalts other = salts.of(scope_of("umbrella", "support", "ann", "s1"));
  EXPECT_EQ(ann.everybody, bob.everybody);
  EXPECT_EQ(ann.everybody, other.everybody);
  EXPECT_EQ(ann.tenant, bob.tenant);
  EXPECT_FALSE(ann.tenant == other.tenant);
  EXPECT_FALSE(ann.user == bob.user);
  EXPECT_FALSE(ann.user == other.user);
}

TEST(Salts, FollowAUserThroughAgentsAndSessions) {
  SeededRandom random(1);
  const Salts salts(random);
  EXPECT_EQ(salts.of(scope_of("acme", "support", "ann", "s1")).user,
            salts.of(scope_of("acme", "triage", "ann", "s2")).user);
}

TEST(Salts, KeepSessionsWithoutAUserApart) {
  SeededRandom random(1);
  const Salts salts(random);
  const Salt first = salts.of(scope_of("acme", "support", "", "s1")).user;
  EXPECT_EQ(first, salts.of(scope_of("acme", "support", "", "s1")).user);
  EXPECT_FALSE(first == salts.of(scope_of("acme", "support", "", "s2")).user);
  EXPECT_FALSE(first == salts.of(scope_of("acme", "triage", "", "s1")).user);
  EXPECT_FALSE(first == salts.of(scope_of("acme", "support", "s1", "s1")).user);
}

TEST(Salts, CannotBeMadeEqualByMovingLettersBetweenNames) {
  SeededRandom random(1);
  const Salts salts(random);
  EXPECT_FALSE(salts.of(scope_of("ab", "", "c", "")).user == salts.of(scope_of("a", "", "bc", "")).user);
  EXPECT_FALSE(salts.of(scope_of("a", "b", "", "cd")).user == salts.of(scope_of("a", "bc", "", "d")).user);
  EXPECT_FALSE(salts.of(scope_of("a1:b", "", "", "")).tenant == salts.of(scope_of("a", "b", "", "")).tenant);
}

TEST(Salts, AreOtherOnesInEveryProcess) {
  SeededRandom one(1), two(2);
  const Scope scope = scope_of("acme", "support", "ann", "s1");
  EXPECT_FALSE(Salts(one).of(scope).everybody == Salts(two).of(scope).everybody);
}

TEST(SharingBorders, GoFromPublicToTenantToUserAndNeverBack) {
  const SharingBorders borders{10, 20};
  EXPECT_EQ(borders.at(0), Sharing::kPublic);
  EXPECT_EQ(borders.at(9), Sharing::kPublic);
  EXPECT_EQ(borders.at(10), Sharing::kTenant);
  EXPECT_EQ(borders.at(19), Sharing::kTenant);
  EXPECT_EQ(borders.at(20), Sharing::kUser);
  EXPECT_EQ(SharingBorders{}.at(0), Sharing::kUser);
  EXPECT_EQ((SharingBorders{10, 0}).at(9), Sharing::kPublic);
  EXPECT_EQ((SharingBorders{10, 0}).at(10), Sharing::kUser);
}

}  // namespace
}  // namespace mnema::kv
