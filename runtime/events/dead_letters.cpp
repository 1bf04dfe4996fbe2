#include "runtime/events/dead_letters.hpp"

#include <charconv>
#include <iterator>

#include "runtime/base/sha256.hpp"
#include "runtime/events/dead_letter_store.hpp"
#include "runtime/events/outbox_store.hpp"
#include "runtime/events/turn_journal_store.hpp"

namespace mnema {
namespace {

DeadLetterSummary summary_of(const mailbox_store::Row& row, const std::vector<mailbox_store::AttemptError>& errors) {
  DeadLetterSummary summary;
  summary.id = {DeadLetterId::Kind::kEvent, row.index.sequence};
  summary.tenant = row.index.tenant;
  summary.agent = row.index.agent;
  summary.key = row.index.key;
  summary.about = row.event.type;
  summary.attempts = row.index.attempts;
  summary.tries = row.index.attempts + row.index.uncounted;
  summary.generation = row.index.generation;
  summary.died_at = row.index.died_at;
  if (!errors.empty()) summary.error = errors.back().error;
  return summary;
}

DeadLetterSummary summary_of(const outbox_store::DeadRow& dead) {
  const OutboxMessage& message = dead.row.message;
  return {{DeadLetterId::Kind::kMessage, dead.row.id},
          message.tenant,
          message.agent,
          message.key,
          message.destination,
          dead.row.attempt - dead.row.unsent,
          dead.row.attempt,
          dead.row.generation,
          dead.at,
          dead.error};
}

/// That the letter is there, and of `tenant` if that is not empty.
Status check_tenant(Transaction& transaction, const DeadLetterId& id, const std::string& tenant) {
  ASSIGN_OR_RETURN(const std::string owner, dead_letter_store::tenant_of(transaction, id));
  if (!tenant.empty() && owner != tenant) return dead_letter_store::no_dead_letter(id);
  return {};
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Whether such a letter can be redriven so at all.
Status check_redrive(const DeadLetterId& id, const Redrive& how, const Limits& limits) {
  if (!how.from_step.empty() && !how.to.empty()) {
    return fail(ErrorCode::kInvalidArgument, "what is sent elsewhere has no turn, and no step to begin from",
                "leave the step out");
  }
  if (id.kind == DeadLetterId::Kind::kMessage) {
    if (how.from_step.empty()) return {};
    return fail(ErrorCode::kInvalidArgument, "a message has no steps", "leave the step out");
  }
  if (!how.from_step.empty() && !is_number(how.from_step)) {
    return fail(ErrorCode::kInvalidArgument, "'" + how.from_step + "' is no top-level step", "use a number, e.g. 3");
  }
  if (how.data && static_cast<std::int64_t>(how.data->size()) > limits.event_bytes_max) {
    return fail(ErrorCode::kInvalidArgument,
                "the payload is larger than " + std::to_string(limits.event_bytes_max) + " bytes",
                "make it smaller, or raise event_bytes_max in [limits]");
  }
  return {};
}

/// Of an event that is sent on: the same each time, and another one for another payload or destination.
std::string key_of_sent(const Event& event, const Redrive& how) {
  Sha256 hash;
  hash.update_field("dead letter").update_field(how.to).update_field(event.tenant).update_field(event.source);
  hash.update_field(event.id).update_field(how.data.value_or(""));
  return hash.finish_hex();
}

}  // namespace

std::string DeadLetterId::text() const {
  return (kind == Kind::kEvent ? "event:" : "message:") + std::to_string(number);
}

Result<DeadLetterId> DeadLetterId::parse(std::string_view text) {
  DeadLetterId id;
  std::string_view digits = text;
  if (text.starts_with("event:"))
    digits.remove_prefix(6);
  else if (text.starts_with("message:"))
    digits.remove_prefix(8), id.kind = Kind::kMessage;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id.number);
  if (error == std::errc() && end == digits.data() + digits.size() && id.number > 0) return id;
  return fail(ErrorCode::kInvalidArgument, "'" + std::string(text) + "' names no dead letter",
              "use event:NUMBER or message:NUMBER");
}

Result<std::vector<DeadLetterSummary>> list_dead_letters(Transaction& transaction, int count,
                                                         const DeadLetterFilter& filter, const DeadLetterId& after) {
  using Kind = DeadLetterId::Kind;
  std::vector<DeadLetterSummary> letters;
  if (filter.kind.value_or(Kind::kEvent) == Kind::kEvent && after.kind == Kind::kEvent) {
    ASSIGN_OR_RETURN(letters, dead_letter_store::list_events(transaction, filter, after.number, count));
  }
  const int left = count - static_cast<int>(letters.size());
  if (left == 0 || filter.kind.value_or(Kind::kMessage) == Kind::kEvent) return letters;
  const std::int64_t after_message = after.kind == Kind::kMessage ? after.number : 0;
  ASSIGN_OR_RETURN(std::vector<DeadLetterSummary> messages,
                   dead_letter_store::list_messages(transaction, filter, after_message, left));
  std::move(messages.begin(), messages.end(), std::back_inserter(letters));
  return letters;
}

Result<DeadLetter> load_dead_letter(Transaction& transaction, const DeadLetterId& id, const std::string& tenant) {
  RETURN_IF_ERROR(check_tenant(transaction, id, tenant));
  DeadLetter letter;
  if (id.kind == DeadLetterId::Kind::kMessage) {
    ASSIGN_OR_RETURN(const outbox_store::DeadRow dead, outbox_store::load_dead(transaction, id.number));
    letter.summary = summary_of(dead);
    letter.errors.push_back({dead.row.attempt, dead.at, dead.error});
    letter.message = dead.row.message;
    return letter;
  }
  ASSIGN_OR_RETURN(mailbox_store::Row row, mailbox_store::load(transaction, id.number));
  ASSIGN_OR_RETURN(letter.errors, mailbox_store::errors_of(transaction, id.number));
  letter.summary = summary_of(row, letter.errors);
  ASSIGN_OR_RETURN(const std::vector<Sequence> batch, mailbox_store::batch_of(transaction, id.number));
  letter.batch = static_cast<std::int64_t>(batch.size());
  letter.event = std::move(row.event);
  Result<TurnRecord> journal = turn_journal_store::load(transaction, id.number);
  if (journal.ok())
    letter.journal = std::move(*journal);
  else if (journal.error().code != ErrorCode::kNotFound)
    return journal.error();
  return letter;
}

DeadLetters::DeadLetters(Database& database, Mailbox& mailbox, Outbox& outbox, const Clock& clock, const Limits& limits)
    : database_(database), mailbox_(mailbox), outbox_(outbox), clock_(clock), limits_(limits) {}

Result<std::vector<DeadLetterSummary>> DeadLetters::list(int count, const DeadLetterFilter& filter,
                                                         const DeadLetterId& after) {
  return database_.read<std::vector<DeadLetterSummary>>(
      [&](Transaction& transaction) { return list_dead_letters(transaction, count, filter, after); });
}

Result<DeadLetter> DeadLetters::show(const DeadLetterId& id, const std::string& tenant) {
  return database_.read<DeadLetter>(
      [&](Transaction& transaction) { return load_dead_letter(transaction, id, tenant); });
}

void DeadLetters::redrive(DeadLetterId id, Redrive how, Executor& reply_to, std::function<void(Status)> on_done,
                          const std::string& tenant) {
  database_.write<void>(
      WritePriority::kForeground,
      [this, id, how = std::move(how), tenant](Transaction& transaction) -> Status {
        RETURN_IF_ERROR(check_redrive(id, how, limits_));
        RETURN_IF_ERROR(check_tenant(transaction, id, tenant));
        return redrive_one(transaction, id, how);
      },
      reply_to, std::move(on_done));
}

Status DeadLetters::redrive_one(Transaction& transaction, const DeadLetterId& id, const Redrive& how) const {
  if (!how.to.empty()) return send_one(transaction, id, how);
  if (id.kind == DeadLetterId::Kind::kMessage) return outbox_.revive(transaction, id.number, how.data);
  // With other data it is another turn: it begins with its next attempt, under the generation that it has then.
  if (how.data)
    RETURN_IF_ERROR(turn_journal_store::erase_turn(transaction, id.number));
  else if (!how.from_step.empty())
    RETURN_IF_ERROR(turn_journal_store::forget_steps_from(transaction, id.number, how.from_step));
  RETURN_IF_ERROR(turn_journal_store::reopen_turn(transaction, id.number));
  return mailbox_.revive(transaction, id.number, how.data);
}

Status DeadLetters::send_one(Transaction& transaction, const DeadLetterId& id, const Redrive& how) const {
  if (id.kind == DeadLetterId::Kind::kMessage) {
    ASSIGN_OR_RETURN(outbox_store::DeadRow dead, outbox_store::load_dead(transaction, id.number));
    OutboxMessage message = std::move(dead.row.message);
    message.destination = how.to;
    if (how.data) message.body = *how.data;
    ASSIGN_OR_RETURN([[maybe_unused]] const std::int64_t sent, outbox_.append(transaction, message));
    return outbox_.drop(transaction, id.number);
  }
  ASSIGN_OR_RETURN(mailbox_store::Row row, mailbox_store::load(transaction, id.number));
  ASSIGN_OR_RETURN(std::vector<Event> events, mailbox_store::load_batch(transaction, id.number));
  if (how.data && !events.empty()) {
    return fail(ErrorCode::kInvalidArgument, "a batch has no single payload", "send it as it is");
  }
  events.insert(events.begin(), std::move(row.event));
  for (const Event& event : events) {
    OutboxMessage message;
    message.tenant = event.tenant;
    message.agent = event.agent;
    message.destination = how.to;
    message.key = event.key;
    message.idempotency_key = key_of_sent(event, how);
    message.content_type = event.content_type;
    message.body = how.data.value_or(event.data);
    message.traceparent = event.traceparent;
    message.turn = id.number;
    message.user = event.user;
    ASSIGN_OR_RETURN([[maybe_unused]] const std::int64_t sent, outbox_.append(transaction, message));
  }
  return drop_one(transaction, id);
}

Status DeadLetters::drop_one(Transaction& transaction, const DeadLetterId& id) const {
  if (id.kind == DeadLetterId::Kind::kMessage) return outbox_.drop(transaction, id.number);
  RETURN_IF_ERROR(mailbox_.drop(transaction, id.number));
  return turn_journal_store::erase_turn(transaction, id.number);
}

void DeadLetters::drop(DeadLetterId id, Executor& reply_to, std::function<void(Status)> on_done,
                       const std::string& tenant) {
  database_.write<void>(
      WritePriority::kForeground,
      [this, id, tenant](Transaction& transaction) -> Status {
        RETURN_IF_ERROR(check_tenant(transaction, id, tenant));
        return drop_one(transaction, id);
      },
      reply_to, std::move(on_done));
}

void DeadLetters::redrive_all(DeadLetterFilter filter, DeadLetterId after, int count, Redrive how, Executor& reply_to,
                              std::function<void(Result<BulkChange>)> on_done) {
  if (how.data) {
    const Error error = fail(ErrorCode::kInvalidArgument, "a payload replaces that of one letter", "name one");
    return reply_to.post([on_done = std::move(on_done), error] { on_done(error); });
  }
  change_all(
      std::move(filter), after, count,
      [this, how = std::move(how)](Transaction& transaction, const DeadLetterId& id) -> Status {
        RETURN_IF_ERROR(check_redrive(id, how, limits_));
        return redrive_one(transaction, id, how);
      },
      reply_to, std::move(on_done));
}

void DeadLetters::drop_all(DeadLetterFilter filter, DeadLetterId after, int count, Executor& reply_to,
                           std::function<void(Result<BulkChange>)> on_done) {
  change_all(
      std::move(filter), after, count,
      [this](Transaction& transaction, const DeadLetterId& id) { return drop_one(transaction, id); }, reply_to,
      std::move(on_done));
}

void DeadLetters::change_all(DeadLetterFilter filter, DeadLetterId after, int count,
                             std::function<Status(Transaction&, const DeadLetterId&)> change, Executor& reply_to,
                             std::function<void(Result<BulkChange>)> on_done) {
  database_.write<BulkChange>(
      WritePriority::kForeground,
      [filter = std::move(filter), after, count,
       change = std::move(change)](Transaction& transaction) -> Result<BulkChange> {
        ASSIGN_OR_RETURN(const std::vector<DeadLetterSummary> letters,
                         list_dead_letters(transaction, count + 1, filter, after));
        BulkChange done;
        for (const DeadLetterSummary& letter : letters) {
          if (static_cast<int>(done.changed.size()) == count) {
            done.has_more = true;
            break;
          }
          if (const Status changed = change(transaction, letter.id); !changed.ok()) {
            Error error = changed.error();
            error.message = letter.id.text() + ": " + error.message;
            return error;
          }
          done.changed.push_back(letter.id);
        }
        return done;
      },
      reply_to, std::move(on_done));
}

void DeadLetters::purge(int letters_max, Executor& reply_to, std::function<void(Result<int>)> on_done) {
  const Time before = clock_.now() - std::chrono::hours(limits_.dead_letter_retention_hours);
  database_.write<int>(
      WritePriority::kBackground,
      [this, before, letters_max](Transaction& transaction) -> Result<int> {
        ASSIGN_OR_RETURN(const std::vector<Sequence> events,
                         mailbox_store::dead_before(transaction, before, letters_max));
        for (const Sequence sequence : events) {
          RETURN_IF_ERROR(drop_one(transaction, {DeadLetterId::Kind::kEvent, sequence}));
        }
        const int removed = static_cast<int>(events.size());
        ASSIGN_OR_RETURN(const std::vector<std::int64_t> messages,
                         outbox_store::dead_before(transaction, before, letters_max - removed));
        for (const std::int64_t id : messages) RETURN_IF_ERROR(outbox_.drop(transaction, id));
        return removed + static_cast<int>(messages.size());
      },
      reply_to, std::move(on_done));
}

}  // namespace mnema
