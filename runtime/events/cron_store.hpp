// runtime/events/cron_store.hpp
//
// When each schedule fires next, as typed functions over its table. The row moves in the transaction that holds the
// event, so that a schedule fires once for each of its times, whatever dies when.
//
// Threads: inside a unit of work, or inside Database::read for those that only read.
#pragma once

#include <optional>
#include <string>

#include "runtime/base/clock.hpp"
#include "runtime/store/database.hpp"

namespace mnema::cron_store {

/// When the schedule of this name fires next. None: it is not known, or its row is of another `schedule`.
[[nodiscard]] Result<std::optional<Time>> next_at(Transaction& transaction, const std::string& name,
                                                  const std::string& schedule);
[[nodiscard]] Status set_next(Transaction& transaction, const std::string& name, const std::string& schedule,
                              Time next);

}  // namespace mnema::cron_store
