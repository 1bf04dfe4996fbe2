// agents/turn/turn.hpp
//
// One event, handled once: load the journal and the agent's state, run the handler, commit everything it did in one
// transaction, or decide what becomes of the event if it could not be done.
//
//   start -> (journal, state) -> handler: step, step, ... -> commit -> kDone
//                                   |-> failed: retry later (kRetried) or dead letter (kDead)
//                                   |-> another version is needed: parked (kParked)
//                                   |-> cancel: event released (kReleased), chat closed (kCancelled)
//                                   '-> its deadline passes: cancelled, and a dead letter (kDead)
//
// An attempt of which nothing left the process does not count (Error::never_left): an outage of any length is waited
// out, the longer between tries the more there were. A turn whose stored state no migration brings to this program's
// version (agents/state_type.hpp), or whose journal another code version began (OtherVersion), is parked: its event
// waits with its key, not counted, is told in the log, and is looked at again when the program starts next.
//
// A foreground chat is a turn without an event in the mailbox: it has no journal, and a cancelled one leaves no trace.
//
// Threads:   `start` and `cancel` from any thread; the rest on the turn's strand.
// Ownership: shared by the dispatcher and by what is in flight. After `on_end` no frame, context or callback of it is
//            left that does anything.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/agent.hpp"
#include "agents/context.hpp"
#include "agents/task.hpp"
#include "agents/turn/citations.hpp"
#include "agents/turn/prefix_watch.hpp"
#include "agents/turn/session.hpp"
#include "agents/turn/standing_memory.hpp"
#include "agents/turn/task_trace.hpp"
#include "agents/turn/turn_commit.hpp"
#include "agents/turn/turn_services.hpp"
#include "agents/turn/turn_steps.hpp"
#include "inference/engine.hpp"
#include "runtime/events/budget.hpp"
#include "runtime/events/mailbox.hpp"
#include "runtime/exec/strand.hpp"

namespace mnema {

/// What a foreground chat adds to its event.
struct ChatTurn {
  Scope speaker;                        // who is speaking, as agents/turn/session.hpp tells conversations apart
  std::vector<Message> sent;            // what the client sent, the new message last
  std::string session;                  // id, found by the history or new
  bool session_is_named = false;        // by the client; else nobody can come back to it but by its history
  std::vector<Message> history;         // as it was laid out before the model; without the new message
  std::optional<std::int64_t> follows;  // the last episode of the talk so far (SessionMemo::last_episode)
  std::string system;                   // the client's own system text
  SamplingOptions sampling;
  bool sampling_given = false;  // else the agent's
  Constraint constraint;
  std::vector<std::string> stop;
  int tokens_max = 0;                   // 0 = the agent's
  std::function<void(Delta)> on_delta;  // called on the turn's strand
};

struct TurnRequest {
  const AgentSpec* agent = nullptr;
  std::shared_ptr<const Event> event;
  std::vector<std::shared_ptr<const Event>> batch = {};  // the events after it that share its turn
  Delivery delivery;                                     // empty for a chat
  std::optional<ChatTurn> chat;
};

enum class TurnEnd { kDone, kRetried, kDead, kReleased, kCancelled, kFailed, kLost, kParked };
[[nodiscard]] std::string_view name_of(TurnEnd end);

/// Nothing left, and not for what was to leave: a connection, a certificate, a secret or a permit was missing. It can
/// be waited out.
[[nodiscard]] bool is_outage(const Error& error);

/// What one turn cost, for logs, metrics and the demo's table.
struct TurnReport {
  Duration wake{};                                   // accepted (a chat: received) -> first line of the handler
  Duration recall{};                                 // waiting for memory
  Usage usage;                                       // of all decodes
  FinishReason finish_reason = FinishReason::kStop;  // of the last decode
  std::uint64_t seed = 0;                            // of the last decode
  std::string note;                                  // of the last decode
  int steps_replayed = 0;
  std::optional<PrefixDifference> prefix;  // against the last prompt of the session
};

class Turn : public std::enable_shared_from_this<Turn> {
 public:
  /// On the strand, once. A chat's outcome is all that its client was sent.
  using OnEnd = std::function<void(TurnEnd, Result<Outcome>, const TurnReport&)>;

  Turn(const TurnServices& services, TurnRequest request, OnEnd on_end);
  ~Turn();

  void start();
  /// Destroys the handler at its await, stops what it waits for, and, when calls that were on their way have ended and
  /// said whether they left, gives the event back, not counting the attempt (a chat is closed). Idempotent; after the
  /// end it does nothing.
  void cancel(Error why);
  /// Likewise, because the deadline of its event has passed: the event becomes a dead letter.
  void expire();
  /// The process is gone, and nothing will call back any more: lets go of all the turn holds. For the end of a crash in
  /// simulation; no other thread may be in the turn.
  void abandon();

  // ---- for contexts, on the strand ----

