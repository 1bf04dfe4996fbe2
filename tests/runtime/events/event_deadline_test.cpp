#include "runtime/events/event_deadline.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/log_capture.hpp"
#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using testing::event_of;
using testing::RuntimeFixture;

constexpr Duration kMinute = std::chrono::minutes(1);
const Error kDown = fail(ErrorCode::kUnavailable, "the other side is down");

Event expiring(RuntimeFixture& fixture, const std::string& id, Duration after, const std::string& key = "k") {
  Event event = event_of(id, key);
  event.deadline = fixture.simulation.clock().now() + after;
  return event;
}

TEST(EventDeadline, IsReadAsRfc3339HasIt) {
  EXPECT_EQ(to_micros(*parse_rfc3339("1970-01-01T00:00:01Z")), 1'000'000);
  EXPECT_EQ(*parse_rfc3339("2026-11-26T10:30:00.25+01:00"), *parse_rfc3339("2026-11-26t09:30:00.250z"));
  EXPECT_EQ(*parse_rfc3339("2024-02-29T23:59:60-00:30"), *parse_rfc3339("2024-03-01T00:30:00Z"));
  for (const char* wrong :
       {"", "2026-11-26", "2026-11-26T10:30:00", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-26T24:00:00Z",
        "2026-11-26T10:30:00.Z", "2026-11-26T10:30:00+1:00", "2026-11-26 10:30:00Z", "2026-11-26T10:30:00Zx",
        "-026-11-26T10:30:00Z", "2026-11-26T10:30:00+99:00"}) {
    EXPECT_FALSE(parse_rfc3339(wrong).ok()) << wrong;
  }
}

TEST(EventDeadline, ComesFromTheEventItsAttributeOrItsAgent) {
  const Time now = *parse_rfc3339("2026-11-26T09:30:00Z");
  Event event = event_of("a");
  ASSERT_TRUE(complete_deadline(event, std::nullopt, now).ok());
  EXPECT_FALSE(event.deadline);
  event.attributes["expirytime"] = "2026-11-26T10:00:00Z";
  ASSERT_TRUE(complete_deadline(event, kMinute, now).ok());
  EXPECT_EQ(event.deadline, now + 30 * kMinute);
  event.attributes["expirytime"] = "never";
  EXPECT_TRUE(complete_deadline(event, kMinute, now).ok()) << "it has one already";
  event.deadline.reset();
  EXPECT_EQ(complete_deadline(event, kMinute, now).error().code, ErrorCode::kInvalidArgument);
  event.attributes.clear();
  ASSERT_TRUE(complete_deadline(event, kMinute, now).ok());
  EXPECT_EQ(event.deadline, now + kMinute);
}

TEST(EventDeadline, MakesADeadLetterOfWhatHasNotBegunByThenAndFreesItsKey) {
  const testing::LogCapture quiet;
  RuntimeFixture fixture;
  ASSERT_TRUE(fixture.accept(expiring(fixture, "first", kMinute)).ok());
  ASSERT_TRUE(fixture.accept(event_of("second")).ok());
  fixture.simulation.run_for(2 * kMinute);
  const std::optional<Delivery> delivery = fixture.take();
  ASSERT_TRUE(delivery);
  EXPECT_EQ(delivery->event().id, "second") << "the other was never dispatched";
  const auto letters = fixture.runtime->dead_letters().list(10).value();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].error.code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(letters[0].attempts, 0);
  EXPECT_EQ(fixture.runtime->counts().events_expired_total, 1);
  ASSERT_TRUE(fixture.complete(*delivery).ok());
  fixture.runtime->check_integrity();
}

TEST(EventDeadline, HoldsAlsoForARetryAndAcrossARestart) {
  const testing::LogCapture quiet;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    RuntimeFixture fixture({}, seed);
    ASSERT_TRUE(fixture.accept(expiring(fixture, "retried", kMinute, "a")).ok());
    ASSERT_TRUE(fixture.accept(expiring(fixture, "behind", kMinute, "a")).ok());
    ASSERT_TRUE(fixture.retry(*fixture.take(), 10 * kMinute, kDown).ok());
    if (seed % 2 == 0) fixture.restart();
    fixture.simulation.run_for(kMinute + std::chrono::seconds(5));
    if (seed % 3 == 0) fixture.restart();
    fixture.simulation.run_for(kMinute);
    EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 2) << "seed " << seed;
    EXPECT_FALSE(fixture.take()) << "seed " << seed;
    fixture.runtime->check_integrity();
  }
}

TEST(EventDeadline, ReportsAnEventThatIsLeasedOnceAndForgetsOneThatIsDone) {
  const testing::LogCapture quiet;
  RuntimeFixture fixture;
  std::vector<Sequence> reported;
  fixture.runtime->mailbox().on_deadline([&](Sequence sequence) { reported.push_back(sequence); });
  ASSERT_TRUE(fixture.accept(expiring(fixture, "leased", kMinute, "a")).ok());
  ASSERT_TRUE(fixture.accept(expiring(fixture, "done", kMinute, "b")).ok());
  std::optional<Delivery> leased = fixture.take();
  ASSERT_TRUE(fixture.complete(*fixture.take()).ok());
  fixture.simulation.run_for(5 * kMinute);
  EXPECT_EQ(reported, std::vector<Sequence>{1});
  EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 0) << "who handles it decides";
  ASSERT_TRUE(fixture.retry(std::move(*leased), kMinute, kDown).ok());
  fixture.simulation.run_ready();
  EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 1) << "its next attempt would begin too late";
  fixture.runtime->check_integrity();
}

TEST(EventDeadline, IsForgottenWhenAPersonRedrivesTheEvent) {
  const testing::LogCapture quiet;
  RuntimeFixture fixture;
  ASSERT_TRUE(fixture.accept(expiring(fixture, "a", -kMinute)).ok()) << "accepted, and over already";
  fixture.simulation.run_ready();
  ASSERT_EQ(fixture.runtime->mailbox().depths().dead, 1);
  ASSERT_TRUE(fixture
                  .wait<void>([&](auto done) {
                    fixture.runtime->dead_letters().redrive(*DeadLetterId::parse("event:1"), {}, fixture.loop, done);
                  })
                  .ok());
  fixture.simulation.run_for(kMinute);
  const std::optional<Delivery> delivery = fixture.take();
  ASSERT_TRUE(delivery);
  ASSERT_TRUE(fixture.complete(*delivery).ok());
  fixture.runtime->check_integrity();
}

}  // namespace
}  // namespace mnema
