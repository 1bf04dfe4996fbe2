#include "runtime/events/turn_journal.hpp"

#include <charconv>

#include "runtime/base/check.hpp"
#include "runtime/base/sha256.hpp"
#include "runtime/events/turn_journal_store.hpp"

namespace mnema {

std::string_view name_of(StepState state) {
  switch (state) {
    case StepState::kStarted:
      return "started";
    case StepState::kDone:
      return "done";
    case StepState::kFailed:
      return "failed";
    case StepState::kInDoubt:
      return "in doubt";
  }
  return "started";
}

int compare_step_paths(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    const std::size_t a_end = std::min(a.find('.'), a.size()), b_end = std::min(b.find('.'), b.size());
    long long x = 0, y = 0;
    std::from_chars(a.data(), a.data() + a_end, x);
    std::from_chars(b.data(), b.data() + b_end, y);
    if (x != y) return x < y ? -1 : 1;
    a.remove_prefix(std::min(a_end + 1, a.size()));
    b.remove_prefix(std::min(b_end + 1, b.size()));
  }
  return a.empty() ? (b.empty() ? 0 : -1) : 1;
}

TurnIdentity turn_identity(Sequence turn, const Event& event, std::string version, int generation) {
  return {turn,      event.tenant,       event.source, event.id,  event.agent,
          event.key, std::move(version), generation,   event.user};
}

std::string idempotency_key(const TurnIdentity& identity, std::string_view step_path) {
  Sha256 hash;
  hash.update_field(identity.tenant).update_field(identity.source).update_field(identity.event_id);
  hash.update_field(identity.agent).update_field(identity.key).update_field(step_path);
  return hash.update_field(std::to_string(identity.generation)).finish_hex();
}

Result<const JournalStep*> TurnRecord::match(const StepStart& step) const {
  const auto found = steps.find(step.path);
  if (found == steps.end()) return nullptr;
  const StepStart& recorded = found->second.start;
  if (recorded.name == step.name && recorded.arguments_hash == step.arguments_hash) return &found->second;
  const std::string difference = recorded.name != step.name
                                     ? "was '" + recorded.name + "' and is now '" + step.name + "'"
                                     : "('" + step.name + "') has other arguments than before";
  return fail(ErrorCode::kFailedPrecondition, "non-deterministic: step " + step.path + " " + difference,
              "take time, randomness and outside data only from the context, or change the agent's code_version");
}

TurnJournal::TurnJournal(Database& database, const Clock& clock, const Limits& limits)
    : database_(database), clock_(clock), limits_(limits) {}

void TurnJournal::begin(TurnIdentity identity, Executor& reply_to, std::function<void(Status)> on_done) {
  database_.write<void>(
      WritePriority::kForeground,
      [identity = std::move(identity), now = clock_.now()](Transaction& transaction) {
        return turn_journal_store::begin_turn(transaction, identity, now);
      },
      reply_to, std::move(on_done));
}

void TurnJournal::load(TurnIdentity identity, Executor& reply_to, std::function<void(Result<TurnRecord>)> on_done) {
  database_.write<TurnRecord>(
      WritePriority::kForeground,
      [identity = std::move(identity), now = clock_.now()](Transaction& transaction) -> Result<TurnRecord> {
        RETURN_IF_ERROR(turn_journal_store::begin_turn(transaction, identity, now));
        return turn_journal_store::load(transaction, identity.turn);
      },
      reply_to, std::move(on_done));
}

void TurnJournal::restart(TurnIdentity identity, Executor& reply_to, std::function<void(Result<TurnRecord>)> on_done) {
  database_.write<TurnRecord>(
      WritePriority::kForeground,
      [identity = std::move(identity), now = clock_.now()](Transaction& transaction) -> Result<TurnRecord> {
        RETURN_IF_ERROR(turn_journal_store::erase_turn(transaction, identity.turn));
        RETURN_IF_ERROR(turn_journal_store::begin_turn(transaction, identity, now));
        return turn_journal_store::load(transaction, identity.turn);
      },
      reply_to, std::move(on_done));
}

void TurnJournal::begin_step(Sequence turn, StepStart step, Executor& reply_to, std::function<void(Status)> on_done) {
  database_.write<void>(
      WritePriority::kForeground,
      [turn, step = std::move(step), now = clock_.now(), most = limits_.turn_steps_max](Transaction& transaction) {
        return turn_journal_store::begin_step(transaction, turn, step, now, most);
      },
      reply_to, std::move(on_done));
}

void TurnJournal::finish_step(Sequence turn, std::string path, Result<std::string> result, Executor& reply_to,
                              std::function<void(Status)> on_done) {
  database_.write<void>(
      WritePriority::kForeground,
      [turn, path = std::move(path), result = std::move(result), now = clock_.now(),
       most = limits_.journal_result_bytes_max](Transaction& transaction) {
        return turn_journal_store::finish_step(transaction, turn, path, result, now, most);
      },
      reply_to, std::move(on_done));
}

void TurnJournal::record_step(Sequence turn, StepStart step, Result<std::string> result, Executor& reply_to,
                              std::function<void(Status)> on_done) {
  database_.write<void>(
      WritePriority::kForeground,
      [turn, step = std::move(step), result = std::move(result), now = clock_.now(), steps = limits_.turn_steps_max,
       bytes = limits_.journal_result_bytes_max](Transaction& transaction) -> Status {
        RETURN_IF_ERROR(turn_journal_store::begin_step(transaction, turn, step, now, steps));
        return turn_journal_store::finish_step(transaction, turn, step.path, result, now, bytes);
      },
      reply_to, std::move(on_done));
}

void TurnJournal::forget_step(Sequence turn, std::string path, Executor& reply_to,
                              std::function<void(Status)> on_done) {
  database_.write<void>(
      WritePriority::kForeground,
      [turn, path = std::move(path)](Transaction& transaction) {
        return turn_journal_store::forget_step(transaction, turn, path);
      },
      reply_to, std::move(on_done));
}

Status TurnJournal::finish_turn(Transaction& transaction, Sequence turn) {
  return turn_journal_store::finish_turn(transaction, turn, clock_.now());
}

void TurnJournal::purge(int turns_max, Executor& reply_to, std::function<void(Result<int>)> on_done) {
  const Time before = clock_.now() - std::chrono::hours(limits_.journal_retention_hours);
  database_.write<int>(
      WritePriority::kBackground,
      [before, turns_max](Transaction& transaction) {
        return turn_journal_store::purge(transaction, before, turns_max);
      },
      reply_to, std::move(on_done));
}

void TurnJournal::check_integrity() {
  const Result<std::int64_t> wrong = database_.read<std::int64_t>(
      [](Transaction& transaction) { return turn_journal_store::count_wrong_references(transaction); });
  CHECK(wrong.ok() && *wrong == 0, "each blob's references are the steps that name it");
}

}  // namespace mnema
