// agents/agent.hpp
//
// An agent as it is declared: its name, its handler, and what the host must know about it.
//
//   host.agent("triage", triage).key("{/repository/full_name}#{/issue/number}").state<Ticket>(version(2))
//       .on(webhook("/hooks/github").signed_by("env:GITHUB_WEBHOOK_SECRET").types({"github.issues.opened"}))
//       .tool("refund", "Refund an order", refund, {.repeatable = true}).budget({.tokens = 40'000});
//
// Threads:   declared before the host runs, then immutable.
// Ownership: the host owns its agents; a builder borrows one and is not kept.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "agents/outcome.hpp"
#include "agents/state_type.hpp"
#include "agents/task.hpp"
#include "agents/tool.hpp"
#include "agents/turn/memory_reach.hpp"
#include "runtime/events/budget.hpp"
#include "runtime/events/event.hpp"
#include "runtime/events/event_flow.hpp"

namespace mnema {

class Ctx;

/// One turn: what an agent does with one event. A free function; parameters by value except the context.
using Handler = task<Outcome> (*)(Ctx&, Event);

/// A source of events that a webhook receiver offers.
class WebhookDeclaration {
 public:
  explicit WebhookDeclaration(std::string path) : path_(std::move(path)) {}
  /// GitHub's scheme (the default) or Standard Webhooks.
  WebhookDeclaration& scheme(std::string name) { return scheme_ = std::move(name), *this; }
  /// Where a secret is ("env:NAME", "file:PATH"); several may be valid at once, so that they can be rotated. With one,
  /// the host opens the receiver itself; without, or to say otherwise, the configuration names the path as a source.
  WebhookDeclaration& signed_by(std::string secret) { return secrets_.push_back(std::move(secret)), *this; }
  /// Event types that wake the agent ("github.issues.*"); none named: all of this path.
  WebhookDeclaration& types(std::vector<std::string> types) { return types_ = std::move(types), *this; }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& scheme_name() const { return scheme_; }
  [[nodiscard]] const std::vector<std::string>& secrets() const { return secrets_; }
  [[nodiscard]] const std::vector<std::string>& event_types() const { return types_; }

 private:
  std::string path_;
  std::string scheme_ = "github";
  std::vector<std::string> secrets_;
  std::vector<std::string> types_;
};
[[nodiscard]] inline WebhookDeclaration webhook(std::string path) { return WebhookDeclaration(std::move(path)); }

/// Records of Kafka that wake an agent: `kafka("orders.failed").brokers("127.0.0.1:9092")`. Everything that is not said
/// here is as in the configuration's `[sources.NAME]` of kind "kafka".
class KafkaDeclaration {
 public:
  explicit KafkaDeclaration(std::string topic) : topics_{std::move(topic)} {}
  KafkaDeclaration& topic(std::string name) { return topics_.push_back(std::move(name)), *this; }
  /// "host:9092,host:9092". Without, or to say otherwise, the configuration has a source with these topics.
  KafkaDeclaration& brokers(std::string addresses) { return brokers_ = std::move(addresses), *this; }
  /// The consumer group; "mnema-" and the agent's name where none is said.
  KafkaDeclaration& group(std::string name) { return group_ = std::move(name), *this; }
  /// An offset is committed when its event is handled, not when it is on this disk: for who must survive its loss.
  KafkaDeclaration& acknowledge_done() { return acknowledges_done_ = true, *this; }

  [[nodiscard]] const std::vector<std::string>& topics() const { return topics_; }
  [[nodiscard]] const std::string& addresses() const { return brokers_; }
  [[nodiscard]] const std::string& group_name() const { return group_; }
  [[nodiscard]] bool acknowledges_done() const { return acknowledges_done_; }

