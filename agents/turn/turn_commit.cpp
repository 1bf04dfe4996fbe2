#include "agents/turn/turn_commit.hpp"

#include "memory/store.hpp"
#include "runtime/runtime.hpp"

namespace mnema {

Status commit_turn(Transaction& transaction, const TurnServices& services, const Scope& scope, const std::string& key,
                   const TurnWrites& writes, const Delivery& delivery) {
  Runtime& runtime = services.runtime;
  const Time now = services.clock.now();
  if (writes.state) RETURN_IF_ERROR(put_state(transaction, scope.tenant, scope.agent, key, *writes.state, now));
  std::int64_t before = 0;
  if (const auto& session = writes.session) {
    ASSIGN_OR_RETURN(before,
                     services.memory.begin_chat_turn(transaction, scope.tenant, session->thread, session->follows));
  }
  EpisodeId first = 0;
  for (const Episode& episode : writes.episodes) {
    ASSIGN_OR_RETURN(const EpisodeId id, services.memory.append_episode(transaction, episode));
    if (first == 0) first = id;
  }
  for (const BlockEdit& edit : writes.blocks) {
    ASSIGN_OR_RETURN([[maybe_unused]] const Block block, services.memory.edit_block(transaction, edit));
  }
  if (writes.corrects_last_run) {
    RETURN_IF_ERROR(services.memory.correct_last_run(transaction, scope, writes.thread));
  }
  if (writes.run) {
    TaskRun run = *writes.run;
    run.episode = first;
    RETURN_IF_ERROR(services.memory.append_task_run(transaction, run));
  }
  for (const OutboxMessage& message : writes.messages) {
    OutboxMessage owned = message;
    owned.user = scope.user;
    ASSIGN_OR_RETURN([[maybe_unused]] const std::int64_t id, runtime.outbox().append(transaction, owned));
  }
  for (const std::string& name : writes.timers_cancelled) {
    ASSIGN_OR_RETURN([[maybe_unused]] const bool was_set,
                     runtime.timers().cancel(transaction, scope.tenant, scope.agent, key, name));
  }
  for (const Timer& timer : writes.timers) RETURN_IF_ERROR(runtime.timers().set(transaction, timer));
  if (const auto& session = writes.session) {
    SessionMemo memo = session->memo;
    ASSIGN_OR_RETURN(memo.last_episode, services.memory.end_chat_turn(transaction, scope.tenant, session->thread,
                                                                      session->follows, before));
    RETURN_IF_ERROR(put_session(transaction, session->digest, scope, memo, now, services.limits));
  }
  if (!delivery) return {};
  RETURN_IF_ERROR(runtime.journal().finish_turn(transaction, delivery.sequence()));
  return runtime.mailbox().complete(transaction, delivery);
}

}  // namespace mnema
