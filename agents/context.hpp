// agents/context.hpp
//
// What a handler and its tools can do. Every call that is awaited is a step of the turn's journal: after a crash the
// handler runs again from the top, and each step it comes to gives what it gave before, without doing it again.
//
// So between awaits a handler must be a function of what its steps gave it: the time, ids and chance come from the
// context, and everything that touches the world is a step.
//
// Queries, options, calls and arguments are passed by name, never as temporaries inside a `co_await`, where GCC 12
// would destroy them twice: what breaks does not compile (agents/await_argument.hpp).
//
// Threads:   the turn's strand on the turn pool. Use `blocking` for what waits or computes for long.
// Ownership: a context belongs to its turn and is gone with it. Never keep a reference.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

#include "agents/await_argument.hpp"
#include "agents/blocks_json.hpp"
#include "agents/facts_json.hpp"
#include "agents/outcome.hpp"
#include "agents/prompt.hpp"
#include "agents/recall_json.hpp"
#include "agents/reply.hpp"
#include "agents/step.hpp"
#include "agents/tool.hpp"
#include "agents/turn/memory_reach.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/events/budget.hpp"
#include "runtime/events/event.hpp"

namespace mnema {

class Turn;
struct StepStart;

namespace detail {

/// What others have written, as a described struct; `what` names it in errors.
template <class T>
[[nodiscard]] T described(const std::string& json, const std::string& what) {
  const boost::json::value value = value_or_throw(parse_bounded_json(json, what));
  return value_or_throw(from_json<T>(value, UnknownMembers::kIgnore));
}

}  // namespace detail

/// What handlers and tools have in common.
class StepContext {
 public:
  StepContext(const StepContext&) = delete;
  StepContext& operator=(const StepContext&) = delete;

  [[nodiscard]] const Event& event() const;
  /// All events of this turn, in their order: the first is `event()`, and the only one unless the agent takes batches.
  [[nodiscard]] std::vector<Event> events() const;
  /// The event's data as a described struct. Members that `T` lacks are ignored; a missing one, or one of another kind,
  /// is a `Failure` (`kInvalidArgument`, with its place).
  template <class T>
  [[nodiscard]] T payload() const {
    return detail::described<T>(event().data, "the event's data");
  }

  /// Likewise of all events of this turn.
  template <class T>
  [[nodiscard]] std::vector<T> payloads() const {
    std::vector<T> all;
    for (const Event& one : events()) all.push_back(detail::described<T>(one.data, "the event's data"));
    return all;
  }

  /// The time of the first run of this line, in every run.
  [[nodiscard]] Time now();
  [[nodiscard]] std::string uuid();
  [[nodiscard]] std::uint64_t random();

  /// An effect on the world that is not to happen twice. `function` is a free coroutine like a tool's.
  template <class R, class A, AwaitArgument<A> Given>
  [[nodiscard]] task<R> step(std::string name, ToolFunction<R, A> function, Given&& arguments,
                             ToolOptions<R, A> options = {}) {
    static_assert(!BreaksInsideAwait<ToolOptions<R, A>>, "options are written in braces where a step is awaited");
    A typed = std::forward<Given>(arguments);
    const std::string hashed = boost::json::serialize(to_json(typed));
    return detail::from_text<R>(
        run_step(claim_path(), std::move(name), hashed, make_step_body<R, A>(function, std::move(typed), options)));
  }

  /// Runs a plain function on the pool for blocking work: long computations, libraries that wait. Repeated after a
  /// crash; put it into a `step` if that matters. The function must not use the context.
  template <class R, class A, AwaitArgument<std::remove_cvref_t<A>> Given>
  [[nodiscard]] Step<R> blocking(std::string name, R (*function)(A), Given&& arguments) {
    std::remove_cvref_t<A> typed = std::forward<Given>(arguments);
    const std::string hashed = boost::json::serialize(to_json(typed));
    return Step<R>(run_blocking(claim_path(), std::move(name), hashed, [function, typed = std::move(typed)] {
      return boost::json::serialize(to_json<R>(function(typed)));
    }));
  }

 protected:
  StepContext(Turn& turn, std::string path) : turn_(turn), path_(std::move(path)) {}
  ~StepContext() = default;

  /// The place of the next step: its ordinal of creation under this context.
  [[nodiscard]] std::string claim_path();
  /// A step and everything around it: replay, `started`, the body, `done`.
  task<std::string> run_step(std::string path, std::string name, std::string arguments, StepBody body);
  [[nodiscard]] std::shared_ptr<StepOperation> run_blocking(std::string path, std::string name, std::string arguments,
                                                            std::function<std::string()> work);

  Turn& turn_;

