#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "connectors/kafka/consumer.hpp"
#include "runtime/runtime.hpp"
#include "runtime/sim/fault_vfs.hpp"
#include "runtime/sim/simulation_executor.hpp"
#include "tests/connectors/kafka/simulated_group.hpp"
#include "tests/runtime/log_capture.hpp"
#include "tests/support/sometimes.hpp"

// The Kafka consumer, the mailbox and the disk as they are in production, and a group that does to them what a group
// may do, on one thread from a seed.

namespace mnema {
namespace {

using std::chrono::milliseconds;
using testing::SimulatedGroup;
using testing::SimulatedMember;

const std::vector<std::string> kBranches = {"an assignment is lost",
                                            "an offset is reset",
                                            "the topic is created anew",
                                            "another node reads",
                                            "an offset is not there",
                                            "fetching is paused",
                                            "fetching is resumed",
                                            "a commit fails",
                                            "positions cannot be read",
                                            "rebalanced while positions are read",
                                            "rebalanced while a batch is stored",
                                            "rebalanced while a commit is out",
                                            "rebalanced while nothing happens",
                                            "died while positions are read",
                                            "died while a batch is stored",
                                            "died while a commit is out",
                                            "the folder is lost",
                                            "a batch is refused",
                                            "records come again",
                                            "a new epoch begins",
                                            "records were deleted unread",
                                            "a dead letter is stored"};

/// What the events of a seed came to, outside of what dies.
struct Handled {
  std::string id;  // EPOCH-OFFSET
  std::string source;
  int number = 0;
  bool is_dead = false;
};

class Fixture {
 public:
  Fixture(std::uint64_t seed, testing::SometimesTable& sometimes)
      : simulation(seed), group(simulation), sometimes_(sometimes), disk_(std::make_unique<FaultVfs>(seed)) {
    acknowledges_done = simulation.random().below(2) == 0;
    group.forgets_offsets = acknowledges_done;  // whose folder may be lost, and with it what would tell
    trouble_ = static_cast<Trouble>(simulation.random().below(3));
    group.leaves_gaps = trouble_ != Trouble::kEpochs;
    limits_.mailbox_rows_per_tenant_max = 24;
    limits_.attempts_max = limits_.crashes_max = 1'000'000;
    group.hit = [this](const char* branch) { sometimes_.hit(branch); };
    group.on_commit = [this](int partition, std::int64_t offset) { check_commit(partition, offset); };
  }
  ~Fixture() { die(false); }

  void open() {
    Runtime::Options options;
    options.database.path = "mnema.db";
    options.database.vfs = disk_->name();
    options.migrations = kafka_offset_store::migrations();
    options.migrations.push_back(
        {"handled", 1, "CREATE TABLE handled (id TEXT NOT NULL, source TEXT NOT NULL, number INTEGER NOT NULL)"});
    Result<std::unique_ptr<Runtime>> opened = Runtime::open(
        options, {simulation.lane("loop"), simulation.lane("store")}, simulation.clock(), simulation.random(), limits_);
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    runtime_ = std::move(*opened);
    runtime_->router().add_agent("worker");
    runtime_->router().add_tenant("local");
    KafkaBatchRules rules;
    rules.mapping.source = "kafka:orders";
    rules.mapping.agent = "worker";
    rules.group = "group";
    rules.key_template = "{kafka_partition}";
    rules.tracks_unfinished = acknowledges_done;
    KafkaConsumerOptions consumer;
    consumer.topics = {SimulatedGroup::kTopic};
    consumer.group = "group";
    consumer.acknowledges_done = acknowledges_done;
    consumer.batch_records_max = 7;  // a simulated fetch may go beyond it, and not beyond the mailbox's limit
    member_ = group.make_member();
    consumer_ = std::make_shared<KafkaConsumer>(
        consumer, rules, member_,
        KafkaConsumerParts{simulation.lane("loop"), simulation.lane("workers", Simulation::LaneKind::kAnyOrder),
                           simulation.lane("blocking", Simulation::LaneKind::kAnyOrder), runtime_->database(),
                           runtime_->mailbox(), simulation.clock(), simulation.random(), limits_});
    if (acknowledges_done) {
      runtime_->mailbox().on_settled([weak = std::weak_ptr(consumer_)](Sequence sequence) {
        if (const auto held = weak.lock()) held->settled(sequence);
      });
    }
    runtime_->mailbox().on_pressure([weak = std::weak_ptr(consumer_)](const std::optional<std::string>&, bool is_high) {
      if (const auto held = weak.lock()) held->pause(is_high);
    });
    const Status started = consumer_->start([this](EventBatch batch, BatchDone done) {
      is_storing_ = true;
      runtime_->router().accept(std::move(batch), simulation.lane("loop"),
                                [this, done = std::move(done)](Result<AcceptResults> results) {
                                  is_storing_ = false;
                                  if (!results.ok()) sometimes_.hit("a batch is refused");
                                  done(std::move(results));
                                });
    });
    ASSERT_TRUE(started.ok()) << started.error().text();
    for (int i = 0; i < 2; ++i) take();
  }

