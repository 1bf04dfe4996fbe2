#include <utility>

#include "runtime/base/log.hpp"
#include "runtime/events/mailbox_core.hpp"
#include "runtime/events/mailbox_erase_store.hpp"

// Events that are erased: found in the rows, taken out of the queue so that no turn of them begins, removed, and
// announced as settled.

namespace mnema {

using mailbox_store::IndexRow;
using mailbox_store::RowState;

/// One call of Mailbox::erase on its way. Confined to one executor at a time: the store's, home, the store's, home.
struct Mailbox::Core::Erasing {
  Scope scope;
  std::function<Status(Transaction&, const Erased&)> in_unit;
  Executor* reply_to = nullptr;
  std::function<void(Result<Erased>)> on_done;
  mailbox_erase_store::Found found;
  struct TakenOut {
    IndexRow row;
    TenantQueue::Row entry;
  };
  std::vector<TakenOut> taken_out;
  Erased sum;
  std::vector<mailbox_erase_store::Gone> gone;
  std::vector<std::pair<Sequence, mailbox_erase_store::Left>> left;  // batches of others

  void answer(Result<Erased> result) const {
    reply_to->post([done = on_done, result = std::move(result)] { done(result); });
  }
};

void Mailbox::erase(Scope scope, Sequence after, int rows_max,
                    std::function<Status(Transaction&, const Erased&)> in_unit, Executor& reply_to,
                    std::function<void(Result<Erased>)> on_done) {
  const auto erasing = std::make_shared<Core::Erasing>();
  erasing->scope = std::move(scope);
  erasing->in_unit = std::move(in_unit);
  erasing->reply_to = &reply_to;
  erasing->on_done = std::move(on_done);
  core_->database.write<mailbox_erase_store::Found>(
      WritePriority::kBackground,
      [erasing, after, rows_max](Transaction& transaction) {
        return mailbox_erase_store::find(transaction, erasing->scope, after, rows_max);
      },
      core_->home,
      [core = core_, erasing](Result<mailbox_erase_store::Found> found) {
        if (!found.ok()) return erasing->answer(found.error());
        erasing->found = std::move(*found);
        core->take_out(erasing);
      });
}

void Mailbox::Core::take_out(const std::shared_ptr<Erasing>& erasing) {
  std::vector<std::pair<Sequence, bool>> removed;  // by the unit; whether it is dead
  std::vector<Sequence> batched;
  for (const IndexRow& row : erasing->found.rows) {
    if (row.state == RowState::kBatched) {
      batched.push_back(row.sequence);
    } else if (row.state == RowState::kDead) {
      removed.emplace_back(row.sequence, true);
    } else if (used_up.contains(row.sequence)) {
      ++erasing->sum.running;  // it becomes a dead letter just now
    } else if (const auto entry = queue.remove(row.tenant, lane_name(row.agent, row.key), row.sequence)) {
      forget_fresh(row.sequence);
      erasing->taken_out.push_back({row, *entry});
      removed.emplace_back(row.sequence, false);
    } else {
      ++erasing->sum.running;
    }
  }
  erasing->sum.last = erasing->found.last;
  erasing->sum.done = erasing->found.done;
  database.write<int>(
      WritePriority::kBackground,
      [erasing, removed, batched](Transaction& transaction) -> Result<int> {
        // From the beginning: a unit whose group failed is not run again, and has changed nothing.
        Erased sum = erasing->sum;
        for (const auto& [sequence, is_dead] : removed) {
          ASSIGN_OR_RETURN(auto gone, mailbox_erase_store::remove(transaction, erasing->scope, sequence, is_dead));
          if (!gone) {
            ++sum.running;  // redriven just now
            continue;
          }
          sum.events += 1 + gone->batched;
          erasing->gone.push_back(std::move(*gone));
        }
        for (const Sequence sequence : batched) {
          ASSIGN_OR_RETURN(const auto left, mailbox_erase_store::leave_batch(transaction, sequence));
          if (!left) {
            // With its head, just now, or that one's turn runs.
            ASSIGN_OR_RETURN(const auto batch_row,
                             mailbox_erase_store::find(transaction, erasing->scope, sequence - 1, 1));
            sum.running += batch_row.rows.empty() || batch_row.rows.front().sequence != sequence ? 0 : 1;
            continue;
          }
          ++sum.events;
          erasing->left.emplace_back(sequence, *left);
        }
        erasing->sum = sum;
        RETURN_IF_ERROR(erasing->in_unit(transaction, sum));
        return 0;
      },
      home,
      [self = shared_from_this(), erasing](const Result<int>& done) {
        self->erased(erasing, done.ok() ? Status() : Status(done.error()));
      });
}

void Mailbox::Core::erased(const std::shared_ptr<Erasing>& erasing, const Status& status) {
  if (!status.ok()) {
    // All as it was; what was taken out of the queue is put back, but not gathered with others any more.
    for (Erasing::TakenOut& out : erasing->taken_out) {
      out.entry.alone = true;
      queue.add(out.row.tenant, lane_name(out.row.agent, out.row.key), out.entry, gather_of(out.row.agent));
    }
    pump();
    return erasing->answer(status.error());
  }
  for (const auto& [sequence, left] : erasing->left) {
    for (const auto& announce : on_settled) announce(sequence);
    if (left.is_dead) {
      bounds.dead.add(erasing->scope.tenant, -1);
    } else if (const auto batch = batches.find(left.head); batch != batches.end()) {
      std::erase(batch->second, sequence);
      if (batch->second.empty()) batches.erase(batch);
    }
  }
  for (const mailbox_erase_store::Gone& gone : erasing->gone) {
    const IndexRow& row = gone.row;
    if (row.state == RowState::kDead) {
      bounds.dead.add(row.tenant, -1 - gone.batched);
      continue;
    }
    // Those that are released go on; they were announced by nobody.
    if (const auto batch = batches.find(row.sequence); batch != batches.end()) {
      for (const IndexRow& other : gone.released) std::erase(batch->second, other.sequence);
    }
    announce_left(row.sequence);
    forget(row.sequence);
    for (const IndexRow& other : gone.released) add(other);
  }
  pump();
  erasing->answer(erasing->sum);
}

}  // namespace mnema
