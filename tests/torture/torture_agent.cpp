// A program of an adopter: agents on the public SDK alone, with all that can be lost or doubled in them. torture.py
// plays the world around it, kills it, and counts at the end. What an event asks for stands in its body:
//
//   {"key": "k7", "n": 12, "id": "k7-12", "pay": 1, "once": 1, "tell": 1, "record": 1, "wake_ms": 500, "note": 1}
//
//   counter   state, one event after the other per key; `pay` is an effect that may be repeated, `once` one that may
//             not but can be asked for, `tell` a message to the sink, `record` one to Kafka, `wake_ms` a timer, `note` a memory
//   risky     an effect that may neither be repeated nor asked for
//   stuck     what hangs: a tool, a blocking function (stop_test.py)
//   clerk     a chat that counts what it was told, without a model
//   thinker   a chat with a model; only with `think`
//   mind      the same for an event: it thinks, pays, remembers what it thought, and answers by a record
//   courier   pays, tells and answers by a record, without a state; with `share` the only one, so that two programs may
//             share a topic (two_nodes.py)
//
// Usage: torture_agent CONFIG [think | share]. Prints {"address": "HOST:PORT"} when it serves.
#include <chrono>
#include <cstdio>
#include <string_view>
#include <thread>

#include "agents/host.hpp"
#include "runtime/base/json.hpp"

using namespace mnema;

struct Work {
  std::string key;
  std::int64_t n = 0;  // from 1, in the order in which the sender sends them under this key
  std::string id;
  std::optional<std::int64_t> pay;
  std::optional<std::int64_t> once;
  std::optional<std::int64_t> tell;
  std::optional<std::int64_t> record;
  std::optional<std::int64_t> wake_ms;
  std::optional<std::int64_t> note;
};
BOOST_DESCRIBE_STRUCT(Work, (), (key, n, id, pay, once, tell, record, wake_ms, note))