  /// The power goes. `with_folder`: the disk as well.
  void die(bool with_folder) {
    if (!runtime_) return;
    note_counts();
    if (with_folder) {
      // Dead letters are done with, and go with their folder.
      for (const Handled& one : rows()) handled_outside_.insert(one.number);
    }
    if (!with_folder) disk_->crash(simulation.random());
    simulation.crash();
    consumer_->close();
    consumer_.reset();
    member_.reset();
    group.forget_member();
    runtime_.reset();
    simulation.crash();
    is_storing_ = false;
    if (!with_folder) return;
    sometimes_.hit("the folder is lost");
    folder_was_lost_ = true;
    disk_ = std::make_unique<FaultVfs>(simulation.random().next_u64());
  }

  /// Something happens.
  void step() {
    Random& random = simulation.random();
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        for (std::uint64_t n = 1 + random.below(4); n > 0; --n) {
          group.produce(static_cast<int>(random.below(SimulatedGroup::kPartitions)), random.below(20) == 0);
        }
        break;
      case 5:
      case 6: {
        const std::string phase = this->phase();
        if (group.rebalance()) sometimes_.hit("rebalanced while " + phase);
        break;
      }
      case 7:
        group.let_other_read();
        break;
      case 8:
        if (trouble_ == Trouble::kRetention) group.retain();
        break;
      case 9:
        if (random.below(3) == 0) restart();
        break;
      default:
        break;
    }
    std::uint64_t pieces = random.below(80);
    simulation.run_until([&pieces] { return pieces-- == 0; }, milliseconds(500));
    consumer_->check_integrity();
  }

  /// Until everything has been read by us.
  void finish() {
    turns_fail_ = false;
    group.calm();
    // The lag is measured once a second: it holds when it has been measured of all partitions.
    int held = 0;
    for (int tries = 0; tries < 100 && held < 2; ++tries) {
      simulation.run_for(std::chrono::seconds(3));
      const auto depths = runtime_->mailbox().depths();
      const bool is_idle = depths.ready + depths.waiting + depths.leased == 0;
      held = group.is_all_ours() && consumer_->counts().lag == 0 && is_idle ? held + 1 : 0;
    }
    EXPECT_EQ(held, 2) << "what was left is not read";
    note_counts();
  }

  void check() {
    const std::vector<Handled> handled = rows();
    std::set<int> seen = handled_outside_;
    std::map<std::pair<std::string, std::string>, int> times;
    for (const Handled& one : handled) {
      seen.insert(one.number);
      ++times[{one.source, one.id}];
    }
    for (const auto& [number, partition] : group.produced()) {
      EXPECT_TRUE(seen.contains(number) || group.excused().contains(number))
          << "record " << number << " of partition " << partition << " is lost";
    }
    for (const auto& [of, count] : times) EXPECT_EQ(count, 1) << of.first << " " << of.second;
    if (!group.has_new_epochs() && !folder_was_lost_) {
      std::map<int, int> by_number;
      for (const Handled& one : handled) EXPECT_EQ(++by_number[one.number], 1) << "record " << one.number;
    }
    // What a partition's epoch brought was handled in order.
    std::map<std::pair<std::string, std::string>, std::int64_t> last;
    for (const Handled& one : handled) {
      const std::size_t dash = one.id.find('-');
      const std::int64_t offset = std::stoll(one.id.substr(dash + 1));
      if (one.is_dead) continue;
      const auto place = last.try_emplace({one.source, one.id.substr(0, dash)}, -1).first;
      EXPECT_GT(offset, place->second) << one.source << " " << one.id;
      place->second = offset;
    }
    runtime_->check_integrity();
    consumer_->check_integrity();
  }

