#include "tests/agents/sim/agents.hpp"

#include "agents/context.hpp"
#include "tests/agents/sim/process.hpp"

namespace mnema::testing {

struct Order {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id))
struct Receipt {
  std::string number;
};
BOOST_DESCRIBE_STRUCT(Receipt, (), (number))

AgentWatch& agent_watch() {
  static AgentWatch watch;  // tools and handlers are free functions
  return watch;
}

namespace {

task<Receipt> post(ToolCtx& tool, std::string path, Order order) {
  ConnectorCall call;
  call.path = std::move(path);
  call.body = order.id;
  call.content_type = "text/plain";
  ConnectorAnswer answer = co_await tool.call("shop", call);
  co_return Receipt{order.id};
}

/// Must not happen twice; whether it has happened can be asked.
task<Receipt> charge(ToolCtx& tool, Order order) {
  task<Receipt> posting = post(tool, "/charge", order);
  Receipt receipt = co_await std::move(posting);
  co_return receipt;
}
task<std::optional<Receipt>> find_charge(ToolCtx& tool, Order order) {
  if (agent_watch().sometimes != nullptr) agent_watch().sometimes->hit("in doubt, and asked about");
  ConnectorCall call;
  call.method = "GET";
  call.path = "/charges/" + order.id;
  ConnectorAnswer answer = co_await tool.call("shop", call);
  std::optional<Receipt> found;
  if (answer.body == "charged") found = Receipt{order.id};
  co_return found;
}

/// Must not happen twice, and nobody can be asked.
task<Receipt> wire(ToolCtx& tool, Order order) {
  task<Receipt> posting = post(tool, "/wire", order);
  Receipt receipt = co_await std::move(posting);
  co_return receipt;
}

/// May be repeated under the same key.
task<Receipt> ship(ToolCtx& tool, Order order) {
  task<Receipt> posting = post(tool, "/ship", order);
  Receipt receipt = co_await std::move(posting);
  co_return receipt;
}

/// What the model calls.
task<Receipt> thank(ToolCtx& tool, Order order) {
  task<Receipt> posting = post(tool, "/thank", order);
  Receipt receipt = co_await std::move(posting);
  co_return receipt;
}

void check_tenant(const Ctx& ctx, const Recalled& recalled) {
  if (agent_watch().violations == nullptr) return;
  for (const RecallHit& hit : recalled.hits) {
    for (const std::string tenant : kTenants) {
      if (tenant != ctx.scope().tenant && hit.text.find(tenant + "-") != std::string::npos) {
        agent_watch().violations->push_back("a turn of " + ctx.scope().tenant + " recalled: " + hit.text);
      }
    }
  }
}

std::string place_of(const Ctx& ctx) { return ctx.scope().tenant + "/" + ctx.agent() + "/" + ctx.key(); }

/// A foreground chat under the key of orders: it changes the same state.
task<Outcome> talk(Ctx& ctx, Event event) {
  PromptPlan plan = ctx.prompt().user(event.data);
  Reply answer = co_await ctx.think(plan);
  const std::string id = event.attributes.at("request_id");
  ctx.state<Ledger>().done.push_back(id);
  ctx.send("out", place_of(ctx) + " " + id, "text/plain");
  co_return reply(answer.text);
}

/// Asks the model until the budget is refused.
task<Outcome> spend_budget(Ctx& ctx, std::string id) {
  for (int round = 0; round < 20; ++round) {
    std::string text = "think about " + id + " round " + std::to_string(round) + " ";
    text.append(700, '.');
    PromptPlan plan = ctx.prompt().user(text);
    Reply answer = co_await ctx.think(plan);
  }
  throw Failure(fail(ErrorCode::kInternal, "a budget without end"));
}

task<Outcome> fulfil(Ctx& ctx, Event event) {
  if (ctx.in_chat()) {
    task<Outcome> talking = talk(ctx, event);
    Outcome talked = co_await std::move(talking);
    co_return talked;
  }
  const bool reminder = event.type == "timer";
  std::string id = "reminder-" + event.data;
  std::string kind;
  if (!reminder) {
    const boost::json::value body = value_or_throw(parse_bounded_json(event.data, "the event"));
    id = std::string(body.at("id").as_string());
    kind = std::string(body.at("kind").as_string());
  }
  if (kind == kPoison) throw Failure(fail(ErrorCode::kInvalidArgument, "the order makes no sense"));
  if (kind == kCostly) {
    task<Outcome> spending = spend_budget(ctx, id);
    Outcome never = co_await std::move(spending);
    co_return never;
  }
  const Time began = ctx.now();
  Order order{id};
  if (kind == kWire) {
    co_await ctx.step("wire", wire, order);
  } else if (!reminder) {
    co_await ctx.step("charge", charge, order, {.reconcile = find_charge});
    RecallQuery query;
    query.text = "which order is " + id;
    Recalled known = co_await ctx.recall(query);
    check_tenant(ctx, known);
    co_await ctx.step("ship", ship, order, {.repeatable = true});
    if (kind == kThank) {
      PromptPlan plan = ctx.prompt().with(known).user("please thank for " + id + " now");
      Reply answer = co_await ctx.think(plan);
      ctx.send("mail", place_of(ctx) + " " + id + " " + answer.text, "text/plain");
    }
    if (kind == kRemind) ctx.wake_at("about " + id, began + std::chrono::seconds(20), id);
  }
  ctx.state<Ledger>().done.push_back(id);
  ctx.send("out", place_of(ctx) + " " + id, "text/plain");
  Episode episode;
  episode.text = "order " + id + " is now fulfilled";
  ctx.remember(episode);
  co_return done();
}

}  // namespace

std::map<std::string, AgentSpec> simulated_agents() {
  std::map<std::string, AgentSpec> agents;
  for (const char* name : {"shop", "branch"}) {
    AgentSpec& spec = agents[name];
    spec.name = name;
    spec.handler = fulfil;
    AgentBuilder(spec)
        .state<Ledger>()
        .answers_chat()
        .answer_tokens(96)
        .recall_tokens(300)
        .budget({.tokens = 4'000})
        .tool("thank", "Thank a customer", thank, {.repeatable = true, .on_external_text = true});
  }
  return agents;
}

std::string simulated_answer(const std::string& prompt) {
  const std::size_t user = prompt.rfind("[user] ");
  const std::size_t result = prompt.rfind("[tool] ");
  if (result != std::string::npos && (user == std::string::npos || result > user)) {
    return prompt.find("\"number\"", result) != std::string::npos ? "thanks were sent" : "thanks were not sent";
  }
  constexpr std::string_view kPlease = "please thank for ";
  const std::size_t please = prompt.rfind(kPlease);
  if (please != std::string::npos && user != std::string::npos && please > user) {
    const std::size_t begin = please + kPlease.size();
    const std::string id = prompt.substr(begin, prompt.find(' ', begin) - begin);
    return "<tool_call>\n{\"name\": \"thank\", \"arguments\": {\"id\": \"" + id + "\"}}\n</tool_call>";
  }
  return "these are words in answer to what was said";
}

}  // namespace mnema::testing