 private:
  std::vector<std::string> topics_;
  std::string brokers_;
  std::string group_;
  bool acknowledges_done_ = false;
};
[[nodiscard]] inline KafkaDeclaration kafka(std::string topic) { return KafkaDeclaration(std::move(topic)); }

/// Messages of a queue of RabbitMQ that wake an agent:
/// `rabbitmq("orders").brokers("127.0.0.1:5672").login("shop", "env:RABBITMQ_PASSWORD").event_id("{/order}")`.
/// Everything that is not said here is as in the configuration's `[sources.NAME]` of kind "rabbitmq".
class RabbitmqDeclaration {
 public:
  explicit RabbitmqDeclaration(std::string queue) : queue_(std::move(queue)) {}
  /// "host:5672,host:5672". Without, or to say otherwise, the configuration has a source with this queue.
  RabbitmqDeclaration& brokers(std::string addresses) { return brokers_ = std::move(addresses), *this; }
  /// The user, and where the password is ("env:NAME", "file:PATH"): it is read again when the broker refuses it.
  RabbitmqDeclaration& login(std::string user, std::string password) {
    user_ = std::move(user);
    password_ = std::move(password);
    return *this;
  }
  /// "/" where none is said.
  RabbitmqDeclaration& vhost(std::string name) { return vhost_ = std::move(name), *this; }
  /// The connections are encrypted; the system says which certificates are good.
  RabbitmqDeclaration& tls() { return tls_ = true, *this; }
  /// The queue is declared, durable: "quorum" or "classic". Otherwise it must be there.
  RabbitmqDeclaration& declare(std::string type) { return queue_type_ = std::move(type), *this; }
  /// A binding of the queue, without keys by the empty one.
  RabbitmqDeclaration& bind(std::string exchange, std::vector<std::string> routing_keys = {}) {
    exchange_ = std::move(exchange);
    routing_keys_ = std::move(routing_keys);
    return *this;
  }
  /// Template of the id by which a repeat is known, of messages whose sender sets no message_id.
  RabbitmqDeclaration& event_id(std::string id_template) { return event_id_ = std::move(id_template), *this; }
  /// A message is acknowledged when its event is handled, not when it is on this disk: for who must survive its loss.
  RabbitmqDeclaration& acknowledge_done() { return acknowledges_done_ = true, *this; }

  [[nodiscard]] const std::string& queue() const { return queue_; }
  [[nodiscard]] const std::string& addresses() const { return brokers_; }
  [[nodiscard]] const std::string& user() const { return user_; }
  [[nodiscard]] const std::string& password() const { return password_; }
  [[nodiscard]] const std::string& vhost_name() const { return vhost_; }
  [[nodiscard]] bool is_encrypted() const { return tls_; }
  [[nodiscard]] const std::string& queue_type() const { return queue_type_; }
  [[nodiscard]] const std::string& exchange() const { return exchange_; }
  [[nodiscard]] const std::vector<std::string>& routing_keys() const { return routing_keys_; }
  [[nodiscard]] const std::string& id_template() const { return event_id_; }
  [[nodiscard]] bool acknowledges_done() const { return acknowledges_done_; }

 private:
  std::string queue_;
  std::string brokers_;
  std::string user_;
  std::string password_;
  std::string vhost_ = "/";
  bool tls_ = false;
  std::string queue_type_ = "existing";
  std::string exchange_;
  std::vector<std::string> routing_keys_;
  std::string event_id_;
  bool acknowledges_done_ = false;
};
[[nodiscard]] inline RabbitmqDeclaration rabbitmq(std::string queue) { return RabbitmqDeclaration(std::move(queue)); }

/// Times of the clock that wake an agent: `cron("0 9 * * MON").time_zone("Europe/Zurich")`.
class CronDeclaration {
 public:
  explicit CronDeclaration(std::string expression) : expression_(std::move(expression)) {}
  /// A name of the system's tzdata; UTC where none is said.
  CronDeclaration& time_zone(std::string name) { return time_zone_ = std::move(name), *this; }
  /// What becomes of times that pass while the program is down: "skip", "once" (the default), "all".
  CronDeclaration& missed(std::string policy) { return missed_ = std::move(policy), *this; }
  /// The payload of its events, JSON; else their name and time.
  CronDeclaration& data(std::string json) { return data_ = std::move(json), *this; }

  [[nodiscard]] const std::string& expression() const { return expression_; }
  [[nodiscard]] const std::string& zone() const { return time_zone_; }
  [[nodiscard]] const std::string& missed_policy() const { return missed_; }
  [[nodiscard]] const std::string& payload() const { return data_; }

