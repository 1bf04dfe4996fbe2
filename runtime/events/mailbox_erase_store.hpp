// runtime/events/mailbox_erase_store.hpp
//
// Events of one tenant, agent, user or key, to be erased. Dead ones, and those that wait, go with their errors and
// their turns' journals.
//
// Threads: inside a unit of work; `find` also inside Database::read.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/scope.hpp"
#include "runtime/events/mailbox_store.hpp"

namespace mnema::mailbox_erase_store {

struct Found {
  std::vector<mailbox_store::IndexRow> rows;  // of the scope
  Sequence last = 0;                          // what was looked at ends here
  bool done = false;                          // there is nothing behind `after`
};
/// Among `rows_max` rows behind `after`.
[[nodiscard]] Result<Found> find(Transaction& transaction, const Scope& scope, Sequence after, int rows_max);

/// How many there are; also to read with.
[[nodiscard]] Result<std::int64_t> count(Transaction& transaction, const Scope& scope);

/// What went with a row, for who keeps an index of them.
struct Gone {
  mailbox_store::IndexRow row;
  std::int64_t batched = 0;                       // that shared its fate, and were of the scope too
  std::vector<mailbox_store::IndexRow> released;  // of others: they stand alone now, as it stood
};
/// Removes a row that is dead, or one that is not and that nobody works on, as the caller knows it to be; none: it is
/// gone, or another state is written there.
[[nodiscard]] Result<std::optional<Gone>> remove(Transaction& transaction, const Scope& scope, Sequence sequence,
                                                 bool is_dead);
/// Removes one that joined the batch of another scope's event. None: that one is leased.
struct Left {
  Sequence head = 0;
  bool is_dead = false;
};
[[nodiscard]] Result<std::optional<Left>> leave_batch(Transaction& transaction, Sequence sequence);

}  // namespace mnema::mailbox_erase_store