 private:
  const std::string path_;  // "" for the handler
  int steps_ = 0;
};

/// A call of a connector, as a tool makes it. Named before it is awaited.
struct ConnectorCall {
  std::string method = "POST";
  std::string path;
  std::string body;
  std::string content_type = "application/json";
};
struct ConnectorAnswer {
  int status = 0;
  std::string body;
  int attempts = 1;

  /// The body as a described struct, read as `StepContext::payload` reads an event.
  template <class T>
  [[nodiscard]] T as() const {
    return detail::described<T>(body, "the answer");
  }
};
BOOST_DESCRIBE_STRUCT(ConnectorAnswer, (), (status, body, attempts))

/// What a tool, or the function of a step, gets.
class ToolCtx : public StepContext {
 public:
  enum class Purpose { kAct, kReconcile };
  /// For the step at `path`, whose `function` this process may not know yet. What a reconcile hook does stands under
  /// `path`.0, so that it never takes the places, or the keys, of the effect it asks about.
  ToolCtx(Turn& turn, const std::string& path, const void* function, bool repeatable, Purpose purpose);
  /// The idempotency key of this step: the same in every run, retry and redrive. Pass it on.
  [[nodiscard]] const std::string& key() const { return key_; }

  /// A call through the shared connector of that name, with its limits and breaker, and `key()` as Idempotency-Key.
  /// Retried where that is safe: an idempotent method, a step declared `repeatable`, a request that never left. A call
  /// that may have had its effect and may not be repeated fails with `kInDoubt`. A status of 400 or more is a
  /// `Failure`. The step is `started` in the journal when the call leaves; if it ends before, and its error leaves the
  /// body and the handler, the turn is tried again without counting the attempt.
  [[nodiscard]] Step<ConnectorAnswer> call(std::string connector, const ConnectorCall& call);
  Step<ConnectorAnswer> call(std::string connector, ConnectorCall&& call) = delete;

 private:
  const std::string step_path_;
  const void* function_;
  const std::string key_;
  const bool repeatable_;
  const Purpose purpose_;
  int calls_ = 0;
};

/// What the model is told of a call that it made, and how far that is trusted.
struct ToolResult {
  std::string text;
  Trust trust = Trust::kExternal;
  bool failed = false;  // the text says why
};

/// What one agent tells another, or itself under another key.
struct AgentEvent {
  std::string agent;
  std::string key;
  std::string type = "agent.event";
  std::string data;
};

/// What a handler gets.
class Ctx : public StepContext {
 public:
  explicit Ctx(Turn& turn);

  [[nodiscard]] const std::string& agent() const;
  [[nodiscard]] const std::string& key() const;
  [[nodiscard]] const Scope& scope() const;
  /// The conversation or case this turn is part of, by tenant, agent and key or session: where `remember` puts its
  /// episodes.
  [[nodiscard]] std::string thread() const;
  /// Whether a client waits for the answer, and the prompt holds what was said before.
  [[nodiscard]] bool in_chat() const;

  /// What memory knows about `query.text`, best first, cut by relevance: nothing is an answer too. The scope is this
  /// turn's (agents/turn/memory_reach.hpp), and what the turn has remembered so far is found as well.
  [[nodiscard]] Step<Recalled> recall(const RecallQuery& query);
  Step<Recalled> recall(RecallQuery&& query) = delete;
  /// Of any kind and time.
  [[nodiscard]] Step<Recalled> recall(std::string text);

  /// What memory knows of whom this turn is for: facts that are valid now, or as of the times that `query` names, those
  /// that fit `query.text` best. The scope is this turn's. They are made of what was remembered in idle time, so that
  /// what was just said is in them a little later (`recall` finds it at once). For `PromptPlan::known`.
  [[nodiscard]] Step<Facts> facts(const FactQuery& query);
  Step<Facts> facts(FactQuery&& query) = delete;
  [[nodiscard]] Step<Facts> facts(std::string text);

  /// A block of working memory: a small text that stands in every prompt of this agent, for this turn's user; without
  /// one, for its key; else what an operator wrote for all of them. One that does not exist has version 0, and is made
  /// by the first edit.
  [[nodiscard]] Step<Block> block(std::string name);
  /// Changes the block with the commit, and `block` at once. Appending and replacing are done to what it says at the
  /// commit; setting fails there if it was changed meanwhile, and the turn runs again, reading it anew (a chat fails
  /// with `kAborted`). Failures: `kResourceExhausted` (longer than limits.block_bytes_max), `kInvalidArgument` (the
  /// part is not there, or more than once; the name), `kPermissionDenied` (it is an operator's, for everybody).
  void append(Block& block, const std::string& line);
  void replace(Block& block, const std::string& part, const std::string& text);
  void set(Block& block, const std::string& text);

