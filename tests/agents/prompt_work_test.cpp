#include "agents/host.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>

#include "agents/host_harness.hpp"
#include "inference/local_engine.hpp"
#include "tests/inference/scripted_models.hpp"
#include "tests/support/paths.hpp"

// How often a whole program renders and tokenizes the prompt of a turn, by its own metrics.

namespace mnema {
namespace {

using testing::event_for;
using testing::HostHarness;

std::string exchange(const HostHarness& harness, const std::string& head, const std::string& body = "") {
  const std::string address = harness.address();
  const std::string request =
      head + " HTTP/1.1\r\nHost: " + address +
      "\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n\r\n" + body;
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
      ::send(descriptor, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(descriptor, buffer, sizeof buffer, 0)) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(got));
    }
  }
  ::close(descriptor);
  return answer.substr(std::min(answer.size(), answer.find("\r\n\r\n") + 4));
}

struct Work {
  int renders = 0;
  int bytes = 0;
};

/// Of the whole program so far. The engine's numbers follow its work, so they are read until they stand still.
Work work_of(const HostHarness& harness) {
  const auto value = [](const std::string& metrics, const std::string& name) {
    const std::size_t at = metrics.find("\n" + name + " ");
    EXPECT_NE(at, std::string::npos) << name;
    return at == std::string::npos ? -1 : static_cast<int>(std::stod(metrics.substr(at + name.size() + 2)));
  };
  Work last{-1, -1};
  for (int same = 0; same < 3;) {
    const std::string metrics = exchange(harness, "GET /metrics");
    const Work now{value(metrics, "mnema_template_renders_total"), value(metrics, "mnema_tokenizer_bytes_total")};
    same = now.renders == last.renders && now.bytes == last.bytes ? same + 1 : 0;
    last = now;
  }
  return last;
}

Config real_models() {
  Config config;
  config.inference.model = "smollm2-135m";
  config.inference.embedding_model = "all-minilm-l6-v2";
  config.inference.models_directory = testing::models_folder();
  config.inference.kv_memory_bytes = std::int64_t{64} << 20;
  return config;
}

bool models_are_here() {
  return std::filesystem::exists(testing::smollm2()) && std::filesystem::exists(testing::minilm_folder());
}

TEST(PromptWork, AChatOverRestOfTenTurnsIsRenderedOnceATurnAndOnlyWhatIsNewIsTokenized) {
  if (!models_are_here()) GTEST_SKIP() << "the models are not here (./dev test fetches them)";
  HostHarness::Options options;
  options.models = true;
  options.config = real_models();
  HostHarness harness(options);
  const Status started = harness.start();
  ASSERT_TRUE(started.ok()) << started.error().text();
  boost::json::array messages;
  Work before = work_of(harness);
  std::size_t answer_bytes = 0;
  for (int turn = 0; turn < 10; ++turn) {
    const std::string question = "Question " + std::to_string(turn) + ": where is order " +
                                 std::to_string(1000 + 37 * turn) + ", and when does it arrive in Hamburg?";
    messages.push_back({{"role", "user"}, {"content", question}});
    const boost::json::object body{
        {"model", "smollm2-135m"}, {"messages", messages}, {"max_tokens", 20}, {"n", turn % 3 == 2 ? 3 : 1}};
    const boost::json::value answer =
        boost::json::parse(exchange(harness, "POST /v1/chat/completions", boost::json::serialize(body)));
    ASSERT_TRUE(answer.is_object() && answer.as_object().contains("choices")) << answer;
    const Work now = work_of(harness);
    const std::string_view template_text = "<|im_end|>\n<|im_start|>user\n<|im_end|>\n<|im_start|>assistant\n";
    const std::string_view system_text =
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n";
    const std::size_t fresh =
        question.size() + answer_bytes + template_text.size() + (turn == 0 ? system_text.size() : 0);
    EXPECT_EQ(now.renders - before.renders, 1) << "turn " << turn << ", whether one choice or three";
    EXPECT_LE(now.bytes - before.bytes, 1.2 * static_cast<double>(fresh)) << "turn " << turn;
    EXPECT_GT(now.bytes - before.bytes, 0);
    before = now;
    const boost::json::string text = answer.at("choices").at(0).at("message").at("content").as_string();
    answer_bytes = text.size();
    messages.push_back({{"role", "assistant"}, {"content", text}});
  }
}

task<Outcome> ask_with_recall(Ctx& ctx, Event event) {
  RecallQuery query;
  query.text = event.data;
  Recalled found = co_await ctx.recall(query);
  PromptPlan plan = ctx.prompt().user(event.data).with(found);
  ThinkOptions options;
  options.tokens_max = 5;
  Reply answer = co_await ctx.think(plan, options);
  Episode said;
  said.role = "user";
  said.text = event.data;
  ctx.remember(said);
  co_return reply(answer.text);
}

