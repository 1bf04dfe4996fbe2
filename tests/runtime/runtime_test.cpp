#include "runtime/runtime.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>

#include "runtime/sim/fault_vfs.hpp"
#include "runtime/sim/simulation_executor.hpp"
#include "tests/runtime/log_capture.hpp"

// The whole runtime on one thread from a seed, over a disk that forgets what was not synced.

namespace mnema {
namespace {

Event event_of(int number, const std::string& key) {
  Event event;
  event.id = "e" + std::to_string(number);
  event.source = "test";
  event.type = "test.happened";
  event.agent = "worker";
  event.key = key;
  event.tenant = key.ends_with('2') ? "other" : "local";
  event.data = R"({"number":)" + std::to_string(number) + "}";
  return event;
}

class Fixture {
 public:
  explicit Fixture(std::uint64_t seed) : simulation(seed), disk(seed) {}
  ~Fixture() { die(); }

  void open() {
    Runtime::Options options;
    options.database.path = "mnema.db";
    options.database.vfs = disk.name();
    options.migrations = {{"stream", 1,
                           "CREATE TABLE stream (next INTEGER NOT NULL, accepted INTEGER NOT NULL);"
                           "INSERT INTO stream VALUES (0, 0)"}};
    Result<std::unique_ptr<Runtime>> opened = Runtime::open(
        options, {simulation.lane("loop"), simulation.lane("store")}, simulation.clock(), simulation.random(), limits);
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    runtime = std::move(*opened);
    runtime->router().add_agent("worker");
    for (const char* tenant : {"local", "other"}) runtime->router().add_tenant(tenant);
    runtime->mailbox().on_pressure([this](const std::optional<std::string>& tenant, bool is_high) {
      if (is_high) {
        ++pressures;
        pressed.insert(tenant.value_or(""));
      } else {
        pressed.erase(tenant.value_or(""));
      }
    });
    stream_next = number_of("SELECT next FROM stream");
    stream_busy = false;
    runtime->outbox().start([this](OutboxRow row, std::function<void(Status)> done) { deliver(std::move(row), done); });
    for (int i = 0; i < 3; ++i) take();
  }

  /// The power goes; what was not synced may be gone.
  void die() {
    disk.crash(simulation.random());
    simulation.crash();
    runtime.reset();
    simulation.crash();
    pressed.clear();
  }

  std::int64_t number_of(const std::string& sql) {
    return *runtime->database().read<std::int64_t>([&sql](Transaction& transaction) -> Result<std::int64_t> {
      ASSIGN_OR_RETURN(Statement statement, transaction.prepare(sql));
      ASSIGN_OR_RETURN(const bool found, statement.step());
      return found ? statement.integer(0) : 0;
    });
  }

  /// A source with an offset of its own: the next few of a stream in which every seventh is for nobody. After a crash
  /// it goes on from what is on disk.
  void send_batch() {
    if (stream_busy) return;
    EventBatch batch;
    batch.dedupe = Dedupe::kByOffset;
    const auto count = static_cast<std::int64_t>(simulation.random().below(5) + 1);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto offset = static_cast<int>(stream_next + i);
      Event event = event_of(offset, "s" + std::to_string(offset % 3));
      event.id = "s" + std::to_string(offset);
      event.source = "stream";
      if (offset % 7 == 6) event.agent = "nobody";
      batch.events.emplace_back(std::move(event));
    }
    batch.hook = [from = stream_next, count](Transaction& transaction, const AcceptResults& results) -> Status {
      const auto accepted = std::count_if(results.begin(), results.end(), [](const auto& one) { return one.ok(); });
      ASSIGN_OR_RETURN(Statement move,
                       transaction.prepare("UPDATE stream SET next = next + ?2, accepted = accepted + ?3 "
                                           "WHERE next = ?1"));
      RETURN_IF_ERROR(move.bind(1, from).bind(2, count).bind(3, accepted).run());
      return transaction.changes() == 1 ? Status() : Status(fail(ErrorCode::kAborted, "the offset is elsewhere"));
    };
    stream_busy = true;
    runtime->router().accept(std::move(batch), simulation.lane("loop"), [this](const Result<AcceptResults>& results) {
      stream_busy = false;
      if (results.ok()) stream_next += static_cast<std::int64_t>(results->size());
      if (!results.ok() && results.error().code == ErrorCode::kMailboxFull) ++batches_refused;
    });
  }