struct Effect {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(Effect, (), (id))

struct Count {
  std::int64_t last = 0;
  std::int64_t count = 0;
  std::int64_t out_of_order = 0;
  std::vector<std::string> rung;  // ids of the timers that have fired
};
BOOST_DESCRIBE_STRUCT(Count, (), (last, count, out_of_order, rung))

struct Told {
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(Told, (), (count))

namespace {

Work work_of(const Event& event) {
  boost::json::value body = value_or_throw(parse_bounded_json(event.data, "the event"));
  return value_or_throw(from_json<Work>(body, UnknownMembers::kIgnore));
}

std::string body_of(const Effect& effect) { return boost::json::serialize(to_json(effect)); }

task<std::string> pay(ToolCtx& tool, Effect effect) {
  ConnectorCall call;
  call.path = "/pay";
  call.body = body_of(effect);
  ConnectorAnswer answer = co_await tool.call("till", call);
  co_return answer.body;
}

task<std::string> pay_once(ToolCtx& tool, Effect effect) {
  ConnectorCall call;
  call.path = "/once";
  call.body = body_of(effect);
  ConnectorAnswer answer = co_await tool.call("till", call);
  co_return answer.body;
}

task<std::optional<std::string>> was_paid_once(ToolCtx& tool, Effect effect) {
  ConnectorCall call;
  call.method = "GET";
  call.path = "/once/" + effect.id;
  ConnectorAnswer answer = co_await tool.call("till", call);
  std::optional<std::string> happened;
  if (answer.body != "no") happened = answer.body;
  co_return happened;
}

task<std::string> risk(ToolCtx& tool, Effect effect) {
  ConnectorCall call;
  call.path = "/risk";
  call.body = body_of(effect);
  ConnectorAnswer answer = co_await tool.call("risky", call);
  co_return answer.body;
}

task<std::string> hang(ToolCtx& tool, Effect effect) {
  ConnectorCall call;
  call.path = "/hang";
  call.body = body_of(effect);
  ConnectorAnswer answer = co_await tool.call("hanging", call);
  co_return answer.body;
}

std::int64_t sleep_ms(std::int64_t ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
  return ms;
}

task<Outcome> counter(Ctx& ctx, Event event) {
  Count& state = ctx.state<Count>();
  if (event.type == "timer") {
    state.rung.push_back(event.data);
    co_return done();
  }
  Work work = work_of(event);
  Effect effect{work.id};
  if (work.pay) {
    ToolOptions<std::string, Effect> options;
    options.repeatable = true;
    std::string receipt = co_await ctx.step("pay", pay, effect, options);
  }
  if (work.once) {
    ToolOptions<std::string, Effect> options;
    options.reconcile = was_paid_once;
    std::string receipt = co_await ctx.step("once", pay_once, effect, options);
  }
  if (work.tell) ctx.send("sink", event.data);
  if (work.record) ctx.send("records", event.data);
  if (work.wake_ms) ctx.wake_at("t-" + work.id, ctx.now() + std::chrono::milliseconds(*work.wake_ms), work.id);
  if (work.note) {
    Episode note;
    note.kind = EpisodeKind::kOutcome;
    note.text = "note " + work.id + ": the order of " + work.key + " was looked after, as the customer had asked for.";
    note.trust = event.trust;
    ctx.remember(note);
  }
  if (work.n != state.last + 1) ++state.out_of_order;
  state.last = work.n;
  ++state.count;
  co_return done();
}

task<Outcome> risky(Ctx& ctx, Event event) {
  Work work = work_of(event);
  Effect effect{work.id};
  ToolOptions<std::string, Effect> options;
  std::string receipt = co_await ctx.step("risk", risk, effect, options);
  ++ctx.state<Told>().count;
  co_return done();
}

task<Outcome> stuck(Ctx& ctx, Event event) {
  Work work = work_of(event);
  if (work.wake_ms) {
    std::int64_t slept = co_await ctx.blocking("sleep", sleep_ms, *work.wake_ms);
    co_return reply(std::to_string(slept));
  }
  Effect effect{work.id};
  ToolOptions<std::string, Effect> options;
  options.repeatable = true;
  std::string answer = co_await ctx.step("hang", hang, effect, options);
  co_return reply(answer);
}

task<Outcome> clerk(Ctx& ctx, Event) { co_return reply(std::to_string(++ctx.state<Told>().count)); }

task<Outcome> thinker(Ctx& ctx, Event event) {
  PromptPlan prompt = ctx.prompt().user(event.data);
  Reply answer = co_await ctx.think(prompt);
  co_return reply(answer.text);
}

task<Outcome> mind(Ctx& ctx, Event event) {
  Work work = work_of(event);
  Effect effect{work.id};
  PromptPlan prompt = ctx.prompt().user("Say one word about order " + work.id + ".");
  Reply answer = co_await ctx.think(prompt);
  ToolOptions<std::string, Effect> options;
  options.repeatable = true;
  std::string receipt = co_await ctx.step("pay", pay, effect, options);
  Episode note;
  note.kind = EpisodeKind::kOutcome;
  note.text = "note " + work.id + ": " + answer.text;
  note.trust = event.trust;
  ctx.remember(note);
  if (work.record) ctx.send("records", event.data);
  Count& state = ctx.state<Count>();
  if (work.n != state.last + 1) ++state.out_of_order;
  state.last = work.n;
  ++state.count;
  co_return done();
}

task<Outcome> courier(Ctx& ctx, Event event) {
  Work work = work_of(event);
  Effect effect{work.id};
  ToolOptions<std::string, Effect> options;
  options.repeatable = true;
  std::string receipt = co_await ctx.step("pay", pay, effect, options);
  ctx.send("sink", event.data);
  ctx.send("records", event.data);
  co_return done();
}

void add_agents(Host& host, std::string_view what) {
  if (what == "share") {
    host.agent("courier", courier).key("{/key}").stateless().on_type("webhook.courier");
    return;
  }
  host.agent("counter", counter).key("{/key}").state<Count>().on_type("webhook.counter");
  host.agent("risky", risky).key("{/key}").state<Told>().on_type("webhook.risky");
  host.agent("stuck", stuck).key("{/key}").on_type("webhook.stuck");
  host.agent("clerk", clerk).state<Told>().answers_chat();
  if (what == "think") {
    host.agent("thinker", thinker).answers_chat();
    host.agent("mind", mind).key("{/key}").state<Count>().temperature(0.7F).answer_tokens(8).on_type("webhook.mind");
  }
}

}  // namespace

int main(int argc, char** argv) {
  Host host;
  add_agents(host, argc > 2 ? argv[2] : "");
  Result<Config> config = load_config(argc > 1 ? argv[1] : "mnema.toml");
  if (!config.ok()) return std::fprintf(stderr, "%s\n", config.error().text().c_str()), 2;
  if (const auto failed = host.open(std::move(*config))) {
    return std::fprintf(stderr, "%s\n", failed->error.text().c_str()), 1;
  }
  std::printf("{\"address\": \"%s\"}\n", host.address().c_str());
  std::fflush(stdout);
  host.run();
}