TEST(PromptWork, AnEventsTurnWithRecallIsRenderedTwiceAtTheMost) {
  if (!models_are_here()) GTEST_SKIP() << "the models are not here (./dev test fetches them)";
  HostHarness::Options options;
  options.models = true;
  options.config = real_models();
  options.declare = [](Host& host) {
    host.agent("clerk", ask_with_recall).thinks().recalls().system("You are a clerk. Answer in one sentence.");
  };
  HostHarness harness(options);
  const Status started = harness.start();
  ASSERT_TRUE(started.ok()) << started.error().text();
  // The first event also makes the agent's prefix warm, a prompt of its own.
  ASSERT_EQ(*harness.handle(event_for("clerk", "ada", "Order 1 came to Hamburg by ship.")), TurnEnd::kDone);
  Work before = work_of(harness);
  for (int turn = 0; turn < 5; ++turn) {
    const std::string question = "Where is order " + std::to_string(turn) + " now, and who has it?";
    ASSERT_EQ(*harness.handle(event_for("clerk", "ada", question)), TurnEnd::kDone);
    const Work now = work_of(harness);
    EXPECT_GE(now.renders - before.renders, 1);
    EXPECT_LE(now.renders - before.renders, 2) << "turn " << turn;
    before = now;
  }
}

struct Order {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id))
struct Place {
  std::string town;
};
BOOST_DESCRIBE_STRUCT(Place, (), (town))

task<Place> find_order(ToolCtx&, Order order) { co_return Place{"Hamburg " + order.id}; }

task<Outcome> ask_with_tool(Ctx& ctx, Event event) {
  PromptPlan plan = ctx.prompt().user(event.data);
  Reply answer = co_await ctx.think(plan);
  EXPECT_EQ(answer.tools_called.size(), 2U);
  EXPECT_EQ(answer.text, "done");
  co_return reply(answer.text);
}

/// Makes the scripted model write `text`, byte by byte, after the prompt's last line.
void write(const std::string& text, const std::vector<TokenId>& before, std::vector<float>& logits) {
  std::size_t written = 0;
  while (written < before.size() && before[before.size() - 1 - written] != '\n') ++written;
  const auto end = static_cast<std::size_t>(testing::SmallTokenizer().end_of_sequence());
  logits[written < text.size() ? static_cast<std::uint8_t>(text[written]) : end] += 100;
}

TEST(PromptWork, AToolLoopIsRenderedOnceForEachTimeTheModelIsAsked) {
  ThreadPoolExecutor device("device", 1), prepare("prepare", 2);
  const SystemClock clock;
  SeededRandom random{1};
  const Limits limits;
  HostHarness::Options options;
  options.engine = [&](Executor& compute) -> std::unique_ptr<Engine> {
    const auto loader = std::make_shared<testing::ScriptedLoader>(device);
    loader->adjust = [](const std::vector<TokenId>& before, std::vector<float>& logits) {
      std::string prompt;
      for (const TokenId id : before) prompt += id < 256 ? static_cast<char>(id) : ' ';
      int results = 0;
      for (std::size_t at = 0; (at = prompt.find("\ntool: ", at)) != std::string::npos; ++at) ++results;
      write(results < 2 ? R"(<tool_call>{"name": "find", "arguments": {"id": ")" + std::to_string(results) +
                              R"("}}</tool_call>)"
                        : "done",
            before, logits);
    };
    EngineOptions engine_options;
    engine_options.model = "a";
    engine_options.embedding_model = "vectors";
    return std::make_unique<LocalEngine>(engine_options, LocalEngine::Executors{compute, prepare}, loader, clock,
                                         random, limits);
  };
  options.declare = [](Host& host) {
    host.agent("clerk", ask_with_tool)
        .thinks()
        .model("a")
        .tool("find", "Finds an order", find_order, ToolOptions<Place, Order>{.has_effects = false});
  };
  HostHarness harness(options);
  const Status started = harness.start();
  ASSERT_TRUE(started.ok()) << started.error().text();
  ASSERT_EQ(*harness.handle(event_for("clerk", "ada", "first")), TurnEnd::kDone);
  const Work before = work_of(harness);
  ASSERT_EQ(*harness.handle(event_for("clerk", "ada", "second")), TurnEnd::kDone);
  EXPECT_EQ(work_of(harness).renders - before.renders, 3) << "asked three times: two calls, then the answer";
  harness.stop();
}

}  // namespace
}  // namespace mnema
