// Procedures with a model that nobody wrote a script for: what it takes to refund an order before and after three turns
// that did it well, at temperature 0.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <set>

#include "agents/context.hpp"
#include "agents/host.hpp"
#include "agents/host_harness.hpp"
#include "memory/procedural/procedure_store.hpp"
#include "memory/store.hpp"
#include "tests/support/paths.hpp"

namespace mnema {
namespace {

using testing::event_for;
using testing::HostHarness;

struct Order {
  std::string order_id;
};
BOOST_DESCRIBE_STRUCT(Order, (), (order_id))
struct Answer {
  std::optional<std::string> refunded;
  std::optional<std::string> unlocked;
  std::optional<std::string> error;
};
BOOST_DESCRIBE_STRUCT(Answer, (), (refunded, unlocked, error))

// One turn at a time.
std::set<std::string> unlocked;
std::string refunded;
bool bank_refuses = false;
std::vector<std::string> called;

task<Answer> refund(ToolCtx&, Order order) {
  Answer answer;
  if (bank_refuses) {
    answer.error = "the bank refuses";
  } else if (unlocked.contains(order.order_id)) {
    answer.refunded = order.order_id;
    refunded = order.order_id;
  } else {
    answer.error = "the order is locked: call unlock first";
  }
  co_return answer;
}
task<Answer> unlock(ToolCtx&, Order order) {
  unlocked.insert(order.order_id);
  Answer answer;
  answer.unlocked = order.order_id;
  co_return answer;
}

constexpr const char* kDone = "The order is refunded.";

/// Believes no model that says it is done.
task<Outcome> clerk(Ctx& ctx, Event event) {
  ThinkOptions options;
  options.constraint = ChoiceConstraint{{kDone}};  // beside calls of tools
  options.tokens_max = 60;
  PromptPlan plan = ctx.prompt().user(event.data, Trust::kUser);
  Reply answer = co_await ctx.think(plan, options);
  called = answer.tools_called;
  if (refunded != event.key) {
    PromptPlan again = ctx.prompt().user(event.data, Trust::kUser);
    options.procedures = false;
    answer = co_await ctx.think(again, options);
    called.insert(called.end(), answer.tools_called.begin(), answer.tools_called.end());
  }
  if (refunded != event.key) ctx.task_failed("the order is not refunded");
  co_return reply(answer);
}

class ProceduresRealModel : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(testing::qwen_coder())) {
      GTEST_SKIP() << "Qwen2.5-Coder is not here (./dev test fetches it)";
    }
    if (std::getenv("MNEMA_SANITIZED") != nullptr) GTEST_SKIP() << "sanitizers are too slow for this model";
    bank_refuses = false;
    HostHarness::Options options;
    options.models = true;
    options.patience = std::chrono::minutes(10);
    options.config.inference.model = "qwen2.5-coder-0.5b";
    options.config.inference.embedding_model = "none";
    options.config.inference.models_directory = testing::models_folder();
    options.declare = [](Host& host) {
      host.agent("clerk", clerk)
          .system(std::string("You are a clerk. Use the tools. When the order is refunded, say: ") + kDone)
          .tool("refund", "Refunds an order", refund, ToolOptions<Answer, Order>{.on_external_text = true})
          .tool("unlock", "Unlocks an order", unlock, ToolOptions<Answer, Order>{.on_external_text = true});
    };
    harness_ = std::make_unique<HostHarness>(options);
    const Status started = harness_->start();
    ASSERT_TRUE(started.ok()) << started.error().text();
  }

  /// How many tools the model called.
  int run(const std::string& order) {
    const std::string text = "Please refund order " + order + ".";
    unlocked.clear();
    refunded.clear();
    called.clear();
    Event event = event_for("clerk", text, text);
    event.type = "order.refund";
    event.key = order;
    event.content_type = "text/plain";
    event.trust = Trust::kUser;
    const Result<TurnEnd> end = harness_->handle(event);
    EXPECT_TRUE(end.ok());
    std::promise<Status> done;
    harness_->host().runtime().memory().when_consolidated(replies_, [&](const Status& s) { done.set_value(s); });
    EXPECT_TRUE(done.get_future().get().ok());
    std::string all;
    for (const std::string& tool : called) all += " " + tool;
    std::printf("%s ->%s (%s)\n", text.c_str(), all.c_str(), end.ok() ? std::string(name_of(*end)).c_str() : "?");
    return static_cast<int>(called.size());
  }
  std::vector<Procedure> all() {
    std::vector<Procedure> found;
    const Status read = harness_->host().runtime().memory().look([&](Transaction& transaction) -> Status {
      ASSIGN_OR_RETURN(found, procedure_store::list(transaction, "local", std::nullopt, 100));
      return {};
    });
    CHECK(read.ok(), "read");
    return found;
  }

  ThreadPoolExecutor replies_{"test replies", 1};
  std::unique_ptr<HostHarness> harness_;
};

TEST_F(ProceduresRealModel, DoesTheFourthTaskWithFewerCallsAndUnlearnsItAfterTwoFailures) {
  std::vector<int> before;
  for (const char* order : {"A-17", "B-204", "C-3"}) {
    before.push_back(run(order));
  }
  ASSERT_EQ(all().size(), 1U);
  ASSERT_EQ(all()[0].state, ProcedureState::kActive) << text_of(all()[0]);
  int shorter = 0;
  const std::vector<std::string> later = {"D-9", "E-55"};
  for (const std::string& order : later) shorter += run(order) < before[0] ? 1 : 0;
  std::printf("%d of %zu later tasks took fewer calls than %d\n", shorter, later.size(), before[0]);
  EXPECT_EQ(shorter, static_cast<int>(later.size()));

  bank_refuses = true;
  (void)run("F-7");
  (void)run("G-12");
  ASSERT_FALSE(all().empty());
  EXPECT_EQ(all()[0].state, ProcedureState::kDemoted);
}

}  // namespace
}  // namespace mnema
