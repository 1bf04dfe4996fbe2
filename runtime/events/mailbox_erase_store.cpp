#include "runtime/events/mailbox_erase_store.hpp"

#include "runtime/events/scope_slice_store.hpp"
#include "runtime/events/turn_journal_store.hpp"

namespace mnema::mailbox_erase_store {
namespace {

using scope_slice_store::bind_scope;

using mailbox_store::IndexRow;
using mailbox_store::RowState;

/// Parameters ?1 to ?4.
constexpr std::string_view kOfScope =
    " tenant = ?1 AND (?2 = '' OR agent = ?2) AND (?3 = '' OR user = ?3) AND (?4 = '' OR key = ?4)";

/// Without its errors.
Status remove_row(Transaction& transaction, Sequence sequence) {
  ASSIGN_OR_RETURN(Statement remove, transaction.prepare("DELETE FROM mailbox WHERE sequence = ?1"));
  return remove.bind(1, sequence).run();
}

}  // namespace

Result<Found> find(Transaction& transaction, const Scope& scope, Sequence after, int rows_max) {
  Found found;
  ASSIGN_OR_RETURN(const auto last, scope_slice_store::slice_end(transaction, "mailbox", "sequence", after, rows_max));
  found.done = !last;
  if (found.done) return found;
  found.last = *last;
  std::vector<Sequence> sequences;
  {
    ASSIGN_OR_RETURN(Statement select,
                     transaction.prepare("SELECT sequence FROM mailbox WHERE" + std::string(kOfScope) +
                                         " AND sequence > ?5 AND sequence <= ?6"));
    bind_scope(select, scope).bind(5, after).bind(6, found.last);
    ASSIGN_OR_RETURN(sequences, select.integers());
  }
  for (const Sequence sequence : sequences) {
    ASSIGN_OR_RETURN(mailbox_store::Row row, mailbox_store::load(transaction, sequence));
    row.index.deadline = row.event.deadline;
    found.rows.push_back(std::move(row.index));
  }
  return found;
}

Result<std::int64_t> count(Transaction& transaction, const Scope& scope) {
  return scope_slice_store::count_of(transaction, "SELECT count(*) FROM mailbox WHERE" + std::string(kOfScope), scope);
}

Result<std::optional<Gone>> remove(Transaction& transaction, const Scope& scope, Sequence sequence, bool is_dead) {
  Gone gone;
  {
    const Result<mailbox_store::Row> row = mailbox_store::load(transaction, sequence);
    if (!row.ok() && row.error().code == ErrorCode::kNotFound) return std::optional<Gone>();
    if (!row.ok()) return row.error();
    gone.row = row->index;
  }
  if (gone.row.state == RowState::kBatched || is_dead != (gone.row.state == RowState::kDead)) {
    return std::optional<Gone>();
  }
  // Those of others get the state that all of them shared.
  std::vector<Sequence> others;
  {
    ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT sequence FROM mailbox WHERE batch = ?5 AND NOT (" +
                                                           std::string(kOfScope) + ") ORDER BY sequence"));
    ASSIGN_OR_RETURN(others, bind_scope(select, scope).bind(5, sequence).integers());
  }
  for (const Sequence other : others) {
    ASSIGN_OR_RETURN(Statement release, transaction.prepare("UPDATE mailbox SET batch = NULL, state = ?2, died_at = ?3"
                                                            " WHERE sequence = ?1"));
    release.bind(1, other).bind(2, static_cast<int>(is_dead ? RowState::kDead : RowState::kReady));
    RETURN_IF_ERROR(release.bind(3, static_cast<std::int64_t>(to_micros(gone.row.died_at))).run());
    ASSIGN_OR_RETURN(mailbox_store::Row row, mailbox_store::load(transaction, other));
    row.index.deadline = row.event.deadline;
    gone.released.push_back(std::move(row.index));
  }
  ASSIGN_OR_RETURN(gone.batched, mailbox_store::remove_batch(transaction, sequence));
  RETURN_IF_ERROR(remove_row(transaction, sequence));
  ASSIGN_OR_RETURN(Statement errors, transaction.prepare("DELETE FROM mailbox_errors WHERE sequence = ?1"));
  RETURN_IF_ERROR(errors.bind(1, sequence).run());
  RETURN_IF_ERROR(turn_journal_store::erase_turn(transaction, sequence));
  return std::optional<Gone>(std::move(gone));
}

Result<std::optional<Left>> leave_batch(Transaction& transaction, Sequence sequence) {
  Left left;
  {
    ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT head.sequence, head.state FROM mailbox AS m"
                                                           " JOIN mailbox AS head ON head.sequence = m.batch"
                                                           " WHERE m.sequence = ?1 AND m.state = 4"));
    ASSIGN_OR_RETURN(const bool row, select.bind(1, sequence).step());
    if (!row || static_cast<RowState>(select.integer(1)) == RowState::kLeased) return std::optional<Left>();
    left = {select.integer(0), static_cast<RowState>(select.integer(1)) == RowState::kDead};
  }
  RETURN_IF_ERROR(remove_row(transaction, sequence));
  // What the turn of all of them has in the journal may hold its payload.
  RETURN_IF_ERROR(turn_journal_store::forget_steps_from(transaction, left.head, ""));
  return std::optional<Left>(left);
}

}  // namespace mnema::mailbox_erase_store
