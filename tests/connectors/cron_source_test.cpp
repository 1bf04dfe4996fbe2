#include "connectors/cron_source.hpp"

#include <gtest/gtest.h>

#include "runtime/events/event_deadline.hpp"
#include "tests/runtime/log_capture.hpp"
#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using testing::RuntimeFixture;

Time utc(const char* text) { return *parse_rfc3339(text); }

/// A runtime whose agent "worker" has a cron source; both end and come again together.
class CronSourceTest : public ::testing::Test {
 protected:
  CronSourceTest() {
    options_.name = "daily";
    options_.expression = "0 9 * * *";
    options_.agent = "worker";
    // The simulation begins on 2023-11-14T22:13:20Z.
    fixture_.limits.cron_missed_max = 3;
  }
  ~CronSourceTest() override { source_.reset(); }

  void open() {
    auto opened = CronSource::open(
        options_, {fixture_.runtime->database(), fixture_.loop, fixture_.simulation.clock(), fixture_.limits});
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    source_ = std::move(*opened);
    ASSERT_TRUE(source_
                    ->start([this](EventBatch batch, BatchDone done) {
                      fixture_.runtime->router().accept(std::move(batch), fixture_.loop, std::move(done));
                    })
                    .ok());
    take();
    fixture_.simulation.run_ready();
  }
  /// Every event is done as it comes.
  void take() {
    fixture_.runtime->mailbox().take(fixture_.loop, [this](Delivery taken) {
      const auto delivery = std::make_shared<Delivery>(std::move(taken));
      last_ = delivery->event();
      ids_.push_back(last_.id);
      fixture_.runtime->database().write<void>(
          WritePriority::kForeground,
          [this, delivery](Transaction& t) { return fixture_.runtime->mailbox().complete(t, *delivery); },
          fixture_.loop, [this, delivery](const Status&) { take(); });
    });
  }
  void restart_after(Duration away) {
    source_.reset();
    fixture_.die();
    fixture_.simulation.run_for(away);
    fixture_.boot();
    open();
  }
  /// Ids of the events that have come since it was asked last.
  std::vector<std::string> come() {
    fixture_.simulation.run_ready();
    fixture_.runtime->mailbox().check_integrity();
    return std::exchange(ids_, {});
  }
  using Ids = std::vector<std::string>;

  const testing::LogCapture quiet_;
  RuntimeFixture fixture_;
  CronOptions options_;
  std::unique_ptr<CronSource> source_;
  std::vector<std::string> ids_;
  Event last_;
};

constexpr Duration kDay = std::chrono::hours(24);

TEST_F(CronSourceTest, MakesAnEventForEachTimeOfItsSchedule) {
  open();
  EXPECT_EQ(come(), Ids{});
  fixture_.simulation.run_for(2 * kDay);
  EXPECT_EQ(come(), (Ids{"2023-11-15T09:00:00Z", "2023-11-16T09:00:00Z"}));
  EXPECT_EQ(last_.source, "cron:daily");
  EXPECT_EQ(last_.type, "cron.daily");
  EXPECT_EQ(last_.time, utc("2023-11-16T09:00:00Z"));
  EXPECT_EQ(last_.data, R"({"name":"daily","scheduled_at":"2023-11-16T09:00:00Z"})");
}

TEST_F(CronSourceTest, FollowsItsTimeZoneAndCarriesItsOwnData) {
  options_.time_zone = "America/New_York";
  options_.data = R"({"report": "sales"})";
  open();
  fixture_.simulation.run_for(kDay);
  EXPECT_EQ(come(), Ids{"2023-11-15T14:00:00Z"});
  EXPECT_EQ(last_.data, options_.data);
}

TEST_F(CronSourceTest, GoesOnAfterARestartWithoutATimeTwiceOrForgotten) {
  open();
  for (int seed = 1; seed <= 5; ++seed) {
    fixture_.simulation.run_for(std::chrono::hours(11));
    restart_after(std::chrono::minutes(1));
    fixture_.simulation.run_for(kDay);
    EXPECT_EQ(come().size(), 2U) << seed;
    restart_after(std::chrono::minutes(seed));
    EXPECT_EQ(come(), Ids{});
    fixture_.simulation.run_for(std::chrono::hours(24) - std::chrono::hours(11) - std::chrono::minutes(seed + 1));
    EXPECT_EQ(come(), Ids{});
    restart_after(Duration{});
  }
}

TEST_F(CronSourceTest, SkipsMissedTimes) {
  options_.missed = MissedFires::kSkip;
  open();
  restart_after(10 * kDay);
  EXPECT_EQ(come(), Ids{});
  fixture_.simulation.run_for(kDay);
  EXPECT_EQ(come(), Ids{"2023-11-25T09:00:00Z"});
}

TEST_F(CronSourceTest, MakesOneEventOfAllMissedTimes) {
  options_.missed = MissedFires::kOnce;
  open();
  restart_after(10 * kDay);
  EXPECT_EQ(come(), Ids{"2023-11-24T09:00:00Z"}) << "the last of them";
  restart_after(std::chrono::minutes(1));
  EXPECT_EQ(come(), Ids{});
}

TEST_F(CronSourceTest, MakesAnEventOfEachMissedTimeUpToABound) {
  options_.missed = MissedFires::kAll;
  open();
  restart_after(2 * kDay);
  EXPECT_EQ(come(), (Ids{"2023-11-15T09:00:00Z", "2023-11-16T09:00:00Z"}));
  restart_after(10 * kDay);
  EXPECT_EQ(come(), (Ids{"2023-11-24T09:00:00Z", "2023-11-25T09:00:00Z", "2023-11-26T09:00:00Z"})) << "the last three";
}

TEST_F(CronSourceTest, TakesATimeThatIsALittleLateForOneInTime) {
  options_.missed = MissedFires::kSkip;
  open();
  fixture_.simulation.run_for(utc("2023-11-15T08:59:30Z") - fixture_.simulation.clock().now());
  restart_after(std::chrono::seconds(60));
  EXPECT_EQ(come(), Ids{"2023-11-15T09:00:00Z"});
}

TEST_F(CronSourceTest, BeginsAnewWhenItsScheduleIsAnotherOne) {
  open();
  options_.expression = "0 * * * *";
  restart_after(3 * kDay);
  EXPECT_EQ(come(), Ids{}) << "the new one has missed nothing";
  fixture_.simulation.run_for(std::chrono::hours(1));
  EXPECT_EQ(come(), Ids{"2023-11-17T23:00:00Z"});
}

TEST_F(CronSourceTest, HoldsWhatIsDueWhileItIsPausedAndEndsWhenItIsDrained) {
  options_.expression = "* * * * *";
  open();
  source_->pause();
  fixture_.simulation.run_for(std::chrono::minutes(10));
  EXPECT_EQ(come(), Ids{});
  source_->resume();
  fixture_.simulation.run_ready();
  EXPECT_EQ(come(), Ids{"2023-11-14T22:23:00Z"}) << "one for all that were missed";
  source_->drain();
  fixture_.simulation.run_for(std::chrono::minutes(10));
  EXPECT_EQ(come(), Ids{});
}

TEST_F(CronSourceTest, RefusesAScheduleOrDataThatCannotBeRead) {
  const CronSource::Parts parts{fixture_.runtime->database(), fixture_.loop, fixture_.simulation.clock(),
                                fixture_.limits};
  options_.data = "{";
  EXPECT_FALSE(CronSource::open(options_, parts).ok());
  options_.data.clear();
  options_.expression = "soon";
  EXPECT_FALSE(CronSource::open(options_, parts).ok());
}

}  // namespace
}  // namespace mnema
