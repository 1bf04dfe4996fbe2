#include "runtime/exec/wake_timer.hpp"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace mnema {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// Both clocks and the executor in the test's hand. The wall clock can be moved alone.
class Hands final : public Executor, public Clock {
 public:
  [[nodiscard]] Time now() const override { return wall_; }
  [[nodiscard]] MonotonicTime monotonic_now() const override { return monotonic_; }
  void post(std::function<void()> work) override { post_after(Duration{}, std::move(work)); }
  void post_after(Duration delay, std::function<void()> work) override {
    longest_delay = std::max(longest_delay, delay);
    posts_.emplace(monotonic_ + std::max(Duration{}, delay), std::move(work));
  }
  void pass(Duration duration) {
    const MonotonicTime end = monotonic_ + duration;
    while (!posts_.empty() && posts_.begin()->first <= end) {
      const auto post = posts_.extract(posts_.begin());
      move_to(post.key());
      post.mapped()();
      ++run;
    }
    move_to(end);
  }
  void step_wall_clock(Duration by) { wall_ += by; }
  [[nodiscard]] std::size_t pending() const { return posts_.size(); }

  Duration longest_delay{};
  int run = 0;

 private:
  void move_to(MonotonicTime time) {
    wall_ += time - monotonic_;
    monotonic_ = time;
  }
  Time wall_ = from_micros(1'700'000'000'000'000);
  MonotonicTime monotonic_{seconds(5)};
  std::multimap<MonotonicTime, std::function<void()>> posts_;
};

struct WakeTimerTest : ::testing::Test {
  void wake_at(Time at) {
    timer.wake_at(at, [this] { woken.push_back(hands.now()); });
  }
  Hands hands;
  WakeTimer timer{hands, hands};
  std::vector<Time> woken;
};

TEST_F(WakeTimerTest, WakesOnceAtTheNearestTimeAskedFor) {
  const Time start = hands.now();
  wake_at(start + seconds(30));
  wake_at(start + seconds(10));
  wake_at(start + seconds(20));
  hands.pass(minutes(1));
  EXPECT_EQ(woken, std::vector<Time>{start + seconds(10)});
}

TEST_F(WakeTimerTest, WaitsForATimeThousandsOfYearsAwayWithoutSpinning) {
  wake_at(Time::max());
  hands.pass(hours(1));
  EXPECT_TRUE(woken.empty());
  EXPECT_LE(hands.longest_delay, minutes(1)) << "more would overflow in the executor's own clock";
  EXPECT_LE(hands.run, 60);
}

TEST_F(WakeTimerTest, LeavesNoOldWakeUpsBehindWhileNearTimesComeAndGo) {
  const Time far = hands.now() + hours(24);
  for (int i = 0; i < 10'000; ++i) {
    wake_at(far);
    wake_at(hands.now() + milliseconds(5));
    hands.pass(milliseconds(6));
  }
  EXPECT_EQ(woken.size(), 10'000U);
  EXPECT_LE(hands.pending(), 2U);
}

TEST_F(WakeTimerTest, IsAtMostAMinuteLateWhenTheWallClockWasMoved) {
  const Time at = hands.now() + hours(8);
  wake_at(at);
  hands.pass(seconds(1));
  hands.step_wall_clock(hours(8));  // the machine slept, or somebody set the time
  hands.pass(minutes(1));
  ASSERT_EQ(woken.size(), 1U);
  EXPECT_LE(woken[0] - at, minutes(1));
}

TEST_F(WakeTimerTest, IsNotEarlyWhenTheWallClockWasSetBack) {
  const Time at = hands.now() + seconds(30);
  wake_at(at);
  hands.step_wall_clock(-seconds(20));
  hands.pass(seconds(45));
  EXPECT_TRUE(woken.empty());
  hands.pass(seconds(10));
  EXPECT_EQ(woken, std::vector<Time>{at});
}

TEST_F(WakeTimerTest, DoesNothingAnyMoreOnceItsOwnerIsGone) {
  {
    WakeTimer owned(hands, hands);
    owned.wake_at(hands.now() + hours(2), [] { FAIL() << "nobody waits"; });
  }
  hands.pass(hours(3));
  EXPECT_EQ(hands.run, 1);
  EXPECT_EQ(hands.pending(), 0U);
}

}  // namespace
}  // namespace mnema