  void send(int number, const std::string& key) {
    runtime->router().accept(event_of(number, key), simulation.lane("loop"),
                             [this, number](const Result<Accepted>& accepted) {
                               if (accepted.ok()) acknowledged.insert(number);
                             });
  }

  /// The simplest agent: done with its event, one message out, in one commit; sometimes it fails.
  void take() {
    runtime->mailbox().take(simulation.lane("loop"), [this](Delivery taken) {
      auto delivery = std::make_shared<Delivery>(std::move(taken));
      if (turns_fail && simulation.random().below(4) == 0) {
        Error down = fail(ErrorCode::kUnavailable, "not now");
        down.never_left = simulation.random().below(2) == 0;
        runtime->mailbox().retry(std::move(*delivery), simulation.clock().now() + std::chrono::milliseconds(50), down,
                                 simulation.lane("loop"), [](const Result<RetryVerdict>&) {});
        take();
        return;
      }
      OutboxMessage message;
      message.destination = "sink";
      message.tenant = delivery->event().tenant;
      message.key = delivery->event().key;
      message.idempotency_key = delivery->event().id;
      message.body = delivery->event().data;
      runtime->database().write<void>(
          WritePriority::kForeground,
          [this, delivery, message](Transaction& transaction) -> Status {
            RETURN_IF_ERROR(runtime->mailbox().complete(transaction, *delivery));
            const Result<std::int64_t> appended = runtime->outbox().append(transaction, message);
            return appended.ok() ? Status() : Status(appended.error());
          },
          simulation.lane("loop"),
          [this, delivery](const Status& done) {
            if (!done.ok() && done.error().never_left) {
              runtime->mailbox().retry(std::move(*delivery), simulation.clock().now() + std::chrono::milliseconds(50),
                                       done.error(), simulation.lane("loop"), [](const Result<RetryVerdict>&) {});
            }
            take();
          });
    });
  }

  void deliver(OutboxRow row, const std::function<void(Status)>& done) {
    if (sink_refuses) return done(fail(ErrorCode::kInvalidArgument, "refused"));
    if (sink_fails && simulation.random().below(3) == 0) {
      Error down = fail_retryable(ErrorCode::kUnavailable, "down");
      down.never_left = simulation.random().below(2) == 0;
      if (simulation.random().below(4) == 0) down.code = ErrorCode::kCancelled;
      return done(down);
    }
    delivered[row.message.key].push_back(row.message.idempotency_key);
    done({});
  }

  [[nodiscard]] std::set<std::string> all_delivered() const {
    std::set<std::string> ids;
    for (const auto& [key, list] : delivered) ids.insert(list.begin(), list.end());
    return ids;
  }

