// runtime/events/timer_store.hpp
//
// The timers' table as typed functions.
//
// Threads: inside a unit of work, or inside Database::read for those that only read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/events/timers.hpp"
#include "runtime/store/database.hpp"

namespace mnema::timer_store {

struct IndexRow {
  std::int64_t id = 0;
  Time at{};
};

/// Replaces a timer of the same name. `replaced` is the id of that one, if there was one.
struct Inserted {
  std::int64_t id = 0;
  std::optional<std::int64_t> replaced;
};
[[nodiscard]] Result<Inserted> insert(Transaction& transaction, const Timer& timer);
[[nodiscard]] Result<std::vector<IndexRow>> load_index(Transaction& transaction);
/// Removes the timer and gives it, or none if it is gone.
[[nodiscard]] Result<std::optional<Timer>> take(Transaction& transaction, std::int64_t id);
/// Removes the timer unread.
[[nodiscard]] Status erase(Transaction& transaction, std::int64_t id);
struct NumberedTimer {
  std::int64_t id = 0;
  Event event;  // without its data
};
/// Those of a tenant among `count` timers behind `after`; `last`: where they end, 0 if there are none behind it.
[[nodiscard]] Result<std::vector<NumberedTimer>> of_tenant(Transaction& transaction, const std::string& tenant,
                                                           std::int64_t after, int count, std::int64_t& last);
/// The id of the removed timer, or none.
[[nodiscard]] Result<std::optional<std::int64_t>> remove(Transaction& transaction, const std::string& tenant,
                                                         const std::string& agent, const std::string& key,
                                                         const std::string& name);

}  // namespace mnema::timer_store