  [[nodiscard]] const AgentSpec& agent() const { return *request_.agent; }
  [[nodiscard]] const Event& event() const { return *request_.event; }
  [[nodiscard]] const std::vector<std::shared_ptr<const Event>>& batch() const { return request_.batch; }
  [[nodiscard]] const Scope& scope() const { return scope_; }
  /// "tenant/agent/key", told apart whatever stands in the names.
  [[nodiscard]] std::string thread() const;
  [[nodiscard]] const ChatTurn* chat() const { return request_.chat ? &*request_.chat : nullptr; }
  [[nodiscard]] const TurnServices& services() const { return services_; }
  [[nodiscard]] const std::shared_ptr<Strand>& strand() const { return strand_; }
  [[nodiscard]] TurnSteps& steps() { return *steps_; }
  [[nodiscard]] TurnWrites& writes() { return writes_; }
  [[nodiscard]] const TurnWrites& pending_writes() const { return writes_; }
  [[nodiscard]] TurnReport& report() { return report_; }
  [[nodiscard]] Budget& budget() { return *budget_; }
  [[nodiscard]] void* state(std::type_index type);
  /// The weakest of the event, of all that the handler has been given, and of all that the model has been shown.
  [[nodiscard]] Trust trust() const { return trust_; }
  void saw(Trust trust) { trust_ = weakest(trust_, trust); }
  /// The handler has been given something out of memory: what it writes from it tells memory nothing new.
  void saw_memory() { saw_memory_ = true; }
  [[nodiscard]] bool has_seen_memory() const { return saw_memory_; }
  /// What it does with its tools. Made by the first call: most turns make none.
  [[nodiscard]] TaskTrace& trace();
  /// How a task like this one was done.
  [[nodiscard]] ProcedureQuery procedure_query() const;
  /// The model is asked with tools. `trust`: of all that it is shown; `shown`: how such a task was done; 0: nothing.
  void note_asked(Trust trust, ProcedureId shown);
  /// A step that read a block: done anew when the commit finds that the block has changed.
  void note_block_read(const std::string& path) { block_reads_.push_back(path); }
  /// A chat that the client's own program asks for, not its user (agents/turn/client_task.hpp).
  [[nodiscard]] bool is_client_task() const { return is_client_task_; }
  /// The handler's own word: what was to be done was not done.
  void note_failure(std::string because) { failed_because_ = std::move(because); }
  /// Called, on the strand, when the turn is torn down: ends what it waits for. Must do no harm to what is done.
  void stop_with(std::function<void()> stop) { stops_.push_back(std::move(stop)); }

  /// A generation, as an operation that gives a `Decoded` (agents/turn/decoded.hpp). `stream`: in a chat its deltas go
  /// to the client, through `check` if there is one.
  [[nodiscard]] TurnSteps::Operation generate(const std::string& path, GenerateRequest request, bool stream,
                                              std::shared_ptr<CitationCheck> check = nullptr);
  /// The question as it was laid out and the answer as the model wrote it: what a later turn of this session must
  /// repeat.
  void note_laid_out(Message question, Message answer) { laid_out_ = {std::move(question), std::move(answer)}; }

 private:
  void load_journal();
  void judge_journal(TurnRecord record);
  void load_state(TurnRecord record);
  [[nodiscard]] Status make_state(const std::optional<StoredState>& stored);
  void run(TurnRecord record, Result<std::optional<StoredState>> stored);
  void resume(std::coroutine_handle<> frame);
  void after_frames();
  void tear_down();
  void stop_handler();
  void stop_then(std::function<void()> settle);
  void release(const Error& why);
  void commit(Outcome outcome);
  void finish_failed(const Error& error);
  void forget_block_reads();
  void dead_letter(const Error& error);
  void park(const Error& why);
  /// A chat's message that is only the other half of what the agent asked (user_reply.hpp).
  [[nodiscard]] bool says_no_task() const;
  [[nodiscard]] TaskRun task_run(std::string failed_because) const;
  void note_failed_run(const Error& error);
  void end_unsettled(const Error& unwritten, const Error& error);
  void end(TurnEnd how, Result<Outcome> outcome);
  void stream_rest_of(const std::string& answer);
  void stream_delta(Delta delta);

  const TurnServices& services_;
  TurnRequest request_;
  OnEnd on_end_;
  const std::shared_ptr<Strand> strand_;
  Scope scope_;
  std::shared_ptr<Budget> budget_;
  std::shared_ptr<void> state_;
  TurnWrites writes_;
  TurnReport report_;
  std::string streamed_;        // what the chat's client has seen
  std::size_t part_begin_ = 0;  // in it: where the last decode's text begins
  Trust trust_;
  bool saw_memory_ = false;
  std::unique_ptr<TaskTrace> trace_;  // null: no call was made
  bool asked_with_tools_ = false;
  Trust asked_with_ = Trust::kSystem;  // before the first call
  ProcedureId procedure_ = 0;          // that was shown for the task
  const bool is_client_task_;
  std::string failed_because_;
  std::vector<std::string> block_reads_;  // paths
  std::int64_t state_revision_ = 0;
  std::vector<std::function<void()>> stops_;
  std::vector<Message> laid_out_;
  std::shared_ptr<Generation> generation_;  // the one in flight, if any
  bool ended_ = false;
  bool committing_ = false;
  bool cancelling_ = false;  // until its calls have ended

  // Destroyed in this order's reverse: the frames first, then what they refer to.
  std::unique_ptr<TurnSteps> steps_;
  std::unique_ptr<Ctx> context_;
  Trampoline trampoline_;
  std::optional<task<Outcome>> root_;
};

}  // namespace mnema
