#include "agents/turn/memory_reach.hpp"

namespace mnema {
namespace {

// No client or key template makes such a name.
constexpr const char* kWithoutKey = "\x1f no key";

}  // namespace

Scope asker_of(const Scope& turn) {
  Scope asker = turn;
  if (asker.session.empty()) asker.session = kWithoutKey;
  return asker;
}

Scope owner_of(const Scope& turn, MemoryReach reach) {
  Scope owner;
  owner.tenant = turn.tenant;
  if (reach == MemoryReach::kTenant) return owner;
  owner.agent = turn.agent;
  if (reach == MemoryReach::kAgent) return owner;
  if (reach == MemoryReach::kUser && !turn.user.empty()) {
    owner.user = turn.user;
    return owner;
  }
  owner.session = asker_of(turn).session;
  return owner;
}

}  // namespace mnema