 private:
  std::string expression_;
  std::string time_zone_ = "UTC";
  std::string missed_ = "once";
  std::string data_;
};
[[nodiscard]] inline CronDeclaration cron(std::string expression) { return CronDeclaration(std::move(expression)); }

/// What becomes of an event whose turn was begun by another code version of its agent and has steps in its journal.
/// None of them repeats an effect; the log says what differs.
enum class OtherVersion {
  kPark,        // it waits, not counted, and is looked at again when the program starts next
  kRestart,     // begins anew with this version if it has had no effect yet; else it is parked
  kDeadLetter,  // a person decides
};

struct AgentSpec {
  std::string name;
  std::function<task<Outcome>(Ctx&, Event)> handler;
  std::string key_template;  // "" = all its events share one key
  StateType state;
  std::vector<WebhookDeclaration> webhooks;
  std::vector<CronDeclaration> schedules;
  std::vector<KafkaDeclaration> records;
  std::vector<RabbitmqDeclaration> queues;
  std::vector<std::string> event_types;  // types that wake it, whatever the source
  std::vector<ToolSpec> tools;
  BudgetLimits budget;             // of one turn
  EventFlow flow;                  // what happens to its events before a turn
  std::string code_version = "1";  // a turn is pinned to the one it began with
  OtherVersion on_other_version = OtherVersion::kPark;
  MemoryReach remembers = MemoryReach::kKey;  // what its turns of events remember
  std::string model;                          // "" = the host's
  std::string system;                         // system prompt, shared by all users
  bool shows_facts = true;                    // for declared agents: what memory knows stands in its prompts
  bool learns_procedures = true;              // from its tools, and is shown them
  bool edits_blocks = false;                  // its model may, by tools of the runtime
  float temperature = 0;
  int answer_tokens = 256;     // kept free for, and the most of, each answer
  int recall_tokens = 1200;    // recalled text in a prompt at most
  int first_token_ms = 1'500;  // of a chat: recalled text is cut so that it has its first words by then; 0 = never
  bool answers_chat = false;   // may be addressed as `model` over REST
  std::vector<std::string> choices;  // for declared agents: the answer is one of these
  std::string reply_to;              // for declared agents: connector that gets the outcome
  std::vector<std::string> uses;     // connectors, said by `uses()`
  bool thinks = false;               // said by `thinks()`; see may_think
  bool recalls = false;              // said by `recalls()`; see may_recall
  bool is_stateless = false;         // said by `stateless()`; see keeps_state
};

/// Whether the agent needs a language model: it says so, or has what only a model uses. One that needs none, as far as
/// can be seen, makes the program start without one; if it thinks all the same, that fails and says why.
[[nodiscard]] inline bool may_think(const AgentSpec& agent) {
  return agent.thinks || agent.answers_chat || !agent.system.empty() || !agent.tools.empty() || !agent.model.empty() ||
         !agent.choices.empty();
}
/// Whether its memory needs vectors. One that recalls without saying so is answered by words and time.
[[nodiscard]] inline bool may_recall(const AgentSpec& agent) { return agent.recalls || may_think(agent); }

/// Whether a key's turns need what earlier turns of it have left on this node: a state, a session, memories. Such a key
/// must not move to another node.
[[nodiscard]] inline bool keeps_state(const AgentSpec& agent) {
  return !agent.is_stateless && (agent.state.version > 0 || may_recall(agent));
}

class AgentBuilder {
 public:
  explicit AgentBuilder(AgentSpec& spec) : spec_(spec) {}

  /// What makes two events belong together (runtime/events/key_template.hpp): one turn at a time per key.
  AgentBuilder& key(std::string key_template) { return spec_.key_template = std::move(key_template), *this; }

  /// Gives each key a `T` that is loaded before a turn and saved with its commit (agents/state_type.hpp).
  template <class T>
  AgentBuilder& state(StateVersion version = {}) {
    auto migrations = std::move(spec_.state.migrations);
    spec_.state = state_type_of<T>(version);
    spec_.state.migrations = std::move(migrations);
    return *this;
  }

  /// How a state of version `from` becomes one of version `from` + 1.
  template <class Old, class New>
  AgentBuilder& migrate(int from, New (*function)(Old)) {
    return spec_.state.migrations.insert_or_assign(from, state_migration_of<Old, New>(function)), *this;
  }

  AgentBuilder& on(WebhookDeclaration source) { return spec_.webhooks.push_back(std::move(source)), *this; }
  AgentBuilder& on(KafkaDeclaration records) { return spec_.records.push_back(std::move(records)), *this; }
  AgentBuilder& on(RabbitmqDeclaration queue) { return spec_.queues.push_back(std::move(queue)), *this; }
  AgentBuilder& on(CronDeclaration schedule) { return spec_.schedules.push_back(std::move(schedule)), *this; }
  AgentBuilder& on_type(std::string type) { return spec_.event_types.push_back(std::move(type)), *this; }
  /// May be chatted with over REST: `model: "<name>"`.
  AgentBuilder& answers_chat() { return spec_.answers_chat = true, *this; }

  template <class R, class A>
  AgentBuilder& tool(std::string name, std::string description, ToolFunction<R, A> function,
                     ToolOptions<R, A> options = {}) {
    spec_.tools.push_back(make_tool<R, A>(std::move(name), std::move(description), function, options));
    return *this;
  }

