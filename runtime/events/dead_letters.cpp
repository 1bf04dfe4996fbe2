#include "runtime/events/dead_letters.hpp"

#include <charconv>
#include <iterator>

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
      [&mailbox = mailbox_, &outbox = outbox_, id, how = std::move(how), tenant,
       event_bytes_max = limits_.event_bytes_max](Transaction& transaction) -> Status {
        if (id.kind == DeadLetterId::Kind::kMessage) {
          if (!how.from_step.empty())
            return fail(ErrorCode::kInvalidArgument, "a message has no steps", "leave the step out");
          RETURN_IF_ERROR(check_tenant(transaction, id, tenant));
          return outbox.revive(transaction, id.number, how.data);
        }
        if (!how.from_step.empty() && !is_number(how.from_step)) {
          return fail(ErrorCode::kInvalidArgument, "'" + how.from_step + "' is no top-level step",
                      "use a number, e.g. 3");
        }
        if (how.data && static_cast<std::int64_t>(how.data->size()) > event_bytes_max) {
          return fail(ErrorCode::kInvalidArgument,
                      "the payload is larger than " + std::to_string(event_bytes_max) + " bytes",
                      "make it smaller, or raise event_bytes_max in [limits]");
        }
        RETURN_IF_ERROR(check_tenant(transaction, id, tenant));
        // With other data it is another turn: it begins with its next attempt, under the generation that it has then.
        if (how.data)
          RETURN_IF_ERROR(turn_journal_store::erase_turn(transaction, id.number));
        else if (!how.from_step.empty())
          RETURN_IF_ERROR(turn_journal_store::forget_steps_from(transaction, id.number, how.from_step));
        RETURN_IF_ERROR(turn_journal_store::reopen_turn(transaction, id.number));
        return mailbox.revive(transaction, id.number, how.data);
      },
      reply_to, std::move(on_done));
}

namespace {

Status drop_event(Transaction& transaction, Mailbox& mailbox, Sequence sequence) {
  RETURN_IF_ERROR(mailbox.drop(transaction, sequence));
  return turn_journal_store::erase_turn(transaction, sequence);
}

}  // namespace

void DeadLetters::drop(DeadLetterId id, Executor& reply_to, std::function<void(Status)> on_done,
                       const std::string& tenant) {
  database_.write<void>(
      WritePriority::kForeground,
      [&mailbox = mailbox_, &outbox = outbox_, id, tenant](Transaction& transaction) -> Status {
        RETURN_IF_ERROR(check_tenant(transaction, id, tenant));
        if (id.kind == DeadLetterId::Kind::kMessage) return outbox.drop(transaction, id.number);
        return drop_event(transaction, mailbox, id.number);
      },
      reply_to, std::move(on_done));
}

void DeadLetters::purge(int letters_max, Executor& reply_to, std::function<void(Result<int>)> on_done) {
  const Time before = clock_.now() - std::chrono::hours(limits_.dead_letter_retention_hours);
  database_.write<int>(
      WritePriority::kBackground,
      [&mailbox = mailbox_, &outbox = outbox_, before, letters_max](Transaction& transaction) -> Result<int> {
        ASSIGN_OR_RETURN(const std::vector<Sequence> events,
                         mailbox_store::dead_before(transaction, before, letters_max));
        for (const Sequence sequence : events) RETURN_IF_ERROR(drop_event(transaction, mailbox, sequence));
        const int removed = static_cast<int>(events.size());
        ASSIGN_OR_RETURN(const std::vector<std::int64_t> messages,
                         outbox_store::dead_before(transaction, before, letters_max - removed));
        for (const std::int64_t id : messages) RETURN_IF_ERROR(outbox.drop(transaction, id));
        return removed + static_cast<int>(messages.size());
      },
      reply_to, std::move(on_done));
}

}  // namespace mnema
