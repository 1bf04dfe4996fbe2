// memory/erase/erasure.hpp
//
// What somebody wants erased, and the receipt: which rows have gone where, and what the rest waits for.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "memory/record.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/scope.hpp"

namespace mnema {

/// Everything that belongs to the names that `scope` has (an empty one is any), or one entry. So {tenant} is all of the
/// tenant, {tenant, agent} what this agent alone has, {tenant, user} that user's with every agent, {tenant, session}
/// one conversation, whoever's it is. What other users may see is not theirs, and stays.
struct EraseTarget {
  Scope scope;
  EntryId entry = 0;  // of the tenant; 0: none is named

  bool operator==(const EraseTarget&) const = default;
};

/// Rows by what they are: "episodes", "chunks", "facts", "outbox", ...
using EraseCounts = std::map<std::string, std::int64_t>;

/// Of one erasure; finished or not.
struct Erasure {
  std::int64_t id = 0;
  EraseTarget target;
  Time requested{};
  std::optional<Time> finished;
  EraseCounts counts;
  std::string part;                  // where it stands: "mailbox", "memory", "log", ...; empty when it is finished
  std::vector<std::string> pending;  // why it is not finished yet, a sentence each; empty while it just goes on
};

}  // namespace mnema
