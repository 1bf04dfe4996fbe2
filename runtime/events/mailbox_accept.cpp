#include <bit>
#include <utility>

#include "runtime/base/sha256.hpp"
#include "runtime/events/event_codec.hpp"
#include "runtime/events/event_deadline.hpp"
#include "runtime/events/mailbox_core.hpp"

// How events come into the mailbox: bounds [home], rows and hook in one unit of work [store], index and answer [home].

namespace mnema {
namespace {

mailbox_store::Sampling sampling_of(const Event& event, const EventFlow& flow, const Limits& limits) {
  Sha256 hash;
  hash.update_field(event.tenant).update_field(event.agent).update_field(event.key);
  const Sha256Digest digest = hash.finish();
  std::uint64_t key = 0;
  for (std::size_t i = 0; i < 8; ++i) key = key << 8 | digest[i];
  mailbox_store::Sampling sampling{std::bit_cast<std::int64_t>(key), flow.sample_one_in, {}, limits.sample_keys_max};
  if (flow.sample_per_second > 0) sampling.interval = Duration(static_cast<std::int64_t>(1e6 / flow.sample_per_second));
  return sampling;
}

}  // namespace

Status Mailbox::Core::prepare(Event& event) const {
  RETURN_IF_ERROR(check_event(event, limits.event_bytes_max));
  if (event.agent.empty()) return fail(ErrorCode::kInvalidArgument, "the event cannot be taken: it names no agent");
  const EventFlow& flow = flows.of(event.agent).said;
  if (flow.priority && event.priority == EventPriority::kEvent) event.priority = *flow.priority;
  std::optional<Duration> after;
  if (flow.deadline_ms) after = std::chrono::milliseconds(*flow.deadline_ms);
  return complete_deadline(event, after, clock.now());
}

bool Mailbox::Core::is_wanted(const Event& event) const {
  const std::optional<EventFilter>& filter = flows.of(event.agent).filter;
  return !filter || filter->fits(event);
}

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
  bool wanted = true;
  if (const AgentFlow& flow = flows.of(event.agent); flow.samples()) {
    ASSIGN_OR_RETURN(wanted, mailbox_store::sample(transaction, sampling_of(event, flow.said, limits), now));
  }
  ASSIGN_OR_RETURN(const Sequence sequence,
                   wanted ? mailbox_store::insert(transaction, event, now) : mailbox_store::reserve(transaction));
  if (digest) {
    RETURN_IF_ERROR(mailbox_store::remember(transaction, *digest, sequence, limits.dedupe_entries_max));
  }
  return Accepted{sequence, false, false, !wanted};
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
      if (accepted.settled) return void(++self->counters.sampled);
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
    } else if (accepted.settled) {
      ++counters.sampled;
    } else {
      add_stored(accepted.sequence, batch.accepted_at, row.event, row.lane);
    }
  }
}

void Mailbox::Core::add_stored(Sequence sequence, Time accepted_at, const std::shared_ptr<const Event>& event,
                               const std::string& lane) {
  const Gather* const gather = gather_of(event->agent);
  queue.add(event->tenant, lane, {sequence, static_cast<int>(event->priority), accepted_at, Time{}}, gather);
  bounds.note_rows(event->tenant);
  if (event->deadline) expiries.add(sequence, {*event->deadline, event->tenant, event->agent, lane});
  keep_fresh(sequence, event);
  if (gather != nullptr) thin(event->tenant, lane);
  ++counters.accepted;
  if (on_accepted) on_accepted(sequence, event);
}

}  // namespace mnema
