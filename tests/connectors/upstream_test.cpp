#include "connectors/upstream.hpp"

#include <gtest/gtest.h>

#include "runtime/sim/simulation_executor.hpp"

namespace mnema {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class UpstreamTest : public ::testing::Test {
 protected:
  UpstreamOptions options() {
    UpstreamOptions options;
    options.name = "stripe";
    return options;
  }
  /// The last ticket granted is `last_`.
  Result<Upstream::Ticket> admit_now(Upstream& upstream, Duration patience = seconds(60)) {
    std::optional<Result<Upstream::Ticket>> answer;
    upstream.admit(clock().monotonic_now() + patience,
                   [&](Result<Upstream::Ticket> ticket) { answer = std::move(ticket); });
    if (!answer) return fail(ErrorCode::kAborted, "it waits");
    if (answer->ok()) last_ = **answer;
    return *answer;
  }
  const Clock& clock() { return simulation_.clock(); }

  Simulation simulation_{1};
  Upstream::Ticket last_;
};

TEST_F(UpstreamTest, HoldsCallsAboveItsBulkheadUntilOneEnds) {
  UpstreamOptions two = options();
  two.calls_in_flight_max = 2;
  Upstream upstream(two, clock());
  ASSERT_TRUE(admit_now(upstream).ok());
  ASSERT_TRUE(admit_now(upstream).ok());
  bool third = false;
  upstream.admit(std::nullopt, [&](Result<Upstream::Ticket> ticket) { third = ticket.ok(); });
  EXPECT_FALSE(third);
  upstream.check_integrity();
  upstream.finish(last_, Upstream::Outcome::kSuccess);
  EXPECT_TRUE(third);
  upstream.finish(last_, Upstream::Outcome::kSuccess);
  upstream.finish(last_, Upstream::Outcome::kSuccess);
  upstream.check_integrity();
}

TEST_F(UpstreamTest, MayBeAskedAgainByACallerWhoseDeadlinePassedWhileItWaited) {
  UpstreamOptions one = options();
  one.calls_in_flight_max = 1;
  Upstream upstream(one, clock());
  ASSERT_TRUE(admit_now(upstream).ok());
  std::optional<Result<Upstream::Ticket>> late;
  upstream.admit(clock().monotonic_now() + seconds(1), [&](Result<Upstream::Ticket> ticket) { late = ticket; });
  simulation_.run_for(seconds(2));
  upstream.finish(last_, Upstream::Outcome::kSuccess);
  ASSERT_TRUE(late.has_value());
  ASSERT_FALSE(late->ok());
  EXPECT_EQ(late->error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(late->error().retryable) << "the call was never made";
}

TEST_F(UpstreamTest, RefusesCallersWhenTooManyWait) {
  UpstreamOptions narrow = options();
  narrow.calls_in_flight_max = 1;
  narrow.calls_waiting_max = 1;
  Upstream upstream(narrow, clock());
  ASSERT_TRUE(admit_now(upstream).ok());
  bool waits = true;
  upstream.admit(std::nullopt, [&](Result<Upstream::Ticket>) { waits = false; });
  auto refused = admit_now(upstream);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_TRUE(waits);
}

TEST_F(UpstreamTest, SharesOneRateAmongAllCallers) {
  UpstreamOptions slow = options();
  slow.calls_per_second = 2;
  slow.burst = 1;
  Upstream upstream(slow, clock());
  EXPECT_EQ(admit_now(upstream)->wait, Duration::zero());
  EXPECT_EQ(admit_now(upstream)->wait, milliseconds(500));
  EXPECT_EQ(admit_now(upstream)->wait, seconds(1));
  auto refused = admit_now(upstream, milliseconds(100));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  upstream.check_integrity();
}

TEST_F(UpstreamTest, CountsAHundredPerHourOverAnyHour) {
  UpstreamOptions hourly = options();
  hourly.calls_per_window = 3;
  hourly.calls_in_flight_max = 100;
  Upstream upstream(hourly, clock(), nullptr, {clock().now() - minutes(59), clock().now() - minutes(30)});
  auto third = admit_now(upstream);
  ASSERT_TRUE(third.ok());
  EXPECT_EQ(third->wait, Duration::zero());
  EXPECT_EQ(third->permit, clock().now());
  auto fourth = admit_now(upstream);
  ASSERT_FALSE(fourth.ok());
  EXPECT_NEAR(static_cast<double>(fourth.error().retry_after_ms), 66'000, 5);
  simulation_.run_for(seconds(67));
  EXPECT_TRUE(admit_now(upstream).ok());
}

TEST_F(UpstreamTest, SaysThatAPermitIsTooOldToLeaveBy) {
  UpstreamOptions hourly = options();
  hourly.calls_per_window = 3;
  Upstream upstream(hourly, clock());
  auto ticket = admit_now(upstream);
  EXPECT_FALSE(upstream.is_stale(*ticket, seconds(5)));
  simulation_.run_for(seconds(2));
  EXPECT_TRUE(upstream.is_stale(*ticket, seconds(5))) << "connecting may take it past its grace of six seconds";
  EXPECT_FALSE(upstream.is_stale(*ticket, seconds(1)));
  EXPECT_EQ(*upstream.leave_by(*ticket), clock().monotonic_now() + seconds(4));
}

TEST_F(UpstreamTest, MakesThePermitDurableBeforeTheCallMayLeave) {
  struct Log final : PermitLog {
    void append(const std::string& upstream, Time, Executor& reply_to, std::function<void(Status)> done) override {
      EXPECT_EQ(upstream, "stripe");
      ++rows;
      reply_to.post([done] { done({}); });
    }
    int rows = 0;
  } log;
  UpstreamOptions hourly = options();
  hourly.calls_per_window = 3;
  Upstream upstream(hourly, clock(), &log);
  auto ticket = admit_now(upstream);
  bool may_leave = false;
  upstream.commit_permit(*ticket, simulation_.lane("blocking"), [&](Status status) { may_leave = status.ok(); });
  EXPECT_EQ(log.rows, 1);
  EXPECT_FALSE(may_leave);
  simulation_.run_ready();
  EXPECT_TRUE(may_leave);
}

TEST_F(UpstreamTest, StopsCallingWhatIsDownAndTriesAgainLater) {
  Upstream upstream(options(), clock());
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(admit_now(upstream).ok());
    upstream.finish(last_, Upstream::Outcome::kUpstreamFailure);
  }
  EXPECT_EQ(upstream.breaker_state(), Breaker::State::kOpen);
  auto refused = admit_now(upstream);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  simulation_.run_for(seconds(5));
  ASSERT_TRUE(admit_now(upstream).ok());
  upstream.finish(last_, Upstream::Outcome::kSuccess);
  upstream.check_integrity();
}

TEST_F(UpstreamTest, GivesTheProbeBackWhenALimitRefusesIt) {
  UpstreamOptions slow = options();
  slow.calls_per_second = 1;
  slow.burst = 10;
  Upstream upstream(slow, clock());
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(admit_now(upstream).ok());
    upstream.finish(last_, Upstream::Outcome::kUpstreamFailure);
  }
  simulation_.run_for(seconds(5));
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(admit_now(upstream).ok());
    upstream.finish(last_, Upstream::Outcome::kOurFailure);
  }
  EXPECT_FALSE(admit_now(upstream, milliseconds(10)).ok());  // no token
  simulation_.run_for(seconds(1));
  EXPECT_TRUE(admit_now(upstream).ok());
}

