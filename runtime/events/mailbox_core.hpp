// runtime/events/mailbox_core.hpp
//
// What the mailbox knows in memory, behind its public face (mailbox.hpp).
//
// Threads:   confined to the home executor, except `store`, `store_one`, `store_dead`, `insert_unless_known`,
//            `dead_letter` and `wake`, which run inside a unit of work, and what is atomic.
// Ownership: shared with everything it posts; borrows all its parts.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "runtime/events/expiry_index.hpp"
#include "runtime/events/mailbox.hpp"
#include "runtime/events/mailbox_bounds.hpp"
#include "runtime/events/mailbox_store.hpp"
#include "runtime/events/tenant_queue.hpp"
#include "runtime/exec/wake_timer.hpp"

namespace mnema {

struct Delivery::Lease {
  std::weak_ptr<Mailbox::Core> core;
  mailbox_store::Attempt attempt;
  bool is_batch = false;
  std::atomic<bool> settled = false;
};

struct Mailbox::Core : std::enable_shared_from_this<Core> {
  Core(Database& d, Executor& h, const Clock& c, const Limits& l, EventFlows f);

  struct Consumer {
    Executor* reply_to;
    std::function<void(Delivery)> on_delivery;
  };
  struct Tries {
    int counted = 0;
    int uncounted = 0;
  };
  /// One event of a batch that may be stored.
  struct ArrivingRow {
    std::size_t place = 0;  // of its result
    std::shared_ptr<const Event> event;
    std::optional<EventDigest> digest;  // none: repeats are not the mailbox's to recognise
    std::string lane;
  };
  /// A batch on its way to the disk. Confined to one executor at a time: the caller's, home, the store's, home.
  struct Arriving {
    AcceptResults results;  // of every event; those of `rows` are filled in by the transaction
    std::vector<ArrivingRow> rows;
    Dedupe dedupe = Dedupe::kById;
    AcceptHook hook;
    Time accepted_at{};
    Executor* reply_to = nullptr;
    BatchDone on_done;

    /// With the results, or with why there are none. The last use of it.
    void answer(const Status& status);
  };
  /// Published on the home executor, read by anybody.
  struct Counters {
    std::atomic<std::int64_t> ready = 0, leased = 0, waiting = 0, dead = 0;
    std::atomic<std::int64_t> accepted = 0, duplicates = 0, refused = 0, died = 0;
    std::atomic<std::int64_t> filtered = 0, sampled = 0, coalesced = 0, expired = 0;
    std::atomic<bool> full = false;
  };
  /// An event whose crashes or tries were used up when the last process ended.
  struct UsedUp {
    mailbox_store::Attempt stored;   // as its row says
    mailbox_store::Attempt counted;  // with that crash
    Error cause;
  };

  [[nodiscard]] Status recover();
  void recover_row(const mailbox_store::IndexRow& row);
  void dead_letter_crashed(Sequence sequence);
  [[nodiscard]] Time after_crash(int crashes) const;
  // How events come in (mailbox_accept.cpp).
  void accept(const std::shared_ptr<Arriving>& batch);
  /// Checks an event and completes what it does not say itself.
  [[nodiscard]] Status prepare(Event& event) const;
  [[nodiscard]] bool is_wanted(const Event& event) const;
  [[nodiscard]] Status begin_arrival(const Arriving& batch);
  void end_arrival(const Arriving& batch, std::size_t rows);
  void refuse_unless_known(const std::shared_ptr<Arriving>& batch, const Error& why);
  [[nodiscard]] Status store(Transaction& transaction, Arriving& batch);
  [[nodiscard]] Result<Accepted> store_one(Transaction& transaction, const std::shared_ptr<const Event>& event,
                                           const EventDigest& digest);
  [[nodiscard]] Result<Accepted> insert_unless_known(Transaction& transaction, const Event& event,
                                                     const std::optional<EventDigest>& digest, Time now);
  void stored(const Arriving& batch);
  void add_stored(Sequence sequence, Time accepted_at, const std::shared_ptr<const Event>& event,
                  const std::string& lane);