  Simulation simulation;
  FaultVfs disk;
  Limits limits;
  std::unique_ptr<Runtime> runtime;
  std::set<int> acknowledged;
  std::map<std::string, std::vector<std::string>> delivered;  // by key, in order
  std::int64_t stream_next = 0;
  bool stream_busy = false;
  int batches_refused = 0;
  int pressures = 0;
  std::set<std::string> pressed;
  bool turns_fail = false;
  bool sink_fails = false;
  bool sink_refuses = false;
};

TEST(Runtime, CarriesAnEventToItsMessageOnce) {
  Fixture fixture(1);
  fixture.open();
  fixture.send(1, "a");
  fixture.simulation.run_until_idle();
  EXPECT_EQ(fixture.acknowledged, std::set<int>{1});
  EXPECT_EQ(fixture.delivered["a"], std::vector<std::string>{"e1"});
  fixture.runtime->check_integrity();
}

TEST(Runtime, CountsWhatThereIsAndWhatHasGoneThrough) {
  Fixture fixture(3);
  fixture.open();
  fixture.send(1, "a");
  fixture.send(1, "a");
  fixture.send(2, "b");
  fixture.simulation.run_until_idle();
  const RuntimeCounts counts = fixture.runtime->counts();
  EXPECT_EQ(counts.events_accepted_total, 2);
  EXPECT_EQ(counts.events_duplicate_total, 1);
  EXPECT_EQ(counts.messages_delivered_total, 2);
  EXPECT_EQ(counts.events_ready + counts.events_leased + counts.events_waiting + counts.events_dead, 0);
  EXPECT_EQ(counts.messages_waiting + counts.messages_in_flight + counts.messages_dead, 0);
  EXPECT_FALSE(counts.mailbox_full);
}

TEST(Runtime, TakesAnEventSentTwiceOnce) {
  Fixture fixture(2);
  fixture.open();
  fixture.send(1, "a");
  fixture.send(1, "a");
  fixture.simulation.run_until_idle();
  EXPECT_EQ(fixture.delivered["a"].size(), 1U);
}

TEST(SimulationOfRuntime, LosesNothingAcknowledgedAndKeepsOrderWhateverDiesWhen) {
  const std::uint64_t seeds = std::getenv("MNEMA_CAMPAIGN") != nullptr ? 2000 : 60;
  const testing::LogCapture quiet;
  int batches_refused = 0;
  int pressures = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Fixture fixture(seed);
    fixture.turns_fail = fixture.sink_fails = true;
    fixture.limits.attempts_max = fixture.limits.crashes_max = fixture.limits.outbox_attempts_max = 1000;
    // Near enough to be met all the time; a turn that finds the outbox full comes again.
    fixture.limits.turns_running_per_tenant_max = fixture.limits.outbox_in_flight_per_tenant_max = 2;
    fixture.limits.outbox_rows_per_tenant_max = 3;
    fixture.limits.mailbox_rows_per_tenant_max = 16;
    fixture.open();
    if (::testing::Test::HasFatalFailure()) FAIL() << "seed " << seed;
    int crashes = 0;
    for (int number = 0; number < 40; ++number) {
      fixture.send(number, "k" + std::to_string(fixture.simulation.random().below(4)));
      if (fixture.simulation.random().below(2) == 0) fixture.send_batch();
      for (std::uint64_t steps = fixture.simulation.random().below(30); steps > 0; --steps)
        fixture.simulation.run_one();
      if (fixture.simulation.random().below(8) != 0) continue;
      fixture.die();
      fixture.open();
      if (::testing::Test::HasFatalFailure()) FAIL() << "seed " << seed;
      ++crashes;
    }
    fixture.turns_fail = fixture.sink_fails = false;
    fixture.simulation.run_until_idle();
    const std::set<std::string> ids = fixture.all_delivered();
    for (const int number : fixture.acknowledged) {
      EXPECT_TRUE(ids.contains("e" + std::to_string(number)))
          << "seed " << seed << ", event " << number << ", crashes " << crashes;
    }
    const auto offset = fixture.number_of("SELECT next FROM stream");
    EXPECT_EQ(offset, fixture.stream_next) << "seed " << seed;
    std::int64_t accepted = 0;
    for (int i = 0; i < offset; ++i) {
      const bool is_for_somebody = i % 7 != 6;
      accepted += is_for_somebody ? 1 : 0;
      EXPECT_EQ(ids.contains("s" + std::to_string(i)), is_for_somebody) << "seed " << seed << ", offset " << i;
    }
    EXPECT_EQ(fixture.number_of("SELECT accepted FROM stream"), accepted) << "seed " << seed;
    EXPECT_EQ(fixture.number_of("SELECT seq FROM sqlite_sequence WHERE name = 'mailbox'"),
              static_cast<std::int64_t>(ids.size()))
        << "seed " << seed << ": each was stored once";
    EXPECT_TRUE(fixture.pressed.empty()) << "seed " << seed;
    batches_refused += fixture.batches_refused;
    pressures += fixture.pressures;
    for (const auto& [key, list] : fixture.delivered) {
      // The first time each message went out, in the order of its key; repeats after a crash may follow.
      std::vector<int> firsts;
      std::set<std::string> seen;
      for (const std::string& id : list) {
        if (seen.insert(id).second) firsts.push_back(std::stoi(id.substr(1)));
      }
      EXPECT_TRUE(std::is_sorted(firsts.begin(), firsts.end())) << "seed " << seed << ", key " << key;
    }
    EXPECT_EQ(fixture.runtime->mailbox().depths().ready + fixture.runtime->mailbox().depths().waiting, 0)
        << "seed " << seed;
    fixture.runtime->check_integrity();
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(batches_refused, 0) << "a batch met a full mailbox";
  EXPECT_GT(pressures, 0);
}

TEST(Runtime, DeadLettersWhatNoDestinationTakesUntilAPersonDecides) {
  Fixture fixture(4);
  fixture.sink_refuses = true;
  fixture.open();
  fixture.send(1, "a");
  fixture.simulation.run_until_idle();
  EXPECT_EQ(fixture.runtime->outbox().depths().dead, 1);
  const auto letters = fixture.runtime->dead_letters().list(10);
  ASSERT_TRUE(letters.ok());
  ASSERT_EQ(letters->size(), 1U);
  EXPECT_EQ((*letters)[0].id.text(), "message:1");
  EXPECT_EQ((*letters)[0].error.message, "refused");
  fixture.die();
  fixture.sink_refuses = false;
  fixture.open();
  Status redriven = fail(ErrorCode::kInternal, "not answered");
  Redrive how;
  how.data = "corrected";
  fixture.runtime->dead_letters().redrive(*DeadLetterId::parse("message:1"), how, fixture.simulation.lane("loop"),
                                          [&](Status status) { redriven = std::move(status); });
  fixture.simulation.run_until_idle();
  EXPECT_TRUE(redriven.ok()) << redriven.error().text();
  ASSERT_EQ(fixture.delivered["a"].size(), 1U);
  EXPECT_NE(fixture.delivered["a"][0], "e1") << "another body is another effect";
  fixture.runtime->check_integrity();
}

TEST(Runtime, FiresATimerOnceAlsoWhenItsTimePassedWhileNobodyWasThere) {
  Fixture fixture(5);
  fixture.open();
  Timer timer;
  timer.name = "remind";
  timer.at = fixture.simulation.clock().now() + std::chrono::seconds(10);
  timer.event = event_of(7, "a");
  fixture.runtime->timers().set(timer, fixture.simulation.lane("loop"),
                                [](const Status& status) { EXPECT_TRUE(status.ok()); });
  fixture.simulation.run_for(std::chrono::seconds(5));
  EXPECT_TRUE(fixture.delivered.empty());
  fixture.die();
  fixture.simulation.run_for(std::chrono::seconds(60));
  fixture.open();
  fixture.simulation.run_until_idle();
  EXPECT_EQ(fixture.delivered["a"].size(), 1U);
  EXPECT_EQ(fixture.runtime->timers().pending(), 0U);
  fixture.runtime->check_integrity();
}

TEST(Runtime, ATimerSetAgainReplacesTheOldOne) {
  Fixture fixture(6);
  fixture.open();
  for (const int seconds : {10, 20}) {
    Timer timer;
    timer.name = "remind";
    timer.at = fixture.simulation.clock().now() + std::chrono::seconds(seconds);
    timer.event = event_of(seconds, "a");
    fixture.runtime->timers().set(timer, fixture.simulation.lane("loop"),
                                  [](const Status& status) { EXPECT_TRUE(status.ok()); });
  }
  fixture.simulation.run_for(std::chrono::seconds(15));
  EXPECT_TRUE(fixture.delivered.empty());
  fixture.simulation.run_for(std::chrono::seconds(10));
  EXPECT_EQ(fixture.delivered["a"].size(), 1U);
}

TEST(DeadLetterIds, AreReadAsTheyAreWritten) {
  EXPECT_EQ(DeadLetterId::parse("event:17")->number, 17);
  EXPECT_EQ(DeadLetterId::parse("17")->kind, DeadLetterId::Kind::kEvent);
  EXPECT_EQ(DeadLetterId::parse("message:3")->text(), "message:3");
  EXPECT_FALSE(DeadLetterId::parse("message:").ok());
  EXPECT_FALSE(DeadLetterId::parse("x").ok());
}

}  // namespace
}  // namespace mnema
