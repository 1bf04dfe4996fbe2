#include "runtime/events/outbox.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/log_capture.hpp"
#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using testing::RuntimeFixture;

/// Keeps what is delivered to it until the test answers.
class OutboxTest : public ::testing::Test {
 protected:
  void SetUp() override { start(); }
  void start() {
    fixture.runtime->outbox().start([this](OutboxRow row, std::function<void(Status)> done) {
      delivered.push_back(row.message.body);
      attempts.push_back(row.attempt);
      keys.push_back(row.message.idempotency_key);
      waiting[row.message.body] = std::move(done);
    });
  }
  void send(const std::string& destination, const std::string& key, const std::string& body,
            const std::string& tenant = "local") {
    const auto appended = append(destination, key, body, tenant);
    ASSERT_TRUE(appended.ok()) << appended.error().text();
  }
  Result<std::int64_t> append(const std::string& destination, const std::string& key, const std::string& body,
                              const std::string& tenant) {
    OutboxMessage message;
    message.tenant = tenant;
    message.destination = destination;
    message.key = key;
    message.body = body;
    message.idempotency_key = "key of " + body;
    return fixture.write<std::int64_t>(
        [&](Transaction& transaction) { return fixture.runtime->outbox().append(transaction, message); });
  }
  void answer(const std::string& body, const Status& status) {
    auto done = std::exchange(waiting[body], nullptr);
    ASSERT_TRUE(done) << body << " is not in flight";
    done(status);
    fixture.simulation.run_ready();
  }

  RuntimeFixture fixture;
  std::vector<std::string> delivered;
  std::vector<int> attempts;
  std::vector<std::string> keys;
  std::map<std::string, std::function<void(Status)>> waiting;
};

const Status kDown = fail_retryable(ErrorCode::kUnavailable, "down");

TEST_F(OutboxTest, KeepsTheOrderOfADestinationsKeyWhileOthersGoBeside) {
  send("mail", "k", "1");
  send("mail", "k", "2");
  send("chat", "k", "3");
  send("mail", "other", "4");
  EXPECT_EQ(delivered, (std::vector<std::string>{"1", "3", "4"}));
  answer("1", kDown);
  EXPECT_EQ(delivered.size(), 3U) << "a failing message holds back those behind it";
  fixture.simulation.run_for(std::chrono::seconds(1));
  ASSERT_EQ(delivered.back(), "1") << "half a second is the longest first wait";
  answer("1", {});
  EXPECT_EQ(delivered.back(), "2");
}

