// runtime/events/dead_letter_store.hpp
//
// Dead rows of the mailbox and the outbox as a list reads them: by filter, page by page, without their payloads, of
// which a page could hold gigabytes. Both tables are walked by their index of dead rows, so that a list costs what is
// dead and not what is alive.
//
// Threads: inside a unit of work, or inside Database::read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/events/dead_letters.hpp"

namespace mnema::dead_letter_store {

/// Dead events (messages) with numbers above `after`, by number, at most `count`. `filter.kind` is not looked at.
[[nodiscard]] Result<std::vector<DeadLetterSummary>> list_events(Transaction& transaction,
                                                                 const DeadLetterFilter& filter, std::int64_t after,
                                                                 int count);
[[nodiscard]] Result<std::vector<DeadLetterSummary>> list_messages(Transaction& transaction,
                                                                   const DeadLetterFilter& filter, std::int64_t after,
                                                                   int count);

/// Whose dead letter it is. Errors: `kNotFound` if nothing dead has this id.
[[nodiscard]] Result<std::string> tenant_of(Transaction& transaction, const DeadLetterId& id);

/// The same text for an id that never was, one that is alive and one of another tenant.
[[nodiscard]] Error no_dead_letter(const DeadLetterId& id);

}  // namespace mnema::dead_letter_store