  Simulation simulation;
  SimulatedGroup group;
  bool acknowledges_done = false;

 private:
  // What proves that a topic is another one is the record before our offset: where it may be missing, because it was
  // deleted or never was one, no topic is created anew.
  enum class Trouble { kNone, kRetention, kEpochs };

  [[nodiscard]] std::string phase() const {
    if (is_storing_) return "a batch is stored";
    if (member_->is_reading_positions()) return "positions are read";
    return member_->commit_is_out() ? "a commit is out" : "nothing happens";
  }

  void restart() {
    const std::string phase = this->phase();
    if (phase != "nothing happens") sometimes_.hit("died while " + phase);
    die(acknowledges_done && simulation.random().below(4) == 0);
    if (trouble_ == Trouble::kEpochs && simulation.random().below(2) == 0) {
      static_cast<void>(simulation.random().below(2) == 0 ? group.reset_offset() : group.create_anew());
    }
    open();
  }

  void note_counts() {
    const KafkaConsumer::Counts counts = consumer_->counts();
    if (counts.skipped > 0) sometimes_.hit("records come again");
    if (counts.epochs > 0) sometimes_.hit("a new epoch begins");
    if (counts.lost > 0) sometimes_.hit("records were deleted unread");
    if (counts.dead > 0) sometimes_.hit("a dead letter is stored");
  }

  /// The simplest agent: it writes down what it was given.
  void take() {
    runtime_->mailbox().take(simulation.lane("loop"), [this](Delivery taken) {
      auto delivery = std::make_shared<Delivery>(std::move(taken));
      simulation.lane("loop").post_after(milliseconds(simulation.random().below(60)), [this, delivery] {
        if (turns_fail_ && simulation.random().below(5) == 0) {
          runtime_->mailbox().retry(std::move(*delivery), simulation.clock().now() + milliseconds(50),
                                    fail(ErrorCode::kUnavailable, "not now"), simulation.lane("loop"),
                                    [](const Result<RetryVerdict>&) {});
          return take();
        }
        const Handled one{delivery->event().id, delivery->event().source, number_of(delivery->event().data), false};
        runtime_->database().write<void>(
            WritePriority::kForeground,
            [this, delivery, one](Transaction& transaction) -> Status {
              RETURN_IF_ERROR(runtime_->mailbox().complete(transaction, *delivery));
              ASSIGN_OR_RETURN(Statement insert, transaction.prepare("INSERT INTO handled VALUES (?1, ?2, ?3)"));
              return insert.bind(1, one.id).bind(2, one.source).bind(3, one.number).run();
            },
            simulation.lane("loop"),
            [this, delivery, one](const Status& done) {
              // Seen from outside before anybody is told that it is handled, or its disk may be gone by then.
              if (done.ok()) handled_outside_.insert(one.number);
              take();
            });
      });
    });
  }

  static int number_of(const std::string& data) { return std::atoi(data.c_str() + data.find(':') + 1); }

  /// Those that are handled, in that order, and the dead.
  std::vector<Handled> rows() {
    const auto read = runtime_->database().read<std::vector<Handled>>([](Transaction& transaction)
                                                                          -> Result<std::vector<Handled>> {
      std::vector<Handled> all;
      ASSIGN_OR_RETURN(Statement done, transaction.prepare("SELECT id, source, number FROM handled ORDER BY rowid"));
      for (;;) {
        ASSIGN_OR_RETURN(const bool found, done.step());
        if (!found) break;
        all.push_back({std::string(done.text(0)), std::string(done.text(1)), static_cast<int>(done.integer(2)), false});
      }
      ASSIGN_OR_RETURN(Statement dead, transaction.prepare("SELECT sequence FROM mailbox WHERE state = 3"));
      ASSIGN_OR_RETURN(const std::vector<std::int64_t> sequences, dead.integers());
      for (const std::int64_t sequence : sequences) {
        ASSIGN_OR_RETURN(const mailbox_store::Row row, mailbox_store::load(transaction, sequence));
        all.push_back({row.event.id, row.event.source, number_of(row.event.data), true});
      }
      return all;
    });
    EXPECT_TRUE(read.ok());
    return read.ok() ? *read : std::vector<Handled>{};
  }

