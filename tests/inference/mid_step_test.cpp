#include "inference/local_engine.hpp"

#include <gtest/gtest.h>

#include <array>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "runtime/exec/thread_pool_executor.hpp"
#include "tests/inference/local_engine_fixture.hpp"

// What comes while a step is under way on a device: the step's sequences, pages and model stay until it has ended.

namespace mnema {
namespace {

using testing::Heard;
using testing::kModelBytes;
using testing::LocalEngineTest;

class MidStepTest : public LocalEngineTest {
 protected:
  /// A generation that goes on for long, in mid-step of a decode.
  Heard& decoding(GenerateRequest request) {
    request.tokens_max = 3000;
    Heard& heard = ask(std::move(request));
    while (heard.text.empty()) EXPECT_TRUE(run_one());
    run_into_a_step();
    EXPECT_FALSE(device.empty());
    return heard;
  }
  GenerateRequest of_eve(const std::string& text) {
    GenerateRequest request = asks("a", text, 5);
    request.scope.tenant = "t";
    request.scope.user = "eve";
    return request;
  }
  static void expect_cancelled(const Heard& heard) {
    ASSERT_TRUE(heard.done && heard.done->ok());
    EXPECT_EQ((*heard.done)->finish_reason, FinishReason::kCancelled);
  }
};

TEST_F(MidStepTest, ACancelledGenerationEndsWithItsStepAndItsNeighbourGoesOn) {
  open();
  const std::string alone = answer(asks("a", "neighbour", 40)).text;
  Heard& neighbour = ask(asks("a", "neighbour", 40));
  Heard& cancelled = decoding(asks("a", "cancelled"));
  cancelled.generation->cancel();
  run_into_a_step();
  EXPECT_FALSE(cancelled.done.has_value()) << "the device still writes to its pages";
  static_cast<void>(engine->stats());  // asks for newer ones
  run_into_a_step();
  EXPECT_GT(engine->stats().models[0].pages.used, 0);
  const std::string heard = cancelled.text;
  device.run_one();
  run_into_a_step();
  expect_cancelled(cancelled);
  EXPECT_EQ(cancelled.text, heard) << "what the step chose for it is undefined";
  run();
  EXPECT_EQ(neighbour.text, alone);
  EXPECT_EQ(stats().models[0].pages.used, 0);
}

TEST_F(MidStepTest, AllThatIsErasedIsForgottenThoughAStepStillComputesIt) {
  open();
  const GenerateRequest request = of_eve(std::string(2000, 'x'));
  Heard& erased = ask(request);
  while (device.empty()) ASSERT_TRUE(compute.run_one() || background.run_one());
  bool told = false;
  engine->erase(request.scope, reply, [&told] { told = true; });
  run_into_a_step();
  EXPECT_TRUE(told);
  EXPECT_FALSE(erased.done.has_value());
  Heard& later = ask(request);  // of the same user, after the erasure and before the step's end
  run_into_a_step();
  run();
  expect_cancelled(erased);
  ASSERT_TRUE(later.done && later.done->ok());
  EXPECT_EQ((*later.done)->finish_reason, FinishReason::kLength);
  EXPECT_EQ((*later.done)->usage.cached_tokens, 0);
  EXPECT_GT(answer(request).usage.cached_tokens, 0) << "what came later is kept";
}

TEST_F(MidStepTest, AModelIsNotUnloadedUnderAStep) {
  options.keep_alive_ms = 1000;
  options.memory_bytes_max = 2 * kModelBytes;
  open();
  Heard& long_one = decoding(asks("b"));
  clock.at += std::chrono::seconds(100);  // far beyond the keep-alive time, in mid-step
  run_into_a_step();
  Heard& other = ask(asks("c"));
  run_into_a_step();
  Heard& waiting = ask(asks("d"));
  run_into_a_step();
  EXPECT_EQ(loader->loads, "b c ") << "there is memory for one more, and none to be had";
  device.run_one();
  long_one.generation->cancel();
  run();
  expect_cancelled(long_one);
  EXPECT_TRUE(other.done->ok() && waiting.done->ok());
  EXPECT_EQ(loader->loads, "b c d ");
}

TEST_F(MidStepTest, AnEngineThatGoesLeavesItsStepTheModelUntilItsEnd) {
  open();
  Heard& running = decoding(asks("a"));
  Heard& waiting = ask(asks("b"));
  engine.reset();
  run_into_a_step();
  EXPECT_FALSE(running.done.has_value());
  run();
  expect_cancelled(running);
  expect_cancelled(waiting);
}

TEST_F(MidStepTest, AnEngineThatStopsEndsItsStepAndBeginsNoOther) {
  open();
  Heard& running = decoding(asks("a"));
  static_cast<void>(engine->stats());  // asks for newer ones
  run_into_a_step();
  const std::uint64_t steps = engine->stats().models[0].steps;
  engine->stop();
  run();
  expect_cancelled(running);
  EXPECT_EQ(stats().models[0].steps, steps);
}

TEST_F(MidStepTest, ADeadlineThatPassesEndsTheGenerationAfterItsStep) {
  open();
  GenerateRequest request = asks("a");
  request.deadline = MonotonicTime{std::chrono::seconds(1)};
  Heard& late = decoding(request);
  clock.at = std::chrono::seconds(2);
  run_into_a_step();
  EXPECT_FALSE(late.done.has_value());
  run();
  ASSERT_TRUE(late.done.has_value());
  EXPECT_EQ(late.done->error().code, ErrorCode::kDeadlineExceeded);
}

TEST_F(MidStepTest, NoTextIsEncodedWhileAStepHasTheCores) {
  loader->after_layer = [this](std::size_t) {
    EXPECT_TRUE(device.empty());
    clock.at += std::chrono::milliseconds(1);
  };
  loader->step_time = [](int) { return std::chrono::milliseconds(4); };
  loader->after_step = [this] { clock.at += std::chrono::milliseconds(4); };
  open();
  Heard& stream = ask(asks("a", "hello", 60));
  std::optional<bool> embedded;
  engine->embed("vectors", std::vector<std::string>(40, "text"), Priority::kEvent, reply,
                [&](const auto& vectors) { embedded = vectors.ok(); });
  while (!stream.done || !embedded) {
    if (!run_one()) clock.at += std::chrono::milliseconds(1);
  }
  EXPECT_TRUE(stream.done->ok());
  EXPECT_EQ(embedded, true);
}

/// Each executor's tasks in their order, the executors in an order from the seed: steps end early, late, and in
/// between.
TEST_F(MidStepTest, EveryOrderOfTheExecutorsEndsEveryGenerationOnceWithItsOwnTokens) {
  options.keep_alive_ms = 40;
  options.max_sequences = 3;
  options.speculation_tokens_max = 4;
  open();
  std::vector<std::string> alone;
  const auto text_of = [](std::uint64_t i) { return "scenario " + std::to_string(i) + std::string(60 * i, 'x'); };
  for (std::uint64_t i = 0; i < 4; ++i) alone.push_back(answer(asks("a", text_of(i), 50)).text);
  SeededRandom order(7);
  for (int scenario = 0; scenario < 300; ++scenario) {
    all.clear();
    open();
    std::vector<std::uint64_t> asked;
    int told = 0, expected = 0;
    for (int act = 0; act < 300; ++act) {
      switch (order.below(40)) {
        case 0:
        case 1: {
          asked.push_back(order.below(4));
          GenerateRequest request = asks(order.below(3) == 0 ? "b" : "a", text_of(asked.back()), 50);
          request.scope.tenant = order.below(2) == 0 ? "t" : "u";
          request.priority = static_cast<Priority>(order.below(4));
          ask(std::move(request));
          break;
        }
        case 2:
          if (!all.empty()) all[order.below(all.size())].generation->cancel();
          break;
        case 3:
          ++expected;
          engine->erase({"t", "", "", ""}, reply, [&told] { ++told; });
          break;
        case 4:
          ++expected;
          engine->embed("vectors", {"one", "two"}, Priority::kBackground, reply, [&told](const auto&) { ++told; });
          break;
        case 5:
          engine->prestage("a", {"u", "", "", ""}, asks("a", text_of(order.below(4))).prompt);
          break;
        case 6:
          clock.at += std::chrono::milliseconds(order.below(30));
          break;
        default:
          compute.now = clock.at;
          (void)std::array{&compute, &background, &reply, &device}[order.below(4)]->run_one();
      }
    }
    if (order.below(2) == 0) engine.reset();
    run();
    EXPECT_EQ(told, expected);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      ASSERT_TRUE(all[i].done && all[i].done->ok()) << "scenario " << scenario;
      const std::string& whole = alone[asked[i]];
      EXPECT_EQ(all[i].text, whole.substr(0, all[i].text.size())) << "scenario " << scenario;
      const bool cancelled = (*all[i].done)->finish_reason == FinishReason::kCancelled;
      EXPECT_TRUE(cancelled || all[i].text == whole) << all[i].text;
    }
    engine.reset();
    run();
  }
}

/// Counts ends; a generation must have exactly one.
struct Ends {
  std::mutex mutex;
  std::condition_variable changed;
  int expected = 0, come = 0;
  void expect() {
    const std::scoped_lock lock(mutex);
    ++expected;
  }
  void end() {
    const std::scoped_lock lock(mutex);
    ++come;
    changed.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return come >= expected; });
  }
};

