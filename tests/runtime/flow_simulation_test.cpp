#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "runtime/events/event_deadline.hpp"
#include "runtime/runtime.hpp"
#include "runtime/sim/fault_vfs.hpp"
#include "runtime/sim/simulation_executor.hpp"
#include "tests/runtime/log_capture.hpp"
#include "tests/support/sometimes.hpp"

// What happens between the mailbox and a turn, on one thread from a seed, over a disk that forgets what was not synced.

namespace mnema {
namespace {

using testing::SometimesTable;
using Ids = std::vector<std::string>;

constexpr Duration kMillisecond = std::chrono::milliseconds(1);

EventFlow flow_of(std::uint64_t seed) {
  EventFlow flow;
  switch (seed % 5) {
    case 0:
      flow.coalesce_window_ms = 60;
      flow.coalesce_max = 3;
      break;
    case 1:
      flow.debounce_window_ms = 40;
      flow.debounce_wait_max_ms = 150;
      break;
    case 2:
      flow.batch_max = 3;
      flow.batch_window_ms = 50;
      break;
    default:
      break;
  }
  flow.on_failure = seed / 5 % 3 == 0   ? OnFailure::kQueue
                    : seed / 5 % 3 == 1 ? OnFailure::kOvertake
                                        : OnFailure::kDeadLetter;
  if (seed / 15 % 2 == 1) flow.deadline_ms = 400;
  if (seed / 30 % 2 == 1) flow.where = "/number != 13";
  if (seed / 60 % 2 == 1) flow.sample_one_in = 3;
  return flow;
}

class Fixture {
 public:
  Fixture(std::uint64_t seed, SometimesTable& table)
      : flow(flow_of(seed)), simulation(seed), disk(seed), sometimes(table) {
    limits.attempts_max = 4;
    limits.crashes_max = 1000;
    limits.gather_rows_max = 4;
    limits.turn_backoff_cap_ms = 2'000;
  }
  ~Fixture() { die(); }

  void open() {
    Runtime::Options options;
    options.database.path = "mnema.db";
    options.database.vfs = disk.name();
    options.flows = {{"worker", flow}};
    options.migrations = {{"handled", 1, "CREATE TABLE handled (at INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT)"}};
    Result<std::unique_ptr<Runtime>> opened = Runtime::open(
        options, {simulation.lane("loop"), simulation.lane("store")}, simulation.clock(), simulation.random(), limits);
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    runtime = std::move(*opened);
    runtime->router().add_agent("worker");
    runtime->mailbox().on_deadline([this](Sequence sequence) {
      sometimes.hit("deadline during a turn");
      expired.insert(sequence);
    });
    for (int i = 0; i < 3; ++i) take();
  }

  void die() {
    disk.crash(simulation.random());
    simulation.crash();
    runtime.reset();
    simulation.crash();
    out.clear();
    expired.clear();
  }

  void send(int number) {
    Event event;
    event.id = std::to_string(number);
    event.source = "test";
    event.type = "test.happened";
    event.agent = "worker";
    event.key = "k" + std::to_string(number % 3);
    event.data = R"({"number":)" + event.id + "}";
    runtime->router().accept(std::move(event), simulation.lane("loop"),
                             [this, number](const Result<Accepted>& accepted) {
                               if (!accepted.ok()) return;
                               acknowledged[number] = accepted->settled;
                             });
  }

  void take() {
    runtime->mailbox().take(simulation.lane("loop"), [this](Delivery taken) {
      const auto delivery = std::make_shared<Delivery>(std::move(taken));
      look_at(*delivery);
      const Duration runs = static_cast<int>(simulation.random().below(80)) * kMillisecond;
      simulation.lane("loop").post_after(runs, [this, delivery] { end_turn(delivery); });
    });
  }

