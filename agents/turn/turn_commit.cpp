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
  for (const Episode& episode : writes.episodes) {
    ASSIGN_OR_RETURN([[maybe_unused]] const EpisodeId id, services.memory.append_episode(transaction, episode));
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
