#include "agents/erase/runtime_parts.hpp"

#include <map>
#include <memory>
#include <utility>

#include "agents/erase/session_erase_store.hpp"
#include "memory/erase/scope_rows_store.hpp"
#include "runtime/events/mailbox_erase_store.hpp"
#include "runtime/events/outbox_store.hpp"
#include "runtime/events/turn_journal_store.hpp"

namespace mnema {
namespace {

using Step = ErasePart::Step;

// A turn has many steps, some of them with blobs.
constexpr int kTurnsPerUnit = 20;
constexpr std::size_t kOwnersKept = 1'000;

Step nothing() { return Step{{}, 0, true, {}}; }

/// What has no names but an entry's number is none of the runtime's.
bool is_of_runtime(const EraseTarget& target) { return target.entry == 0; }

Step step_of(const char* name, std::int64_t count, std::int64_t cursor, bool done) {
  Step step{{}, cursor, done, {}};
  if (count > 0) step.counts[name] = count;
  return step;
}

using CountRows = Result<std::int64_t> (*)(Transaction&, const Scope&);

/// How a preview counts the rows of a table.
std::function<Result<EraseCounts>(Transaction&, const EraseTarget&)> counted(const char* name, CountRows count) {
  return [name, count](Transaction& transaction, const EraseTarget& target) -> Result<EraseCounts> {
    EraseCounts counts;
    if (!is_of_runtime(target)) return counts;
    ASSIGN_OR_RETURN(const std::int64_t rows, count(transaction, target.scope));
    if (rows > 0) counts[name] = rows;
    return counts;
  };
}

ErasePart mailbox_part(Mailbox& mailbox) {
  ErasePart part;
  part.name = "mailbox";
  part.count = counted("events", mailbox_erase_store::count);
  part.slices = [&mailbox](const EraseTarget& target, std::int64_t cursor, int rows_max, ErasePart::CountIn count_in,
                           Executor& reply_to, std::function<void(Result<Step>)> on_done) {
    if (!is_of_runtime(target)) return on_done(nothing());
    mailbox.erase(
        target.scope, cursor, rows_max,
        [count_in = std::move(count_in)](Transaction& transaction, const Mailbox::Erased& erased) -> Status {
          if (erased.events == 0) return {};
          return count_in(transaction, {{"events", erased.events}});
        },
        reply_to,
        [on_done = std::move(on_done)](const Result<Mailbox::Erased>& erased) {
          if (!erased.ok()) return on_done(erased.error());
          Step step = step_of("events", erased->events, erased->last, erased->done);
          if (erased->running > 0) step.waits_for = "a turn runs";
          on_done(step);
        });
  };
  return part;
}

ErasePart outbox_part(Outbox& outbox) {
  ErasePart part;
  part.name = "outbox";
  part.count = counted("messages", outbox_store::count_of);
  part.rows = [&outbox](Transaction& transaction, const EraseTarget& target, std::int64_t cursor,
                        int rows_max) -> Result<Step> {
    if (!is_of_runtime(target)) return nothing();
    ASSIGN_OR_RETURN(const Outbox::Erased erased, outbox.erase(transaction, target.scope, cursor, rows_max));
    Step step = step_of("messages", erased.messages, erased.last, erased.done);
    if (!erased.done) return step;
    ASSIGN_OR_RETURN(const bool waits, outbox_store::has_unknown_waiting(transaction, target.scope));
    if (waits) step.waits_for = "messages that wait, of before they said whose they are, are delivered first";
    return step;
  };
  return part;
}

ErasePart journal_part() {
  ErasePart part;
  part.name = "journal";
  part.count = counted("turns", turn_journal_store::count_of);
  part.rows = [](Transaction& transaction, const EraseTarget& target, std::int64_t cursor, int) -> Result<Step> {
    if (!is_of_runtime(target)) return nothing();
    ASSIGN_OR_RETURN(const auto erased, turn_journal_store::erase_of(transaction, target.scope, cursor, kTurnsPerUnit));
    return step_of("turns", erased.turns, erased.last, erased.done);
  };
  return part;
}

ErasePart timers_part(Timers& timers) {
  ErasePart part;
  part.name = "timers";
  part.rows = [&timers](Transaction& transaction, const EraseTarget& target, std::int64_t cursor,
                        int rows_max) -> Result<Step> {
    if (!is_of_runtime(target)) return nothing();
    ASSIGN_OR_RETURN(const Timers::Erased erased, timers.erase(transaction, target.scope, cursor, rows_max));
    return step_of("timers", erased.timers, erased.last, erased.done);
  };
  return part;
}

ErasePart sessions_part() {
  ErasePart part;
  part.name = "sessions";
  part.rows = [](Transaction& transaction, const EraseTarget& target, std::int64_t, int rows_max) -> Result<Step> {
    if (!is_of_runtime(target)) return nothing();
    ASSIGN_OR_RETURN(const auto erased, session_erase_store::erase(transaction, target.scope, rows_max));
    Step step = step_of("sessions", erased.sessions, 0, erased.sessions + erased.states == 0);
    if (erased.states > 0) step.counts["states"] = erased.states;
    return step;
  };
  part.count = [](Transaction& transaction, const EraseTarget& target) -> Result<EraseCounts> {
    EraseCounts counts;
    if (!is_of_runtime(target)) return counts;
    ASSIGN_OR_RETURN(const auto rows, session_erase_store::count(transaction, target.scope));
    if (rows.sessions > 0) counts["sessions"] = rows.sessions;
    if (rows.states > 0) counts["states"] = rows.states;
    return counts;
  };
  return part;
}

ErasePart engine_part(Database& database, Engine& engine) {
  ErasePart part;
  part.name = "engine";
  // Of entries, whose they were, for the passes after the one that erased them; of the eraser's strand.
  const auto owners = std::make_shared<std::map<EntryId, std::string>>();
  part.elsewhere = [&database, &engine, owners](const EraseTarget& target, Executor& reply_to,
                                                std::function<void(Result<std::string>)> on_done) {
    Scope scope{target.scope.tenant, "", target.scope.user, ""};
    if (target.entry != 0) {
      // Before memory erases it: whose prompts may have held it.
      const auto owner =
          database.read<std::optional<Scope>>([&](Transaction& transaction) -> Result<std::optional<Scope>> {
            ASSIGN_OR_RETURN(const auto tenant, scope_store::find_tenant(transaction, target.scope.tenant));
            if (!tenant) return std::optional<Scope>();
            return scope_rows_store::owner_of(transaction, *tenant, target.entry);
          });
      if (!owner.ok()) return on_done(owner.error());
      if (owners->size() >= kOwnersKept) owners->erase(owners->begin());
      if (*owner) owners->insert_or_assign(target.entry, (*owner)->user);
      const auto known = owners->find(target.entry);
      if (known != owners->end()) scope.user = known->second;  // else of the whole tenant: after a crash
    }
    engine.erase(std::move(scope), reply_to, [on_done = std::move(on_done)] { on_done(std::string()); });
  };
  return part;
}

}  // namespace

std::vector<ErasePart> runtime_parts(Runtime& runtime, Engine& engine) {
  std::vector<ErasePart> parts;
  parts.push_back(mailbox_part(runtime.mailbox()));
  parts.push_back(outbox_part(runtime.outbox()));
  parts.push_back(journal_part());
  parts.push_back(timers_part(runtime.timers()));
  parts.push_back(sessions_part());
  parts.push_back(engine_part(runtime.database(), engine));
  return parts;
}

}  // namespace mnema
