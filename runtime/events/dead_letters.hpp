// runtime/events/dead_letters.hpp
//
// What could not be done, with its whole history, until a person decides: events whose attempts are used up, and
// messages that no destination took. They have a bound of their own (dead_letter_bound.hpp); those older than
// `dead_letter_retention_hours` are removed (retention_cleaner.hpp).
//
// Threads:   the reading methods not on the loop (they read the database); the others from any thread.
// Ownership: borrows all its parts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/events/mailbox.hpp"
#include "runtime/events/mailbox_store.hpp"
#include "runtime/events/outbox.hpp"
#include "runtime/events/turn_journal.hpp"

namespace mnema {

/// Names one dead letter: "event:17" or "message:3".
struct DeadLetterId {
  enum class Kind { kEvent, kMessage };
  Kind kind = Kind::kEvent;
  std::int64_t number = 0;

  [[nodiscard]] std::string text() const;
  /// A bare number is an event. Errors: `kInvalidArgument`.
  [[nodiscard]] static Result<DeadLetterId> parse(std::string_view text);
  auto operator<=>(const DeadLetterId&) const = default;
};

/// One line of a list.
struct DeadLetterSummary {
  DeadLetterId id;
  std::string tenant;
  std::string agent;
  std::string key;
  std::string about;   // event type, or destination
  int attempts = 0;    // counted ones
  int tries = 0;       // with those of which nothing left the process
  int generation = 0;  // how often it was redriven with edited data
  Time died_at{};
  Error error;  // of the last attempt
};

/// Everything that is known.
struct DeadLetter {
  DeadLetterSummary summary;
  std::optional<Event> event;                       // of an event
  std::vector<mailbox_store::AttemptError> errors;  // oldest first
  std::int64_t batch = 0;                           // events that share its turn and its fate
  std::optional<TurnRecord> journal;                // of an event whose turn had begun
  std::optional<OutboxMessage> message;             // of a message
};

/// Which dead letters; what is empty is any.
struct DeadLetterFilter {
  std::optional<DeadLetterId::Kind> kind;
  std::string tenant;
  std::string agent;
  std::string about = {};   // event type, or destination
  std::string reason = {};  // the name of its last error's code ("deadline_exceeded"), or a part of its message
  std::optional<Time> died_from = {};
  std::optional<Time> died_before = {};
};

struct Redrive {
  std::string from_step;  // a top-level step path: it and all after it are done anew; "" = replay all that is done
  std::optional<std::string> data;  // replaces the payload: a new effect, for which nothing journalled is replayed
  /// A connector that is sent the payload as a message instead, through the outbox; the letter is gone then.
  std::string to = {};
};

/// What a change of many letters did.
struct BulkChange {
  std::vector<DeadLetterId> changed;
  bool has_more = false;  // behind the last of them
};

/// Events by number, then messages by number, those behind `after`, at most `count`. Needs nothing but a connection
/// that reads: a command line may read beside the process that serves.
[[nodiscard]] Result<std::vector<DeadLetterSummary>> list_dead_letters(Transaction& transaction, int count,
                                                                       const DeadLetterFilter& filter = {},
                                                                       const DeadLetterId& after = {});
/// Errors: `kNotFound`, also for a letter of another tenant than `tenant` ("" = any).
[[nodiscard]] Result<DeadLetter> load_dead_letter(Transaction& transaction, const DeadLetterId& id,
                                                  const std::string& tenant = {});

class DeadLetters {
 public:
  DeadLetters(Database& database, Mailbox& mailbox, Outbox& outbox, const Clock& clock, const Limits& limits);

  /// The two above, over the database's own connections.
  [[nodiscard]] Result<std::vector<DeadLetterSummary>> list(int count, const DeadLetterFilter& filter = {},
                                                            const DeadLetterId& after = {});
  [[nodiscard]] Result<DeadLetter> show(const DeadLetterId& id, const std::string& tenant = {});

  /// Tries again from the beginning of its attempts. Effects that are repeated carry the same idempotency keys, unless
  /// the data is edited: then they are others.
  /// Errors: `kNotFound` (another tenant than `tenant` has it, too; "" = any), `kInvalidArgument` (from_step of a
  /// message or with `to`, an event's payload above limits.event_bytes_max, another payload for a batch).
  void redrive(DeadLetterId id, Redrive how, Executor& reply_to, std::function<void(Status)> on_done,
               const std::string& tenant = {});
  /// Removes it with its journal. Errors: `kNotFound`, likewise.
  void drop(DeadLetterId id, Executor& reply_to, std::function<void(Status)> on_done, const std::string& tenant = {});
  /// The letters that fit, behind `after`, in the order of a list, at most `count`: all of them or, with the error of
  /// the first that cannot be changed, none. One unit of work: ask for few, and again while there are more.
  /// Errors: as redrive, naming the letter; `kInvalidArgument` (`how.data`: a payload is one letter's).
  void redrive_all(DeadLetterFilter filter, DeadLetterId after, int count, Redrive how, Executor& reply_to,
                   std::function<void(Result<BulkChange>)> on_done);
  void drop_all(DeadLetterFilter filter, DeadLetterId after, int count, Executor& reply_to,
                std::function<void(Result<BulkChange>)> on_done);
  /// Removes those whose retention is over, at most `letters_max` of them, at background priority. Answers how many.
  void purge(int letters_max, Executor& reply_to, std::function<void(Result<int>)> on_done);

 private:
  [[nodiscard]] Status redrive_one(Transaction& transaction, const DeadLetterId& id, const Redrive& how) const;
  [[nodiscard]] Status send_one(Transaction& transaction, const DeadLetterId& id, const Redrive& how) const;
  [[nodiscard]] Status drop_one(Transaction& transaction, const DeadLetterId& id) const;
  void change_all(DeadLetterFilter filter, DeadLetterId after, int count,
                  std::function<Status(Transaction&, const DeadLetterId&)> change, Executor& reply_to,
                  std::function<void(Result<BulkChange>)> on_done);

  Database& database_;
  Mailbox& mailbox_;
  Outbox& outbox_;
  const Clock& clock_;
  const Limits& limits_;
};

}  // namespace mnema