  /// A prompt that begins with the agent's system text and, in a chat, the client's and the history. A text that does
  /// not say how far it is trusted counts like the weakest that the turn has been given when it is shown to the model:
  /// its event, what it recalled, results of steps and answers.
  [[nodiscard]] PromptPlan prompt() const;

  /// Asks the model, lets it call the agent's tools, and gives its answer. In a chat the answer streams to the client.
  [[nodiscard]] task<Reply> think(PromptPlan plan, const ThinkOptions& options) {
    return think_named(std::move(plan), options);
  }
  task<Reply> think(PromptPlan plan, ThinkOptions&& options) = delete;
  [[nodiscard]] task<Reply> think(PromptPlan plan) { return think_named(std::move(plan), ThinkOptions()); }

  /// The answer as a described struct (by its JSON Schema) or enum (one of its names): decoding cannot leave the shape.
  template <class T>
  [[nodiscard]] task<T> think_as(PromptPlan plan) {
    const ThinkOptions options;
    return think_as<T>(std::move(plan), options);
  }
  template <class T>
  task<T> think_as(PromptPlan plan, ThinkOptions&& options) = delete;
  template <class T>
  [[nodiscard]] task<T> think_as(PromptPlan plan, const ThinkOptions& asked) {
    ThinkOptions options = asked;
    if constexpr (DescribedEnum<T>) {
      options.constraint = ChoiceConstraint{names_of<T>()};
    } else {
      options.constraint = JsonSchemaConstraint{schema_of<T>()};
    }
    options.tools = false;
    options.stream = false;
    return think_typed<T>(*this, std::move(plan), std::move(options));
  }

  /// The agent's state under this key. Saved with the commit. Throws if the agent was not declared with state<T>.
  template <class T>
  [[nodiscard]] T& state() {
    return *static_cast<T*>(state_of(typeid(T)));
  }

  /// Hands `body` to the connector `destination` when, and only when, the turn commits; delivered with retries, in
  /// order per key.
  void send(std::string destination, std::string body, std::string content_type = "application/json");

  /// Writes into the episodic memory with the commit. The scope is filled in: whoever the agent `remembers` for, or
  /// `reach` (agents/turn/memory_reach.hpp); so are the thread and the time where they are left empty. Except for what
  /// a user said, it is trusted no further than the weakest text this turn has been given, and where the turn was given
  /// something out of memory, no facts are made of it again. What a client's program asks for itself, a title of the
  /// conversation for instance, is not remembered (agents/turn/client_task.hpp).
  void remember(Episode episode);
  void remember(Episode episode, MemoryReach reach);

  /// Sends an event to another agent, or to another key of this one, with the commit; a turn there begins at once. It
  /// is trusted no further than this turn, and keeps its user. Agents that wake one another in a circle are stopped
  /// after limits.agent_hops_max events: a `Failure` (`kFailedPrecondition`).
  void send_event(AgentEvent event);

  /// Sends an event to this agent and key at `at`, with the commit: a durable timer. Setting `name` again replaces it.
  /// The event is trusted no further than this turn.
  void wake_at(std::string name, Time at, std::string data);
  /// Takes such a timer of this key back, with the commit. One that is due by then may have sent its event already.
  void cancel_wake(const std::string& name);

  /// What this turn was to do was not done, for this reason of the handler's own: nothing is learned from how it went
  /// about it, and what it was shown of earlier turns counts as a failure. A turn that fails need not say so.
  void task_failed(std::string because);

  [[nodiscard]] Budget& budget() const;

 private:
  template <class T>
  static task<T> think_typed(Ctx& ctx, PromptPlan plan, ThinkOptions options) {
    Reply reply = co_await ctx.think_named(std::move(plan), std::move(options));
    boost::json::value answer;
    if constexpr (DescribedEnum<T>) {
      answer = boost::json::string(reply.text);
    } else {
      answer = value_or_throw(parse_bounded_json(reply.text, "the model's answer"));
    }
    T value = value_or_throw(from_json<T>(answer));
    co_return value;
  }
  [[nodiscard]] Step<Block> block_at(std::string path, std::string name);
  void edit(Block& block, BlockEdit edit);
  task<ToolResult> call_block_tool(std::string path, ToolCall call, Trust context_trust);
  task<Reply> think_named(PromptPlan plan, ThinkOptions options);
  task<ToolResult> call_tool(std::string path, ToolCall call, Trust context_trust);
  [[nodiscard]] void* state_of(std::type_index type);
};

// What nearly every agent awaits is compiled once, in context.cpp, not in each program.
extern template class Step<Recalled>;
extern template class Step<Facts>;
extern template class Step<Block>;
extern template class Step<ConnectorAnswer>;

}  // namespace mnema