TEST_F(UpstreamTest, LetsACallerLeaveTheQueue) {
  UpstreamOptions narrow = options();
  narrow.calls_in_flight_max = 1;
  narrow.calls_waiting_max = 1;
  Upstream upstream(narrow, clock());
  ASSERT_TRUE(admit_now(upstream).ok());
  bool ran = false;
  const std::uint64_t waiting = upstream.admit(std::nullopt, [&](Result<Upstream::Ticket>) { ran = true; });
  EXPECT_EQ(upstream.counts().waiting, 1);
  EXPECT_TRUE(upstream.leave_queue(waiting));
  EXPECT_FALSE(upstream.leave_queue(waiting));
  EXPECT_EQ(upstream.counts().waiting, 0);
  upstream.finish(last_, Upstream::Outcome::kSuccess);
  EXPECT_FALSE(ran);
  upstream.check_integrity();
}

/// Bucket and window at once: whatever the mix, no window holds more departures than it may, nor does the rate.
TEST_F(UpstreamTest, KeepsBothLimitsForTheMomentACallLeaves) {
  for (const double per_second : {0.2, 1.0, 50.0}) {
    UpstreamOptions both = options();
    both.calls_per_second = per_second;
    both.burst = 2;
    both.calls_per_window = 5;
    both.window = seconds(20);
    both.calls_in_flight_max = 1000;
    Upstream upstream(both, clock());
    SeededRandom random(11);
    std::vector<Time> departures;
    for (int i = 0; i < 200; ++i) {
      auto ticket = admit_now(upstream, hours(10));
      ASSERT_TRUE(ticket.ok());
      EXPECT_EQ(*ticket->permit, clock().now() + ticket->wait);
      departures.push_back(clock().now() + ticket->wait);
      simulation_.run_for(milliseconds(static_cast<long long>(random.below(6000))));
    }
    for (std::size_t i = 0; i < departures.size(); ++i) {
      if (i >= 1) {
        EXPECT_GE(departures[i], departures[i - 1]);
      }
      if (i >= 5) {
        EXPECT_GE(departures[i] - departures[i - 5], both.window + both.permit_grace) << i;
      }
      if (i >= 2) {
        EXPECT_GE(departures[i] - departures[i - 2], Duration(static_cast<long long>(1e6 / per_second) - 1)) << i;
      }
    }
  }
}

