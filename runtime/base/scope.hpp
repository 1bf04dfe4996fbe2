// runtime/base/scope.hpp
//
// Who a piece of data belongs to. Mandatory wherever memory, KV pages or sessions are named, so that "whose is it"
// is a type and not a habit.
//
// Threads: plain values.
#pragma once

#include <compare>
#include <string>

namespace mnema {

/// How far text has come from us. Inherited as the minimum by what is derived from it. Persisted: never renumber.
enum class Trust : int { kExternal = 0, kUser = 1, kOperator = 2, kSystem = 3 };

[[nodiscard]] inline Trust weakest(Trust a, Trust b) { return a < b ? a : b; }

/// Tenant always; the narrower names are empty where the data is shared at that level.
struct Scope {
  std::string tenant = "local";
  std::string agent;    // agent type, e.g. "triage"; empty = all agents of the tenant
  std::string user;     // identified end user; empty = none identified (user memory is then neither read nor written)
  std::string session;  // conversation or agent key; empty = all

  auto operator<=>(const Scope&) const = default;
};

}  // namespace mnema
