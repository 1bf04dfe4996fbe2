#include "agents/task.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace mnema {
namespace {

/// A step that is finished from outside, as a turn finishes its own.
struct Signal {
  std::coroutine_handle<> waiter;
  bool set = false;
};
struct Wait : StepTag {
  explicit Wait(Signal& s) : signal(&s) {}
  bool await_ready() const { return signal->set; }
  void await_suspend(std::coroutine_handle<> handle) { signal->waiter = handle; }
  void await_resume() const {}
  Signal* signal;
};

struct Marker {
  explicit Marker(int& count) : count_(&count) { ++*count_; }
  Marker(const Marker& other) : count_(other.count_) { ++*count_; }
  Marker& operator=(const Marker&) = delete;
  ~Marker() { --*count_; }
  int* count_;
};

task<int> twice(int value) { co_return 2 * value; }
task<int> four_times(int value) {
  const int doubled = co_await twice(value);
  co_return co_await twice(doubled);
}
task<int> long_loop(int rounds) {
  int sum = 0;
  for (int i = 0; i < rounds; ++i) sum += co_await twice(1);
  co_return sum;
}
task<> throws(std::string text) {
  throw std::runtime_error(text);
  co_return;
}
task<std::string> catches() {
  try {
    co_await throws("inner");
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
  co_return "nothing";
}
task<int> waits_inside(Signal& signal, Marker marker) {
  Marker local = marker;
  co_await Wait(signal);
  co_return 7;
}
task<int> waits(Signal& signal, Marker marker) {
  const int value = co_await waits_inside(signal, marker);
  co_return value + 1;
}

TEST(Task, GivesWhatTheInnermostTaskReturned) {
  Trampoline trampoline;
  task<int> root = four_times(3);
  root.start(trampoline);
  ASSERT_TRUE(root.done());
  EXPECT_EQ(root.take(), 12);
}

TEST(Task, AwaitsAMillionTimesWithoutGrowingTheStack) {
  Trampoline trampoline;
  task<int> root = long_loop(1'000'000);
  root.start(trampoline);
  ASSERT_TRUE(root.done());
  EXPECT_EQ(root.take(), 2'000'000);
}

TEST(Task, CarriesAnExceptionToTheOneWhoAwaits) {
  Trampoline trampoline;
  task<std::string> root = catches();
  root.start(trampoline);
  EXPECT_EQ(root.take(), "inner");

  task<> failing = throws("outer");
  failing.start(trampoline);
  ASSERT_TRUE(failing.done());
  EXPECT_THROW(failing.take(), std::runtime_error);
}

TEST(Task, GoesOnWhenItsStepIsDone) {
  Trampoline trampoline;
  Signal signal;
  int alive = 0;
  task<int> root = waits(signal, Marker(alive));
  root.start(trampoline);
  ASSERT_FALSE(root.done());
  trampoline.run(signal.waiter);
  ASSERT_TRUE(root.done());
  EXPECT_EQ(root.take(), 8);
}

TEST(Task, DestroyedAtAnAwaitDestroysEveryLocalOfEveryFrame) {
  Trampoline trampoline;
  Signal signal;
  int alive = 0;
  {
    task<int> root = waits(signal, Marker(alive));
    root.start(trampoline);
    EXPECT_GT(alive, 0);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Task, DestroyedBeforeItsStartRunsNothing) {
  int alive = 0;
  Signal signal;
  {
    task<int> never = waits(signal, Marker(alive));
  }
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace mnema