TEST_F(OutboxTest, WaitsAtLeastAsLongAsTheOtherSideAsks) {
  send("mail", "k", "1");
  answer("1", fail_retryable(ErrorCode::kResourceExhausted, "too many", "", 60'000));
  fixture.simulation.run_for(std::chrono::seconds(59));
  EXPECT_EQ(delivered.size(), 1U);
  fixture.simulation.run_for(std::chrono::seconds(2));
  EXPECT_EQ(delivered.size(), 2U);
  EXPECT_EQ(attempts, (std::vector<int>{1, 2}));
  EXPECT_EQ(keys[0], keys[1]) << "the other side can tell a repeat";
}

TEST_F(OutboxTest, AsksAgainWithinAnHourHoweverLongTheOtherSideWishesToBeLeftAlone) {
  send("mail", "k", "1");
  answer("1", fail_retryable(ErrorCode::kUnavailable, "come back in the year 9999", "", 251'000'000'000'000));
  fixture.simulation.run_for(std::chrono::minutes(59));
  EXPECT_EQ(delivered.size(), 1U);
  fixture.simulation.run_for(std::chrono::minutes(2));
  EXPECT_EQ(delivered.size(), 2U);
}

TEST_F(OutboxTest, GivesUpAfterItsLastAttemptAndGoesOnWithTheNext) {
  send("mail", "k", "1");
  send("mail", "k", "2");
  for (int attempt = 1; attempt <= fixture.limits.outbox_attempts_max; ++attempt) {
    ASSERT_EQ(delivered.size(), static_cast<std::size_t>(attempt));
    answer("1", kDown);
    if (attempt < fixture.limits.outbox_attempts_max) {
      fixture.simulation.run_until([&] { return static_cast<int>(delivered.size()) > attempt; });
    }
  }
  EXPECT_EQ(fixture.runtime->outbox().depths().dead, 1);
  EXPECT_EQ(delivered.back(), "2");
  answer("2", {});
  fixture.runtime->check_integrity();
}

TEST_F(OutboxTest, LosesNothingToAReceiverThatIsDownForMostOfADay) {
  send("mail", "k", "1");
  const Time end = fixture.simulation.clock().now() + std::chrono::hours(20);
  while (fixture.simulation.clock().now() < end) {
    const std::size_t before = delivered.size();
    answer("1", kDown);
    ASSERT_EQ(fixture.runtime->outbox().depths().dead, 0) << "after " << before << " attempts";
    ASSERT_TRUE(fixture.simulation.run_until([&] { return delivered.size() > before; }));
  }
  answer("1", {});
  EXPECT_EQ(fixture.runtime->outbox().depths().waiting, 0);
  fixture.runtime->check_integrity();
}

TEST_F(OutboxTest, DoesNotCountAttemptsThatNeverLeftAgainstAMessage) {
  fixture.limits.outbox_attempts_max = 2;
  fixture.limits.outbox_tries_max = 6;
  Error not_sent = kDown.error();
  not_sent.never_left = true;
  const auto fail_with = [&](const Error& error) {
    const std::size_t before = delivered.size();
    answer("1", error);
    fixture.simulation.run_until([&] { return delivered.size() > before; });
  };
  send("mail", "k", "1");
  for (int i = 0; i < 3; ++i) fail_with(not_sent);
  fixture.restart();
  start();
  fixture.simulation.run_until([&] { return delivered.size() == 5; });  // it is known after a restart too
  fail_with(kDown.error());
  EXPECT_EQ(fixture.runtime->outbox().depths().dead, 0);
  answer("1", kDown);
  EXPECT_EQ(fixture.runtime->outbox().depths().dead, 1) << "two have left";
}

TEST_F(OutboxTest, GivesUpInTheEndOnWhatCannotEvenBeSent) {
  fixture.limits.outbox_tries_max = 3;
  Error not_sent = kDown.error();
  not_sent.never_left = true;
  send("mail", "k", "1");
  for (int i = 1; i <= 3; ++i) {
    ASSERT_EQ(fixture.runtime->outbox().depths().dead, 0);
    answer("1", not_sent);
    fixture.simulation.run_until([&] { return static_cast<int>(delivered.size()) > i; }, std::chrono::minutes(1));
  }
  EXPECT_EQ(fixture.runtime->outbox().depths().dead, 1);
}

TEST_F(OutboxTest, DoesNotRepeatWhatCannotGetBetter) {
  send("mail", "k", "1");
  answer("1", fail(ErrorCode::kInvalidArgument, "no such address"));
  EXPECT_EQ(fixture.runtime->outbox().depths().dead, 1);
  EXPECT_EQ(fixture.runtime->outbox().depths().waiting, 0);
}

TEST_F(OutboxTest, DeliversAfterARestartWhatWasInFlight) {
  send("mail", "k", "1");
  send("mail", "k", "2");
  fixture.die();
  delivered.clear();
  fixture.boot();
  start();
  fixture.simulation.run_ready();
  EXPECT_EQ(delivered, std::vector<std::string>{"1"}) << "nobody said that it had arrived";
  answer("1", {});
  answer("2", {});
  fixture.die();
  delivered.clear();
  fixture.boot();
  start();
  fixture.simulation.run_until_idle();
  EXPECT_TRUE(delivered.empty());
}

TEST_F(OutboxTest, LosesNothingToAnHourInWhichNothingCanBeSent) {
  Error refused = fail_retryable(ErrorCode::kUnavailable, "connection refused");
  refused.never_left = true;
  for (const char* body : {"1", "2", "3"}) send("mail", body, body);
  const Time end = fixture.simulation.clock().now() + std::chrono::hours(1);
  while (fixture.simulation.clock().now() < end) {
    for (auto& [body, done] : waiting) {
      if (done) answer(body, refused);
    }
    ASSERT_EQ(fixture.runtime->outbox().depths().dead, 0) << delivered.size();
    const std::size_t before = delivered.size();
    ASSERT_TRUE(fixture.simulation.run_until([&] { return delivered.size() > before; }));
  }
  EXPECT_GT(delivered.size(), 20U);
  fixture.limits.outbox_attempts_max = 1;
  answer(delivered.back(), fail_retryable(ErrorCode::kUnavailable, "the first that left"));
  EXPECT_EQ(fixture.runtime->outbox().depths().dead, 1) << "what left still counts";
}

TEST_F(OutboxTest, CountsNoDeliveryThatAShutdownCancels) {
  fixture.limits.outbox_tries_max = 2;
  send("mail", "k", "1");
  for (int i = 0; i < 5; ++i) {
    fixture.runtime->outbox().stop();
    answer("1", fail(ErrorCode::kCancelled, "shutting down"));
    EXPECT_EQ(fixture.runtime->outbox().depths().waiting, 1);
    start();
    fixture.simulation.run_ready();
  }
  EXPECT_EQ(attempts, (std::vector<int>{1, 1, 1, 1, 1, 1})) << "and each goes out again at once";
}

TEST_F(OutboxTest, DoesNotSpinOnACancellationThatNobodyAskedFor) {
  send("mail", "k", "1");
  for (int i = 0; i < 3; ++i) {
    const Time before = fixture.simulation.clock().now();
    answer("1", fail(ErrorCode::kCancelled, "?"));
    ASSERT_TRUE(fixture.simulation.run_until([&] { return waiting["1"] != nullptr; }));
    EXPECT_GT(fixture.simulation.clock().now(), before);
  }
}

TEST_F(OutboxTest, LosesNothingToADeliveryThatAnswersWhenAllIsOver) {
  send("mail", "k", "1");
  fixture.runtime->close();
  fixture.simulation.run_ready();
  auto late = waiting["1"];
  fixture.die();
  late({});  // a sink that answers when everything is over
  fixture.simulation.run_ready();
  fixture.boot();
  delivered.clear();
  start();
  fixture.simulation.run_ready();
  EXPECT_EQ(delivered, std::vector<std::string>{"1"});
}

TEST_F(OutboxTest, KeepsTenantsApart) {
  fixture.limits.outbox_in_flight_per_tenant_max = 2;
  fixture.restart();
  start();
  for (int i = 0; i < 5; ++i) send("mail", std::to_string(i), "a" + std::to_string(i), "a");
  send("mail", "0", "b0", "b");
  EXPECT_EQ(delivered, (std::vector<std::string>{"a0", "a1", "b0"})) << "the same lane's name is another lane";
  answer("a0", {});
  EXPECT_EQ(delivered.back(), "a2");
  fixture.runtime->check_integrity();
}

TEST_F(OutboxTest, RefusesMoreThanATenantMayHaveWaitingWithoutCountingTheTurn) {
  fixture.limits.outbox_rows_max = 5;
  fixture.limits.outbox_rows_per_tenant_max = 3;
  for (int i = 0; i < 3; ++i) send("mail", "k", std::to_string(i), "a");
  const auto refused = append("mail", "k", "3", "a");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(refused.error().retryable && refused.error().never_left);
  for (int i = 0; i < 2; ++i) send("mail", "k", std::to_string(i), "b");
  EXPECT_FALSE(append("mail", "k", "2", "b").ok()) << "the whole is full";
  fixture.restart();
  start();
  fixture.simulation.run_ready();
  EXPECT_FALSE(append("mail", "k", "3", "a").ok());
  answer("0", {});
  EXPECT_TRUE(append("mail", "k", "2", "b").ok());
  fixture.runtime->check_integrity();
}

TEST_F(OutboxTest, RefusesATenantWithTooManyDeadMessages) {
  fixture.limits.dead_letters_per_tenant_max = 1;
  send("mail", "k", "1", "a");
  answer("1", fail(ErrorCode::kInvalidArgument, "no such address"));
  const auto refused = append("mail", "k", "2", "a");
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(refused.error().never_left);
  EXPECT_NE(refused.error().text().find("mnema dlq"), std::string::npos) << refused.error().text();
  EXPECT_TRUE(append("mail", "k", "3", "b").ok());
}

TEST_F(OutboxTest, TellsOfADeadLetterWithWhatHelps) {
  testing::LogCapture log;
  send("mail", "k", "1");
  answer("1", fail(ErrorCode::kInvalidArgument, "no such address"));
  EXPECT_EQ(log.with({"dead letter", "message=1", "tenant=local", "destination=mail", "attempts=1", "no such address",
                      "mnema dlq show message:1"})
                .size(),
            1U);
  const RuntimeCounts counts = fixture.runtime->counts();
  EXPECT_EQ(counts.messages_dead, 1);
  EXPECT_EQ(counts.messages_dead_total, 1);
  EXPECT_EQ(counts.messages_in_flight, 0);
}

TEST_F(OutboxTest, HasAtMostSoManyInFlight) {
  fixture.limits.outbox_in_flight_per_tenant_max = fixture.limits.outbox_in_flight_max;
  fixture.restart();
  start();
  for (int i = 0; i < fixture.limits.outbox_in_flight_max + 10; ++i) send("mail", std::to_string(i), std::to_string(i));
  EXPECT_EQ(static_cast<int>(delivered.size()), fixture.limits.outbox_in_flight_max);
  answer("0", {});
  EXPECT_EQ(static_cast<int>(delivered.size()), fixture.limits.outbox_in_flight_max + 1);
}

TEST_F(OutboxTest, BeginsNothingNewOnceItIsStopped) {
  send("mail", "k", "1");
  send("mail", "k", "2");
  fixture.runtime->outbox().stop();
  answer("1", {});
  EXPECT_EQ(delivered, std::vector<std::string>{"1"});
  EXPECT_EQ(fixture.runtime->outbox().depths().waiting, 1);
}

TEST_F(OutboxTest, TakesNoMessageThatItCouldNotDeliver) {
  const auto append = [&](OutboxMessage message) {
    return fixture.write<std::int64_t>(
        [&](Transaction& transaction) { return fixture.runtime->outbox().append(transaction, message); });
  };
  OutboxMessage message;
  message.destination = "mail";
  EXPECT_EQ(append(message).error().code, ErrorCode::kInvalidArgument) << "no idempotency key";
  message.idempotency_key = "x";
  message.destination.clear();
  EXPECT_EQ(append(message).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace mnema