TEST_F(UpstreamTest, CountsWhatBecameOfItsCalls) {
  Upstream upstream(options(), clock());
  ASSERT_TRUE(admit_now(upstream).ok());
  upstream.finish(last_, Upstream::Outcome::kSuccess);
  ASSERT_TRUE(admit_now(upstream).ok());
  upstream.finish(last_, Upstream::Outcome::kUpstreamFailure);
  ASSERT_TRUE(admit_now(upstream).ok());
  ASSERT_TRUE(upstream.retry_budget().withdraw());
  const UpstreamCounts counts = upstream.counts();
  EXPECT_EQ(counts.calls_total, 3);
  EXPECT_EQ(counts.failures_total, 1);
  EXPECT_EQ(counts.retries_total, 1);
  EXPECT_EQ(counts.in_flight, 1);
  EXPECT_EQ(counts.breaker, Breaker::State::kClosed);
}

TEST_F(UpstreamTest, IsNotClosedByALateAnswerOfACallThatLeftBeforeItWasGivenUp) {
  UpstreamOptions wide = options();
  wide.calls_in_flight_max = 100;
  Upstream upstream(wide, clock());
  const Upstream::Ticket slow = *admit_now(upstream);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(admit_now(upstream).ok());
    upstream.finish(last_, Upstream::Outcome::kUpstreamFailure);
  }
  simulation_.run_for(seconds(5));
  ASSERT_TRUE(admit_now(upstream).ok());  // the probe
  upstream.finish(slow, Upstream::Outcome::kSuccess);
  EXPECT_FALSE(admit_now(upstream).ok()) << "one probe at a time";
  EXPECT_EQ(upstream.breaker_state(), Breaker::State::kHalfOpen);
}

}  // namespace
}  // namespace mnema
