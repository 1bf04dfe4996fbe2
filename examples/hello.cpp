// A whole program of its own: an agent that is woken by a failed order, looks at what it remembers of the customer, may
// pay back through a connector, and can be chatted with. Its configuration: hello.toml.
#include <cstdio>

#include <mnema/mnema.hpp>

using namespace mnema;

struct Refund {
  std::string order;
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(Refund, (), (order, cents))  // → JSON Schema of the tool, validation, constrained decoding

struct Customer {
  int turns = 0;
};
BOOST_DESCRIBE_STRUCT(Customer, (), (turns))

task<std::string> refund(ToolCtx& tool, Refund request) {
  ConnectorCall call;
  call.path = "/refunds";
  call.body = boost::json::serialize(to_json(request));
  ConnectorAnswer answer = co_await tool.call("payments", call);  // retried; tool.key() goes along, so it is paid once
  co_return answer.body;
}

task<Outcome> support(Ctx& ctx, Event event) {
  Recalled facts = co_await ctx.recall(event.data);
  PromptPlan prompt = ctx.prompt().user(event.data).with(facts);
  Reply answer = co_await ctx.think(prompt);  // streams to a chat; runs the tool loop
  ++ctx.state<Customer>().turns;              // saved with the turn, or not at all
  co_return reply(answer.text);
}

int main(int argc, char** argv) {
  Host host;
  host.agent("support", support)
      .key("{/customer}")
      .state<Customer>(version(1))
      .system("You help customers whose order failed.")
      .answers_chat()
      .on_type("orders.failed")
      .uses("payments")
      .tool("refund", "Refund an order", refund,
            // payments drops a repeat of its key; and a shop's own webhook, text from outside, may lead to a refund
            ToolOptions<std::string, Refund>{.repeatable = true, .on_external_text = true})
      .budget({.tokens = 40'000, .tool_calls = 25});
  Result<Config> config = load_config(argc > 1 ? argv[1] : "mnema.toml");
  if (!config.ok()) return std::fprintf(stderr, "%s\n", config.error().text().c_str()), 2;
  if (const auto failed = host.open(std::move(*config))) {
    return std::fprintf(stderr, "%s\n", failed->error.text().c_str()), 1;
  }
  host.run();
}