  [[nodiscard]] Status dead_letter(Transaction& transaction, const Delivery& delivery, const Error& cause);
  [[nodiscard]] Status store_dead(Transaction& transaction, const Event& event, const Error& cause);
  [[nodiscard]] Status wake(Transaction& transaction, Sequence sequence);

  void add(const mailbox_store::IndexRow& row);
  [[nodiscard]] const Gather* gather_of(const std::string& agent) const;
  void thin(const std::string& tenant, const std::string& lane);
  void discard(std::vector<Sequence> superseded);
  /// Rows on their way out (mailbox_erase.cpp).
  struct Erasing;
  void take_out(const std::shared_ptr<Erasing>& erasing);
  void erased(const std::shared_ptr<Erasing>& erasing, const Status& status);

  void expire_due();
  void expire(Sequence sequence);
  void forget_fresh(Sequence sequence);
  void keep_fresh(Sequence sequence, std::shared_ptr<const Event> event);
  void pump();
  void publish();
  /// What a dispatch is made of, once it has been read.
  struct Loaded {
    int generation = 0;
    std::shared_ptr<const Event> event;
    std::vector<std::shared_ptr<const Event>> batch;
    bool has_no_journal = false;
  };
  void dispatch(Consumer consumer, TenantQueue::Taken taken);
  void load_and_dispatch(Consumer consumer, TenantQueue::Taken taken, const mailbox_store::Attempt& attempt);
  void discard_superseded(const TenantQueue::Taken& taken);
  void put_back(const TenantQueue::Taken& taken);
  void deliver(const Consumer& consumer, const TenantQueue::Taken& taken, const mailbox_store::Attempt& attempt,
               Loaded loaded);

  // How a lease ends in memory; the row has been written, or its failure logged.
  void settled(Sequence sequence);
  void announce_left(Sequence sequence);
  void forget(Sequence sequence);
  void died(Sequence sequence, const std::string& tenant);
  void requeue(Sequence sequence, Time not_before);
  /// Likewise; those behind it go on.
  void overtake(Sequence sequence, Time not_before);
  void release(const mailbox_store::Attempt& attempt);
  void dropped(const mailbox_store::Attempt& attempt);

  /// Runs `unit` and, home again, `after`; a failed write is the caller's to see.
  template <class T>
  void write(std::function<Result<T>(Transaction&)> unit, std::function<void(Result<T>)> after) {
    database.write<T>(WritePriority::kForeground, std::move(unit), home, std::move(after));
  }

  Database& database;
  Executor& home;
  const Clock& clock;
  const Limits& limits;
  const EventFlows flows;
  std::function<void(Sequence, const std::shared_ptr<const Event>&)> on_accepted;
  std::function<void(Sequence)> on_deadline;
  std::vector<std::function<void(Sequence)>> on_settled;

  TenantQueue queue;
  MailboxBounds bounds;
  WakeTimer timer;
  std::deque<Consumer> consumers;
  std::unordered_map<Sequence, Tries> tries;                         // of rows that were leased before
  std::unordered_map<Sequence, UsedUp> used_up;                      // queued, to be dead-lettered
  std::unordered_map<Sequence, std::shared_ptr<const Event>> fresh;  // not yet leased; bounded by fresh_bytes
  std::int64_t fresh_bytes = 0;
  ExpiryIndex expiries;
  std::unordered_map<Sequence, std::vector<Sequence>> batches;  // what joined a row that is not dead
  std::unordered_set<Sequence> woken_early;                     // woken while they were leased
  std::atomic<bool> stopped = false;
  Counters counters;
};

/// An event that has become a dead letter, for the log.
struct DeadEvent {
  mailbox_store::Attempt attempt;  // as recorded: without a last try that is not counted
  std::string tenant;
  std::string agent;
  std::string type;
};
void log_dead_letter(const DeadEvent& event, const Error& cause);
/// A line in the log about a write that nobody waits for.
void log_failed_write(const char* what, Sequence sequence, const Status& status);

}  // namespace mnema
