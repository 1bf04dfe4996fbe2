#include <utility>

#include "runtime/events/mailbox_core.hpp"

// How events come into the mailbox: bounds [home], rows and hook in one unit of work [store], index and answer [home].

namespace mnema {

void Mailbox::Core::Arriving::answer(const Status& status) {
  Result<AcceptResults> answer =
      status.ok() ? Result<AcceptResults>(std::move(results)) : Result<AcceptResults>(status.error());
  reply_to->post([done = std::move(on_done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
}

void Mailbox::Core::accept(const std::shared_ptr<Arriving>& batch) {
  if (const Status capacity = begin_arrival(*batch); !capacity.ok()) {
    publish();
    return refuse_unless_known(batch, capacity.error());
  }
  write<void>([self = shared_from_this(), batch](Transaction& t) { return self->store(t, *batch); },
              [self = shared_from_this(), batch](const Status& status) {
                self->end_arrival(*batch, batch->rows.size());
                if (status.ok()) self->stored(*batch);
                self->pump();
                batch->answer(status);
              });
}

/// Of the whole batch or of nothing.
Status Mailbox::Core::begin_arrival(const Arriving& batch) {
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const ArrivingRow& row = batch.rows[i];
    if (Status capacity = bounds.check(row.event->tenant, row.lane); !capacity.ok()) {
      end_arrival(batch, i);
      return capacity;
    }
    bounds.begin_arrival(row.event->tenant, row.lane);
  }
  return {};
}

void Mailbox::Core::end_arrival(const Arriving& batch, std::size_t rows) {
  for (std::size_t i = 0; i < rows; ++i) bounds.end_arrival(batch.rows[i].event->tenant, batch.rows[i].lane);
}

/// Who repeats what is stored already gets its acknowledgement however full the mailbox is: else the sender of an
/// answer that was lost would go on sending for as long as the mailbox is full.
void Mailbox::Core::refuse_unless_known(const std::shared_ptr<Arriving>& batch, const Error& why) {
  const auto refuse = [self = shared_from_this(), batch, why] {
    self->counters.refused += static_cast<std::int64_t>(batch->rows.size());
    batch->answer(why);
  };
  if (batch->dedupe != Dedupe::kById) return refuse();
  write<bool>(
      [batch](Transaction& t) -> Result<bool> {
        for (const ArrivingRow& row : batch->rows) {
          ASSIGN_OR_RETURN(const auto known, mailbox_store::find_duplicate(t, *row.digest));
          if (!known) return false;
          batch->results[row.place] = Accepted{known->sequence, true, known->differs};
        }
        if (batch->hook) RETURN_IF_ERROR(batch->hook(t, batch->results));
        return true;
      },
      [self = shared_from_this(), batch, refuse](const Result<bool>& all_known) {
        if (!all_known.ok()) return batch->answer(all_known.error());
        if (!*all_known) return refuse();
        self->counters.duplicates += static_cast<std::int64_t>(batch->rows.size());
        batch->answer({});
      });
}

Result<Accepted> Mailbox::Core::insert_unless_known(Transaction& transaction, const Event& event,
                                                    const std::optional<EventDigest>& digest, Time now) {
  if (digest) {
    ASSIGN_OR_RETURN(const auto known, mailbox_store::find_duplicate(transaction, *digest));
    if (known) return Accepted{known->sequence, true, known->differs};
  }
  ASSIGN_OR_RETURN(const Sequence sequence, mailbox_store::insert(transaction, event, now));
  if (digest) {
    RETURN_IF_ERROR(mailbox_store::remember(transaction, *digest, sequence, limits.dedupe_entries_max));
  }
  return Accepted{sequence};
}

Status Mailbox::Core::store(Transaction& transaction, Arriving& batch) {
  batch.accepted_at = clock.now();
  for (const ArrivingRow& row : batch.rows) {
    ASSIGN_OR_RETURN(batch.results[row.place],
                     insert_unless_known(transaction, *row.event, row.digest, batch.accepted_at));
  }
  return batch.hook ? batch.hook(transaction, batch.results) : Status();
}

Result<Accepted> Mailbox::Core::store_one(Transaction& transaction, const std::shared_ptr<const Event>& event,
                                          const EventDigest& digest) {
  const Time now = clock.now();
  ASSIGN_OR_RETURN(const Accepted accepted, insert_unless_known(transaction, *event, digest, now));
  transaction.after_commit([self = shared_from_this(), event, accepted, now] {
    self->home.post([self, event, accepted, now] {
      if (accepted.duplicate) return void(++self->counters.duplicates);
      self->add_stored(accepted.sequence, now, event, lane_name(event->agent, event->key));
      self->pump();
    });
  });
  return accepted;
}

void Mailbox::Core::stored(const Arriving& batch) {
  for (const ArrivingRow& row : batch.rows) {
    const Accepted& accepted = *batch.results[row.place];
    if (accepted.duplicate) {
      ++counters.duplicates;
    } else {
      add_stored(accepted.sequence, batch.accepted_at, row.event, row.lane);
    }
  }
}

void Mailbox::Core::add_stored(Sequence sequence, Time accepted_at, const std::shared_ptr<const Event>& event,
                               const std::string& lane) {
  queue.add(event->tenant, lane, {sequence, static_cast<int>(event->priority), accepted_at, Time{}});
  bounds.note_rows(event->tenant);
  keep_fresh(sequence, event);
  ++counters.accepted;
  if (on_accepted) on_accepted(sequence, event);
}

}  // namespace mnema