TEST(MidStepThreads, EndEveryGenerationOnceWhileOthersCancelEraseEmbedAndStop) {
  const Limits limits;
  const SystemClock clock;
  ThreadPoolExecutor device("device", 1), compute("compute", 1), background("prepare", 2), reply("reply", 2);
  for (std::uint64_t round = 0; round < 4; ++round) {
    SeededRandom drawn(round);  // the compute thread's
    EngineOptions options;
    options.model = "a";
    options.max_sequences = 4;
    const auto loader = std::make_shared<testing::ScriptedLoader>(device);
    Ends ends;
    {
      LocalEngine engine(options, {compute, background}, loader, clock, drawn, limits);
      std::vector<std::thread> clients;
      for (std::uint64_t client = 0; client < 3; ++client) {
        clients.emplace_back([&, client] {
          SeededRandom random(100 * round + client);
          for (int i = 0; i < 25; ++i) {
            GenerateRequest request;
            request.model = random.below(3) == 0 ? "b" : "a";
            request.scope.tenant = random.below(2) == 0 ? "t" : "u";
            request.prompt.messages.push_back(message_of(Role::kUser, std::string(random.below(150), 'x')));
            request.tokens_max = 1 + static_cast<int>(random.below(20));
            ends.expect();
            GenerationCallbacks callbacks;
            callbacks.on_done = [&ends](const Result<Completion>&) { ends.end(); };
            const auto generation = engine.generate(std::move(request), reply, std::move(callbacks));
            if (random.below(3) == 0) generation->cancel();
            if (random.below(8) == 0) {
              ends.expect();
              engine.erase({"t", "", "", ""}, reply, [&ends] { ends.end(); });
            }
            if (random.below(4) == 0) {
              ends.expect();
              engine.embed("vectors", {"text"}, Priority::kEvent, reply, [&ends](const auto&) { ends.end(); });
            }
            static_cast<void>(engine.stats());
          }
        });
      }
      for (std::thread& client : clients) client.join();
      if (round % 2 == 0) engine.stop();
    }
    ends.wait();
    EXPECT_EQ(ends.come, ends.expected);
    // Until nothing of the engine is posted any more, what it borrows must stay.
    for (int i = 0; i < 3; ++i) {
      for (ThreadPoolExecutor* executor : {&compute, &background, &device, &reply}) {
        std::promise<void> passed;
        executor->post([&passed] { passed.set_value(); });
        passed.get_future().wait();
      }
    }
  }
}

}  // namespace
}  // namespace mnema
