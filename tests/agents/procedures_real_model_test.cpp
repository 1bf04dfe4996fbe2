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
bool bank_refuses = false;
std::vector<std::string> called;

task<Answer> refund(ToolCtx&, Order order) {
  Answer answer;
  if (bank_refuses) {
    answer.error = "the bank refuses";
  } else if (unlocked.contains(order.order_id)) {
    answer.refunded = order.order_id;
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

task<Outcome> clerk(Ctx& ctx, Event event) {
  PromptPlan plan = ctx.prompt().user(event.data, Trust::kUser);
  ThinkOptions options;
  options.constraint = ChoiceConstraint{{"Done."}};  // beside calls of tools
  options.tokens_max = 60;
  Reply answer = co_await ctx.think(plan, options);
  called = answer.tools_called;
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
          .system("You are a clerk. Use the tools. When the order is refunded, say: Done.")
          .tool("refund", "Refunds an order", refund, ToolOptions<Answer, Order>{.on_external_text = true})
          .tool("unlock", "Unlocks an order", unlock, ToolOptions<Answer, Order>{.on_external_text = true});
    };
    harness_ = std::make_unique<HostHarness>(options);
    const Status started = harness_->start();
    ASSERT_TRUE(started.ok()) << started.error().text();
  }

  /// How many tools the model called.
  int run(const std::string& text) {
    unlocked.clear();
    called.clear();
    Event event = event_for("clerk", text, text);
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
  for (const char* text : {"Please refund order A-17.", "Please refund order B-204.", "Please refund order C-3."}) {
    before.push_back(run(text));
  }
  ASSERT_EQ(all().size(), 1U);
  ASSERT_EQ(all()[0].state, ProcedureState::kActive) << text_of(all()[0]);
  int shorter = 0;
  const std::vector<std::string> later = {"Please refund order D-9.", "Please refund order E-55.",
                                          "Please refund order F-7."};
  for (const std::string& text : later) shorter += run(text) < before[0] ? 1 : 0;
  std::printf("%d of %zu later tasks took fewer calls than %d\n", shorter, later.size(), before[0]);
  EXPECT_EQ(shorter, static_cast<int>(later.size()));

  bank_refuses = true;
  (void)run("Please refund order G-12.");
  (void)run("Please refund order H-88.");
  ASSERT_FALSE(all().empty());
  EXPECT_EQ(all()[0].state, ProcedureState::kDemoted);
}

}  // namespace
}  // namespace mnema
