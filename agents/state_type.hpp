// agents/state_type.hpp
//
// The state that an agent keeps per key: its type and version, how it is read and written, and how a state that an
// older program stored is brought to this one's version.
//
//   host.agent("support", support).state<Ticket>(version(3)).migrate(1, to_version_2).migrate(2, to_version_3);
//   TicketV2 to_version_2(TicketV1 old);      // plain functions over described structs
//
// Within one version a struct may change by members alone: those that a stored state lacks keep the struct's defaults,
// those that the struct lacks are dropped (agents/convert.hpp). A change of meaning or of a member's kind needs a new
// version and a migration from each version that may still be stored; migrations are chained, 1 -> 2 -> 3, and what
// they made is stored with the next commit.
//
// A state that cannot be read so is left as it is, and its event waits until a program comes that can
// (agents/turn/turn.hpp).
//
// Threads:   declared before the host runs, then immutable; `load` and `save` from any thread.
// Ownership: plain values.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <typeindex>
#include <utility>

#include "agents/convert.hpp"

namespace mnema {

/// Version of a state's shape, from 1.
struct StateVersion {
  int number = 1;
};
[[nodiscard]] constexpr StateVersion version(int number) { return {number}; }

/// One step from a version to the next one, with its types forgotten.
struct StateMigration {
  std::type_index from = typeid(void);
  std::type_index to = typeid(void);
  std::function<Result<boost::json::value>(const boost::json::value& old)> apply;
};

struct StateType {
  int version = 0;  // 0 = the agent has no state
  std::type_index type = typeid(void);
  std::function<std::shared_ptr<void>()> fresh;
  std::function<Result<std::shared_ptr<void>>(const boost::json::value& json)> read;
  std::function<std::string(const void* state)> save;
  std::map<int, StateMigration> migrations;  // by the version that each leads away from

  /// A stored state in the shape of this program. What a migration throws comes through.
  /// Errors: `kFailedPrecondition`, "needs_version: ...", if no chain of migrations leads here or the JSON does not
  /// fit.
  [[nodiscard]] Result<std::shared_ptr<void>> load(int stored_version, const std::string& stored) const;
};

template <class T>
[[nodiscard]] StateType state_type_of(StateVersion version) {
  StateType type;
  type.version = version.number;
  type.type = typeid(T);
  type.fresh = [] { return std::shared_ptr<void>(std::make_shared<T>()); };
  type.read = [](const boost::json::value& json) -> Result<std::shared_ptr<void>> {
    ASSIGN_OR_RETURN(T state, from_stored_json<T>(json));
    return std::shared_ptr<void>(std::make_shared<T>(std::move(state)));
  };
  type.save = [](const void* state) { return boost::json::serialize(to_json(*static_cast<const T*>(state))); };
  return type;
}

template <class Old, class New>
[[nodiscard]] StateMigration state_migration_of(New (*function)(Old)) {
  StateMigration migration;
  migration.from = typeid(Old);
  migration.to = typeid(New);
  migration.apply = [function](const boost::json::value& json) -> Result<boost::json::value> {
    ASSIGN_OR_RETURN(Old old, from_stored_json<Old>(json));
    return to_json<New>(function(std::move(old)));
  };
  return migration;
}

}  // namespace mnema
