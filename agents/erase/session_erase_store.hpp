// agents/erase/session_erase_store.hpp
//
// What agents keep of a scope: chats that are recognised by their history, and states. A chat's state is kept under its
// session, so a user's chats name the states that are theirs. The state under an event's key may be of many users, and
// goes with the key, the agent or the tenant only.
//
// Threads: `erase` inside a unit of work; `count` also inside Database::read.
#pragma once

#include <cstdint>

#include "runtime/base/scope.hpp"
#include "runtime/store/database.hpp"

namespace mnema::session_erase_store {

struct Rows {
  std::int64_t sessions = 0;
  std::int64_t states = 0;
};
/// At most about `rows_max`; none: nothing is left.
[[nodiscard]] Result<Rows> erase(Transaction& transaction, const Scope& scope, int rows_max);
[[nodiscard]] Result<Rows> count(Transaction& transaction, const Scope& scope);

}  // namespace mnema::session_erase_store