  void look_at(const Delivery& delivery) {
    const std::string& key = delivery.event().key;
    EXPECT_TRUE(out.insert(key).second) << "two of key " << key << " at a time";
    if (const auto deadline = delivery.event().deadline; deadline && delivery.batch().empty()) {
      // One that passes on its way here is seen by whoever starts turns.
      EXPECT_GE(*deadline + kMillisecond, simulation.clock().now());
    }
    Ids ids = ids_of(delivery);
    dispatched.insert(ids.begin(), ids.end());
    if (ids.size() > 1) sometimes.hit("batch of several");
    const auto [known, is_new] = batches.emplace(delivery.sequence(), ids);
    if (!is_new && ids.size() > 1) sometimes.hit("batch dispatched again");
    EXPECT_EQ(known->second, ids) << "a batch is the same one each time";
    const int number = std::stoi(delivery.event().id);
    if (number < last_of_key[key] && flow.on_failure == OnFailure::kOvertake) sometimes.hit("overtaken");
    last_of_key[key] = std::max(last_of_key[key], number);
  }

  static Ids ids_of(const Delivery& delivery) {
    Ids ids{delivery.event().id};
    for (const auto& event : delivery.batch()) ids.push_back(event->id);
    return ids;
  }

  void end_turn(const std::shared_ptr<Delivery>& delivery) {
    Executor& loop = simulation.lane("loop");
    out.erase(delivery->event().key);
    const auto next = [this] { take(); };
    if (expired.erase(delivery->sequence()) > 0) {
      runtime->mailbox().dead_letter(std::move(*delivery), deadline_passed(simulation.clock().now(), true), loop,
                                     [next](const Status&) { next(); });
      return;
    }
    if (turns_fail && simulation.random().below(3) == 0) {
      Error down = fail(ErrorCode::kUnavailable, "not now");
      down.never_left = simulation.random().below(3) == 0;
      const Time at = simulation.clock().now() + static_cast<int>(simulation.random().below(200)) * kMillisecond;
      runtime->mailbox().retry(std::move(*delivery), at, down, loop, [this, next](const Result<RetryVerdict>& verdict) {
        const bool is_dead = verdict.ok() && *verdict == RetryVerdict::kDead;
        if (is_dead && flow.on_failure == OnFailure::kDeadLetter) sometimes.hit("dead at its first failure");
        next();
      });
      return;
    }
    runtime->database().write<void>(
        WritePriority::kForeground,
        [this, delivery](Transaction& transaction) -> Status {
          RETURN_IF_ERROR(runtime->mailbox().complete(transaction, *delivery));
          for (const std::string& id : ids_of(*delivery)) {
            ASSIGN_OR_RETURN(Statement note, transaction.prepare("INSERT INTO handled (id) VALUES (?)"));
            RETURN_IF_ERROR(note.bind(1, id).run());
          }
          return {};
        },
        loop, [delivery, next](const Status&) { next(); });
  }

  std::vector<int> numbers(const std::string& sql) {
    return *runtime->database().read<std::vector<int>>([&sql](Transaction& transaction) -> Result<std::vector<int>> {
      std::vector<int> all;
      ASSIGN_OR_RETURN(Statement statement, transaction.prepare(sql));
      for (;;) {
        ASSIGN_OR_RETURN(const bool more, statement.step());
        if (!more) return all;
        all.push_back(std::stoi(statement.text(0)));
      }
    });
  }

