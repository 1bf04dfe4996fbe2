// agents/turn/turn_commit.hpp
//
// Everything a turn leaves behind, in one transaction: its state, its memory, its messages, its timers, its session,
// the end of its journal, and the event's row. It happened, or it did not.
//
// Threads:   `TurnWrites` on the turn's strand until the commit begins; `commit_turn` inside a unit of work.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/turn/session_store.hpp"
#include "agents/turn/turn_services.hpp"
#include "memory/blocks/block.hpp"
#include "memory/procedural/procedure.hpp"
#include "memory/record.hpp"
#include "runtime/events/mailbox.hpp"
#include "runtime/events/outbox.hpp"
#include "runtime/events/timers.hpp"

namespace mnema {

struct TurnWrites {
  std::vector<OutboxMessage> messages;
  std::vector<Episode> episodes;
  std::vector<BlockEdit> blocks;              // in order
  std::vector<std::string> timers_cancelled;  // by name; before the ones that are set
  std::vector<Timer> timers;
  std::optional<StoredState> state;
  struct Session {
    std::string digest;
    SessionMemo memo;  // its last_episode is found out by the commit
    std::string thread;
    std::optional<std::int64_t> follows;  // ChatTurn::follows
  };
  std::optional<Session> session;
  std::optional<TaskRun> run;      // its episode is found out by the commit
  bool corrects_last_run = false;  // of its thread
  std::string thread;              // of these two
};

/// Errors: `kAborted` when the delivery is no longer this turn's; `kStorage`; those of the parts. With any of them
/// nothing is written.
[[nodiscard]] Status commit_turn(Transaction& transaction, const TurnServices& services, const Scope& scope,
                                 const std::string& key, const TurnWrites& writes, const Delivery& delivery);

}  // namespace mnema
