#include "examples/quickstart.hpp"

namespace mnema {

struct FailedOrder {
  std::string order;
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(FailedOrder, (), (order, cents))

struct Refunded {
  std::string receipt;
};
BOOST_DESCRIBE_STRUCT(Refunded, (), (receipt))

namespace {

task<Refunded> refund(ToolCtx& tool, FailedOrder order) {
  ConnectorCall call;
  call.path = "/refunds";
  call.body = boost::json::serialize(to_json(order));
  ConnectorAnswer answer = co_await tool.call("payments", call);
  boost::json::value body = value_or_throw(parse_bounded_json(answer.body, "the answer of payments"));
  Refunded refunded = value_or_throw(from_json<Refunded>(body, UnknownMembers::kIgnore));
  co_return refunded;
}

task<Outcome> refunds(Ctx& ctx, Event event) {
  boost::json::value body = value_or_throw(parse_bounded_json(event.data, "the order"));
  FailedOrder order = value_or_throw(from_json<FailedOrder>(body, UnknownMembers::kIgnore));
  // Payments drops a second call with the same idempotency key, so that it may be repeated after a crash.
  ToolOptions<Refunded, FailedOrder> options;
  options.repeatable = true;
  Refunded refunded = co_await ctx.step("refund", refund, order, options);

  Episode outcome;
  outcome.kind = EpisodeKind::kOutcome;
  outcome.text = "Order " + order.order + " failed and was refunded, receipt " + refunded.receipt + ".";
  outcome.trust = event.trust;
  ctx.remember(outcome);
  ctx.send("replies", boost::json::serialize(to_json(refunded)));
  co_return done();
}

}  // namespace

void declare_refunds(Host& host) { host.agent("refunds", refunds).key("{/order}").on_type("orders.failed"); }

}  // namespace mnema