  /// Every event that was acknowledged had its turn once, or is a dead letter, or was settled by a rule.
  void check(std::uint64_t seed) {
    const std::vector<int> order = numbers("SELECT id FROM handled ORDER BY at");
    const std::vector<int> left = numbers("SELECT id FROM mailbox");
    const std::set<int> handled(order.begin(), order.end());
    const std::set<int> dead(left.begin(), left.end());
    EXPECT_EQ(handled.size(), order.size()) << "seed " << seed << ": an event had two turns";
    const bool newest_wins = flow.coalesce_window_ms > 0 || flow.debounce_window_ms > 0;
    for (const auto& [number, settled] : acknowledged) {
      const std::string id = std::to_string(number);
      if (settled) {
        sometimes.hit(number == 13 && !flow.where.empty() ? "filtered" : "sampled out");
        EXPECT_FALSE(dispatched.contains(id)) << "seed " << seed << ", event " << id;
        continue;
      }
      const int times = (handled.contains(number) ? 1 : 0) + (dead.contains(number) ? 1 : 0);
      if (times == 1) continue;
      bool is_superseded = false;
      for (int newer = number + 3; newer < sent; newer += 3) {
        is_superseded = is_superseded || handled.contains(newer) || dead.contains(newer);
      }
      EXPECT_TRUE(times == 0 && newest_wins && is_superseded) << "seed " << seed << ", event " << id << ": " << times;
      sometimes.hit("superseded");
    }
    const auto letters = runtime->dead_letters().list(1000);
    for (const DeadLetterSummary& letter : *letters) {
      if (letter.error.code != ErrorCode::kDeadlineExceeded) continue;
      sometimes.hit("expired");
      if (letter.tries == 0) sometimes.hit("expired before it was tried");
    }
    if (flow.on_failure != OnFailure::kOvertake) {
      std::map<int, int> last;
      for (const int number : order) {
        EXPECT_LT(std::exchange(last[number % 3], number), number + 1) << "seed " << seed << ": order per key";
      }
    }
    EXPECT_EQ(runtime->mailbox().depths().ready + runtime->mailbox().depths().waiting, 0) << "seed " << seed;
    runtime->check_integrity();
  }

  const EventFlow flow;
  Simulation simulation;
  FaultVfs disk;
  SometimesTable& sometimes;
  Limits limits;
  std::unique_ptr<Runtime> runtime;
  std::map<int, bool> acknowledged;  // and whether it was settled at once
  std::set<std::string> dispatched;
  std::map<Sequence, Ids> batches;
  std::map<std::string, int> last_of_key;
  std::set<std::string> out;   // keys
  std::set<Sequence> expired;  // during their turns
  int sent = 0;
  bool turns_fail = true;
};

TEST(SimulationOfEventFlow, LosesNothingAndHandlesNothingTwiceWhateverIsGatheredAndDiesWhen) {
  const std::uint64_t seeds = std::getenv("MNEMA_CAMPAIGN") != nullptr ? 4800 : 240;
  const testing::LogCapture quiet;
  SometimesTable sometimes({"batch of several", "batch dispatched again", "overtaken", "superseded", "expired",
                            "expired before it was tried", "deadline during a turn", "dead at its first failure",
                            "filtered", "sampled out", "died with an open window"});
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    sometimes.begin_scenario();
    Fixture fixture(seed, sometimes);
    fixture.open();
    if (::testing::Test::HasFatalFailure()) FAIL() << "seed " << seed;
    for (; fixture.sent < 40; ++fixture.sent) {
      fixture.send(fixture.sent);
      fixture.simulation.run_for(static_cast<int>(fixture.simulation.random().below(30)) * kMillisecond);
      for (std::uint64_t steps = fixture.simulation.random().below(10); steps > 0; --steps)
        fixture.simulation.run_one();
      if (fixture.simulation.random().below(10) != 0) continue;
      if (fixture.runtime->mailbox().depths().waiting > 0) sometimes.hit("died with an open window");
      fixture.die();
      fixture.simulation.run_for(static_cast<int>(fixture.simulation.random().below(100)) * kMillisecond);
      fixture.open();
      if (::testing::Test::HasFatalFailure()) FAIL() << "seed " << seed;
    }
    fixture.turns_fail = false;
    fixture.simulation.run_until_idle();
    fixture.check(seed);
    if (::testing::Test::HasFailure()) return;
  }
  for (const std::string& branch : sometimes.never_hit()) ADD_FAILURE() << "never: " << branch;
}

}  // namespace
}  // namespace mnema