  /// It calls, or sends to, this connector: a program whose configuration lacks it does not start.
  AgentBuilder& uses(std::string connector) { return spec_.uses.push_back(std::move(connector)), *this; }
  /// It calls the model (`Ctx::think`). Needed only where nothing else shows it (see may_think).
  AgentBuilder& thinks() { return spec_.thinks = true, *this; }
  /// It recalls by meaning (`Ctx::recall`). Needed only where it does not think.
  AgentBuilder& recalls() { return spec_.recalls = true, *this; }
  /// What its turns leave behind need not be there for the next one of the key: several nodes may share its events.
  AgentBuilder& stateless() { return spec_.is_stateless = true, *this; }
  /// Which of its events it wants (runtime/events/event_filter.hpp); others are acknowledged and settled.
  AgentBuilder& where(std::string condition) { return spec_.flow.where = std::move(condition), *this; }
  /// Of so many events of a key one has a turn, the first.
  AgentBuilder& sample_one_in(int events) { return spec_.flow.sample_one_in = events, *this; }
  AgentBuilder& sample_per_second(double events) { return spec_.flow.sample_per_second = events, *this; }
  /// A key's events wait for `window_ms`, or until there are `events_max`; then the newest has a turn, and the earlier
  /// ones are settled.
  AgentBuilder& coalesce(int window_ms, int events_max = 100) {
    spec_.flow.coalesce_window_ms = window_ms;
    spec_.flow.coalesce_max = events_max;
    return *this;
  }
  /// The newest event of a key has a turn after `window_ms` without another one, or when the first has waited for
  /// `wait_max_ms` (0: ten windows).
  AgentBuilder& debounce(int window_ms, int wait_max_ms = 0) {
    spec_.flow.debounce_window_ms = window_ms;
    spec_.flow.debounce_wait_max_ms = wait_max_ms;
    return *this;
  }
  /// One turn for a key's events, at most `events_max`, that came within `window_ms`: `Ctx::events` has all of them.
  AgentBuilder& batch(int events_max, int window_ms = 0) {
    spec_.flow.batch_max = events_max;
    spec_.flow.batch_window_ms = window_ms;
    return *this;
  }
  /// What its key does while an event that failed waits for its next attempt.
  AgentBuilder& on_failure(OnFailure what) { return spec_.flow.on_failure = what, *this; }
  /// Of events that bring no deadline, from their acceptance on: then an event is a dead letter, and its turn ends.
  AgentBuilder& deadline_ms(int milliseconds) { return spec_.flow.deadline_ms = milliseconds, *this; }
  /// Of events that bring none.
  AgentBuilder& priority(EventPriority value) { return spec_.flow.priority = value, *this; }
  AgentBuilder& budget(BudgetLimits limits) { return spec_.budget = limits, *this; }
  AgentBuilder& system(std::string text) { return spec_.system = std::move(text), *this; }
  AgentBuilder& model(std::string name) { return spec_.model = std::move(name), *this; }
  AgentBuilder& temperature(float value) { return spec_.temperature = value, *this; }
  AgentBuilder& answer_tokens(int tokens) { return spec_.answer_tokens = tokens, *this; }
  AgentBuilder& recall_tokens(int tokens) { return spec_.recall_tokens = tokens, *this; }
  /// How long a chat may wait for its first words: recalled text is cut by the engine's measured rate. 0 = no matter.
  AgentBuilder& first_token_ms(int milliseconds) { return spec_.first_token_ms = milliseconds, *this; }
  /// Who recalls what a turn of an event remembers, where the handler does not say it of an episode. By default only
  /// turns of the same key. A chat's memory is always its user's, or, where nobody is known, its own.
  AgentBuilder& remembers(MemoryReach reach) { return spec_.remembers = reach, *this; }
  /// Whether it learns how its tasks are done by the tools it calls, and is shown it. On where it has tools.
  AgentBuilder& procedures(bool learns) { return spec_.learns_procedures = learns, *this; }
  /// Gives the model tools that change the blocks of working memory (agents/turn/block_tools.hpp).
  AgentBuilder& edits_blocks(bool edits = true) { return spec_.edits_blocks = edits, *this; }
  /// Change it when the handler changes so that its journals no longer fit.
  AgentBuilder& code_version(std::string text) { return spec_.code_version = std::move(text), *this; }
  AgentBuilder& on_other_version(OtherVersion policy) { return spec_.on_other_version = policy, *this; }

 private:
  AgentSpec& spec_;
};

}  // namespace mnema
