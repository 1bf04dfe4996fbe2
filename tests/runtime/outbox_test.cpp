#include "runtime/outbox.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/log_capture.hpp"
#include "tests/runtime/runtime_world.hpp"

namespace mnema {
namespace {

using testing::RuntimeWorld;

/// Keeps what it is handed until the test answers.
class OutboxTest : public ::testing::Test {
 protected:
  void SetUp() override { start(); }
  void start() {
    world.runtime->outbox().start([this](OutboxRow row, std::function<void(Status)> done) {
      handed.push_back(row.message.body);
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
    return world.write<std::int64_t>(
        [&](Transaction& transaction) { return world.runtime->outbox().append(transaction, message); });
  }
  void answer(const std::string& body, const Status& status) {
    auto done = std::exchange(waiting[body], nullptr);
    ASSERT_TRUE(done) << body << " is not in flight";
    done(status);
    world.simulation.run_ready();
  }

  RuntimeWorld world;
  std::vector<std::string> handed;
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
  EXPECT_EQ(handed, (std::vector<std::string>{"1", "3", "4"}));
  answer("1", kDown);
  EXPECT_EQ(handed.size(), 3U) << "a failing message holds back those behind it";
  world.simulation.run_for(std::chrono::seconds(1));
  ASSERT_EQ(handed.back(), "1") << "half a second is the longest first wait";
  answer("1", {});
  EXPECT_EQ(handed.back(), "2");
}

TEST_F(OutboxTest, WaitsAtLeastAsLongAsTheOtherSideAsks) {
  send("mail", "k", "1");
  answer("1", fail_retryable(ErrorCode::kResourceExhausted, "too many", "", 60'000));
  world.simulation.run_for(std::chrono::seconds(59));
  EXPECT_EQ(handed.size(), 1U);
  world.simulation.run_for(std::chrono::seconds(2));
  EXPECT_EQ(handed.size(), 2U);
  EXPECT_EQ(attempts, (std::vector<int>{1, 2}));
  EXPECT_EQ(keys[0], keys[1]) << "the other side can tell a repeat";
}

TEST_F(OutboxTest, AsksAgainWithinAnHourHoweverLongTheOtherSideWishesToBeLeftAlone) {
  send("mail", "k", "1");
  answer("1", fail_retryable(ErrorCode::kUnavailable, "come back in the year 9999", "", 251'000'000'000'000));
  world.simulation.run_for(std::chrono::minutes(59));
  EXPECT_EQ(handed.size(), 1U);
  world.simulation.run_for(std::chrono::minutes(2));
  EXPECT_EQ(handed.size(), 2U);
}

TEST_F(OutboxTest, GivesUpAfterItsLastAttemptAndGoesOnWithTheNext) {
  send("mail", "k", "1");
  send("mail", "k", "2");
  for (int attempt = 1; attempt <= world.limits.outbox_attempts_max; ++attempt) {
    ASSERT_EQ(handed.size(), static_cast<std::size_t>(attempt));
    answer("1", kDown);
    if (attempt < world.limits.outbox_attempts_max) {
      world.simulation.run_until([&] { return static_cast<int>(handed.size()) > attempt; });
    }
  }
  EXPECT_EQ(world.runtime->outbox().depths().dead, 1);
  EXPECT_EQ(handed.back(), "2");
  answer("2", {});
  world.runtime->check_integrity();
}

TEST_F(OutboxTest, LosesNothingToAReceiverThatIsDownForMostOfADay) {
  send("mail", "k", "1");
  const Time end = world.simulation.clock().now() + std::chrono::hours(20);
  while (world.simulation.clock().now() < end) {
    const std::size_t before = handed.size();
    answer("1", kDown);
    ASSERT_EQ(world.runtime->outbox().depths().dead, 0) << "after " << before << " attempts";
    ASSERT_TRUE(world.simulation.run_until([&] { return handed.size() > before; }));
  }
  answer("1", {});
  EXPECT_EQ(world.runtime->outbox().depths().waiting, 0);
  world.runtime->check_integrity();
}

TEST_F(OutboxTest, DoesNotCountAttemptsThatNeverLeftAgainstAMessage) {
  world.limits.outbox_attempts_max = 2;
  world.limits.outbox_tries_max = 6;
  Error not_sent = kDown.error();
  not_sent.never_left = true;
  const auto fail_with = [&](const Error& error) {
    const std::size_t before = handed.size();
    answer("1", error);
    world.simulation.run_until([&] { return handed.size() > before; });
  };
  send("mail", "k", "1");
  for (int i = 0; i < 3; ++i) fail_with(not_sent);
  world.restart();
  start();
  world.simulation.run_until([&] { return handed.size() == 5; });  // it is known after a restart too
  fail_with(kDown.error());
  EXPECT_EQ(world.runtime->outbox().depths().dead, 0);
  answer("1", kDown);
  EXPECT_EQ(world.runtime->outbox().depths().dead, 1) << "two have left";
}

TEST_F(OutboxTest, GivesUpInTheEndOnWhatCannotEvenBeSent) {
  world.limits.outbox_tries_max = 3;
  Error not_sent = kDown.error();
  not_sent.never_left = true;
  send("mail", "k", "1");
  for (int i = 1; i <= 3; ++i) {
    ASSERT_EQ(world.runtime->outbox().depths().dead, 0);
    answer("1", not_sent);
    world.simulation.run_until([&] { return static_cast<int>(handed.size()) > i; }, std::chrono::minutes(1));
  }
  EXPECT_EQ(world.runtime->outbox().depths().dead, 1);
}

TEST_F(OutboxTest, DoesNotRepeatWhatCannotGetBetter) {
  send("mail", "k", "1");
  answer("1", fail(ErrorCode::kInvalidArgument, "no such address"));
  EXPECT_EQ(world.runtime->outbox().depths().dead, 1);
  EXPECT_EQ(world.runtime->outbox().depths().waiting, 0);
}

TEST_F(OutboxTest, DeliversAfterARestartWhatWasInFlight) {
  send("mail", "k", "1");
  send("mail", "k", "2");
  world.die();
  handed.clear();
  world.boot();
  start();
  world.simulation.run_ready();
  EXPECT_EQ(handed, std::vector<std::string>{"1"}) << "nobody said that it had arrived";
  answer("1", {});
  answer("2", {});
  world.die();
  handed.clear();
  world.boot();
  start();
  world.simulation.run_until_idle();
  EXPECT_TRUE(handed.empty());
}

TEST_F(OutboxTest, LosesNothingToAnHourInWhichNothingCanBeSent) {
  Error refused = fail_retryable(ErrorCode::kUnavailable, "connection refused");
  refused.never_left = true;
  for (const char* body : {"1", "2", "3"}) send("mail", body, body);
  const Time end = world.simulation.clock().now() + std::chrono::hours(1);
  while (world.simulation.clock().now() < end) {
    for (auto& [body, done] : waiting) {
      if (done) answer(body, refused);
    }
    ASSERT_EQ(world.runtime->outbox().depths().dead, 0) << handed.size();
    const std::size_t before = handed.size();
    ASSERT_TRUE(world.simulation.run_until([&] { return handed.size() > before; }));
  }
  EXPECT_GT(handed.size(), 20U);
  world.limits.outbox_attempts_max = 1;
  answer(handed.back(), fail_retryable(ErrorCode::kUnavailable, "the first that left"));
  EXPECT_EQ(world.runtime->outbox().depths().dead, 1) << "what left still counts";
}

TEST_F(OutboxTest, CountsNoDeliveryThatAShutdownCancels) {
  world.limits.outbox_tries_max = 2;
  send("mail", "k", "1");
  for (int i = 0; i < 5; ++i) {
    world.runtime->outbox().stop();
    answer("1", fail(ErrorCode::kCancelled, "shutting down"));
    EXPECT_EQ(world.runtime->outbox().depths().waiting, 1);
    start();
    world.simulation.run_ready();
  }
  EXPECT_EQ(attempts, (std::vector<int>{1, 1, 1, 1, 1, 1})) << "and each goes out again at once";
}

TEST_F(OutboxTest, DoesNotSpinOnACancellationThatNobodyAskedFor) {
  send("mail", "k", "1");
  for (int i = 0; i < 3; ++i) {
    const Time before = world.simulation.clock().now();
    answer("1", fail(ErrorCode::kCancelled, "?"));
    ASSERT_TRUE(world.simulation.run_until([&] { return waiting["1"] != nullptr; }));
    EXPECT_GT(world.simulation.clock().now(), before);
  }
}

TEST_F(OutboxTest, LosesNothingToADeliveryThatAnswersWhenAllIsOver) {
  send("mail", "k", "1");
  world.runtime->close();
  world.simulation.run_ready();
  auto late = waiting["1"];
  world.die();
  late({});  // a sink that answers when everything is over
  world.simulation.run_ready();
  world.boot();
  handed.clear();
  start();
  world.simulation.run_ready();
  EXPECT_EQ(handed, std::vector<std::string>{"1"});
}

TEST_F(OutboxTest, KeepsTenantsApart) {
  world.limits.outbox_in_flight_per_tenant_max = 2;
  world.restart();
  start();
  for (int i = 0; i < 5; ++i) send("mail", std::to_string(i), "a" + std::to_string(i), "a");
  send("mail", "0", "b0", "b");
  EXPECT_EQ(handed, (std::vector<std::string>{"a0", "a1", "b0"})) << "the same lane's name is another lane";
  answer("a0", {});
  EXPECT_EQ(handed.back(), "a2");
  world.runtime->check_integrity();
}

TEST_F(OutboxTest, RefusesMoreThanATenantMayHaveWaitingWithoutCountingTheTurn) {
  world.limits.outbox_rows_max = 5;
  world.limits.outbox_rows_per_tenant_max = 3;
  for (int i = 0; i < 3; ++i) send("mail", "k", std::to_string(i), "a");
  const auto refused = append("mail", "k", "3", "a");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(refused.error().retryable && refused.error().never_left);
  for (int i = 0; i < 2; ++i) send("mail", "k", std::to_string(i), "b");
  EXPECT_FALSE(append("mail", "k", "2", "b").ok()) << "the whole is full";
  world.restart();
  start();
  world.simulation.run_ready();
  EXPECT_FALSE(append("mail", "k", "3", "a").ok());
  answer("0", {});
  EXPECT_TRUE(append("mail", "k", "2", "b").ok());
  world.runtime->check_integrity();
}

TEST_F(OutboxTest, RefusesATenantWithTooManyDeadMessages) {
  world.limits.dead_letters_per_tenant_max = 1;
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
  const RuntimeCounts counts = world.runtime->counts();
  EXPECT_EQ(counts.messages_dead, 1);
  EXPECT_EQ(counts.messages_dead_total, 1);
  EXPECT_EQ(counts.messages_in_flight, 0);
}

TEST_F(OutboxTest, HasAtMostSoManyInFlight) {
  world.limits.outbox_in_flight_per_tenant_max = world.limits.outbox_in_flight_max;
  world.restart();
  start();
  for (int i = 0; i < world.limits.outbox_in_flight_max + 10; ++i) send("mail", std::to_string(i), std::to_string(i));
  EXPECT_EQ(static_cast<int>(handed.size()), world.limits.outbox_in_flight_max);
  answer("0", {});
  EXPECT_EQ(static_cast<int>(handed.size()), world.limits.outbox_in_flight_max + 1);
}

TEST_F(OutboxTest, BeginsNothingNewOnceItIsStopped) {
  send("mail", "k", "1");
  send("mail", "k", "2");
  world.runtime->outbox().stop();
  answer("1", {});
  EXPECT_EQ(handed, std::vector<std::string>{"1"});
  EXPECT_EQ(world.runtime->outbox().depths().waiting, 1);
}

TEST_F(OutboxTest, TakesNoMessageThatItCouldNotDeliver) {
  const auto append = [&](OutboxMessage message) {
    return world.write<std::int64_t>(
        [&](Transaction& transaction) { return world.runtime->outbox().append(transaction, message); });
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