  /// A commit of ours may promise nothing that we do not keep.
  void check_commit(int partition, std::int64_t offset) {
    if (!acknowledges_done) return;
    const std::string source = "kafka:orders/" + std::string(SimulatedGroup::kTopic) + "/" + std::to_string(partition);
    const auto read = runtime_->database().read<std::int64_t>([&](Transaction& transaction) -> Result<std::int64_t> {
      std::int64_t open = 0;
      ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT sequence FROM mailbox WHERE state <> 3"));
      ASSIGN_OR_RETURN(const std::vector<std::int64_t> sequences, select.integers());
      std::int64_t epoch = 0;
      std::vector<std::pair<std::int64_t, std::int64_t>> waiting;  // epoch, offset
      for (const std::int64_t sequence : sequences) {
        ASSIGN_OR_RETURN(const mailbox_store::Row row, mailbox_store::load(transaction, sequence));
        if (row.event.source != source) continue;
        const std::size_t dash = row.event.id.find('-');
        waiting.emplace_back(std::stoll(row.event.id), std::stoll(row.event.id.substr(dash + 1)));
      }
      ASSIGN_OR_RETURN(
          const KafkaStored stored,
          kafka_offset_store::load(transaction, {"simulated", "group", SimulatedGroup::kTopic, partition}));
      epoch = stored.epoch;
      for (const auto& [of, at] : waiting) open += of == epoch && at < offset ? 1 : 0;
      return open;
    });
    EXPECT_TRUE(read.ok());
    EXPECT_EQ(read.ok() ? *read : 0, 0) << "committed before it was handled, partition " << partition;
  }

  testing::SometimesTable& sometimes_;
  Trouble trouble_ = Trouble::kNone;
  Limits limits_;
  std::unique_ptr<FaultVfs> disk_;
  std::unique_ptr<Runtime> runtime_;
  std::shared_ptr<SimulatedMember> member_;
  std::shared_ptr<KafkaConsumer> consumer_;
  bool is_storing_ = false;
  bool turns_fail_ = true;
  bool folder_was_lost_ = false;
  std::set<int> handled_outside_;
};

TEST(SimulationOfKafka, LosesNoRecordAndTakesNoneTwiceWhateverTheGroupDoes) {
  const char* const chosen = std::getenv("MNEMA_SEED");
  const std::uint64_t first = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 1;
  // Sanitizers look at memory; rare branches are counted without them.
  const bool is_slow = std::getenv("MNEMA_SANITIZED") != nullptr;
  const std::uint64_t seeds = chosen != nullptr                          ? 1
                              : std::getenv("MNEMA_CAMPAIGN") != nullptr ? 10'000
                              : is_slow                                  ? 200
                                                                         : 1'000;
  const testing::LogCapture quiet;
  testing::SometimesTable sometimes(kBranches);
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    SCOPED_TRACE("MNEMA_SEED=" + std::to_string(seed));
    sometimes.begin_scenario();
    Fixture fixture(seed, sometimes);
    if (chosen != nullptr) fixture.group.trace = [](const std::string& line) { std::printf("%s\n", line.c_str()); };
    fixture.open();
    for (int i = 0; i < 60 && !::testing::Test::HasFailure(); ++i) fixture.step();
    if (!::testing::Test::HasFailure()) fixture.finish();
    if (!::testing::Test::HasFailure()) fixture.check();
    if (::testing::Test::HasFailure()) return;
  }
  if (chosen != nullptr || is_slow) return;
  std::printf("%s", sometimes.text().c_str());
  EXPECT_TRUE(sometimes.never_hit().empty()) << "never reached: " << sometimes.never_hit().front();
}

}  // namespace
}  // namespace mnema
