#include "memory/scope_store.hpp"

#include <gtest/gtest.h>

#include "tests/memory/rows.hpp"

namespace mnema {
namespace {

using testing::Rows;

ScopeKey interned(Rows& rows, const Scope& scope) {
  return rows.write<ScopeKey>([&](Transaction& transaction) { return scope_store::intern(transaction, scope); })
      .value();
}

VisibleScopes visible(Rows& rows, const Scope& asker) {
  return rows.read<VisibleScopes>([&](Transaction& transaction) { return scope_store::visible_to(transaction, asker); })
      .value();
}

bool sees(Rows& rows, const Scope& asker, const Scope& owner) {
  const ScopeKey key = interned(rows, owner);
  return visible(rows, asker).contains(key.scope);
}

TEST(Scopes, AreSeenByWhoEqualsThemWhereverTheyNameSomebody) {
  Rows rows;
  const Scope asker{"acme", "triage", "ann", "s1"};
  for (const Scope& owner :
       {Scope{"acme", "", "", ""}, Scope{"acme", "triage", "", ""}, Scope{"acme", "", "ann", ""},
        Scope{"acme", "", "", "s1"}, Scope{"acme", "triage", "ann", ""}, Scope{"acme", "triage", "", "s1"},
        Scope{"acme", "", "ann", "s1"}, Scope{"acme", "triage", "ann", "s1"}}) {
    EXPECT_TRUE(sees(rows, asker, owner)) << owner.agent << "/" << owner.user << "/" << owner.session;
  }
  for (const Scope& owner :
       {Scope{"other", "", "", ""}, Scope{"acme", "billing", "", ""}, Scope{"acme", "", "bob", ""},
        Scope{"acme", "", "", "s2"}, Scope{"acme", "triage", "bob", "s1"}, Scope{"other", "triage", "ann", "s1"}}) {
    EXPECT_FALSE(sees(rows, asker, owner)) << owner.tenant << "/" << owner.agent << "/" << owner.user;
  }
}

TEST(Scopes, OfAUserAreHiddenFromWhoNamesNone) {
  Rows rows;
  EXPECT_FALSE(sees(rows, {"acme", "triage", "", "s1"}, {"acme", "", "ann", ""}));
  EXPECT_TRUE(sees(rows, {"acme", "triage", "", "s1"}, {"acme", "triage", "", "s1"}));
}

TEST(Scopes, OfAnUnknownTenantAreNone) {
  Rows rows;
  interned(rows, {"acme", "", "", ""});
  EXPECT_TRUE(visible(rows, {"nobody", "", "", ""}).nothing());
}

TEST(Scopes, KeepTheirNumbersAndTheirNames) {
  Rows rows;
  const Scope scope{"acme", "triage", "ann", "s1"};
  const ScopeKey first = interned(rows, scope);
  const ScopeKey again = interned(rows, scope);
  EXPECT_EQ(first.scope, again.scope);
  EXPECT_EQ(first.tenant, again.tenant);
  const auto named =
      rows.read<Scope>([&](Transaction& transaction) { return scope_store::scope_of(transaction, first.scope); });
  EXPECT_EQ(named.value(), scope);
}

TEST(Scopes, NeedATenant) {
  Rows rows;
  const auto refused = rows.write<ScopeKey>(
      [](Transaction& transaction) { return scope_store::intern(transaction, {"", "a", "", ""}); });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace mnema
