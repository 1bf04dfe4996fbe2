#include "runtime/runtime_schema.hpp"

#include <gtest/gtest.h>

#include "runtime/events/event_digest.hpp"
#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using testing::event_of;

class RuntimeSchema : public ::testing::Test {
 protected:
  /// A file as the program left it that knew migrations up to `number`, with `rows` in it.
  void make_file(int number, const std::string& rows) {
    std::vector<Migration> migrations = runtime_migrations();
    std::erase_if(migrations, [number](const Migration& migration) { return migration.number > number; });
    Executor& store = simulation.lane("store");
    auto database = Database::open(options(), migrations, store, simulation.clock());
    ASSERT_TRUE(database.ok()) << database.error().text();
    Status written = fail(ErrorCode::kInternal, "not answered");
    (*database)->write<void>(
        WritePriority::kForeground, [&](Transaction& t) { return t.connection().execute(rows); }, store,
        [&](Status status) { written = std::move(status); });
    simulation.run_ready();
    ASSERT_TRUE(written.ok()) << written.error().text();
    (*database)->close();
  }
  Database::Options options() const {
    Database::Options made;
    made.path = "mnema.db";
    made.vfs = disk.name();
    return made;
  }
  void TearDown() override {
    simulation.crash();
    runtime.reset();
    simulation.crash();
  }
  void open() {
    Runtime::Options made;
    made.database = options();
    auto opened = Runtime::open(std::move(made), {loop, simulation.lane("store")}, simulation.clock(),
                                simulation.random(), limits);
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    runtime = std::move(*opened);
    simulation.run_ready();
  }
  std::optional<Delivery> take() {
    std::optional<Delivery> taken;
    runtime->mailbox().take(loop, [&](Delivery delivery) { taken = std::move(delivery); });
    simulation.run_ready();
    return taken;
  }
  Result<Accepted> accept(const Event& event) {
    Result<Accepted> answer = fail(ErrorCode::kInternal, "not answered");
    runtime->mailbox().accept(event, loop, [&](Result<Accepted> accepted) { answer = std::move(accepted); });
    simulation.run_ready();
    return answer;
  }

  Simulation simulation{1};
  FaultVfs disk{1};
  Executor& loop = simulation.lane("loop");
  Limits limits;
  std::unique_ptr<Runtime> runtime;
};

TEST_F(RuntimeSchema, KeepsAllThatIsInAFileOfMigration2) {
  make_file(2, R"sql(
INSERT INTO mailbox (sequence, tenant, agent, key, priority, state, attempts, accepted_at, next_at, id, source, type,
                     subject, time, content_type, data, user, trust, traceparent, attributes) VALUES
  (3, 'local', 'worker', 'a', 1, 0, 1, 1000, 0, 'e3', 'test', 't', '', 7, 'text/plain', 'payload', 'mia', 0, '', '{}'),
  (4, 'local', 'worker', 'b', 1, 3, 5, 2000, 0, 'e4', 'test', 't', '', 7, 'text/plain', 'dead', '', 0, '', '{}'),
  (9, 'local', 'worker', 'c', 1, 0, 0, 3000, 0, 'e9', 'test', 't', '', 7, 'text/plain', 'done', '', 0, '', '{}');
DELETE FROM mailbox WHERE sequence = 9;
INSERT INTO mailbox_errors VALUES (4, 4, 5000, 11, 'down', ''), (4, 5, 6000, 11, 'still down', '');
INSERT INTO outbox (tenant, agent, destination, key, idempotency_key, content_type, body, traceparent, turn, state,
                    attempts, created_at, next_at, unsent) VALUES
  ('local', 'worker', 'mail', 'k', 'x', 'text/plain', 'hello', '', 3, 0, 2, 1000, 0, 1);
INSERT INTO turns (turn, tenant, source, event_id, agent, key, version, started_at) VALUES
  (3, 'local', 'test', 'e3', 'worker', 'a', '1', 1000);
)sql");
  open();
  const std::optional<Delivery> delivery = take();
  ASSERT_TRUE(delivery);
  EXPECT_EQ(delivery->sequence(), 3);
  EXPECT_EQ(delivery->attempt(), 2);
  EXPECT_EQ(delivery->tries(), 2);
  EXPECT_EQ(delivery->generation(), 0);
  EXPECT_EQ(delivery->event().data, "payload");
  EXPECT_EQ(delivery->event().user, "mia");
  const auto letters = runtime->dead_letters().list(10).value();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].id.number, 4);
  EXPECT_EQ(letters[0].died_at, from_micros(6000));
  EXPECT_EQ(accept(event_of("new"))->sequence, 10) << "no number is used twice, also of events that are done";
  std::vector<int> attempts;
  runtime->outbox().start(
      [&](const OutboxRow& row, const std::function<void(Status)>&) { attempts.push_back(row.attempt); });
  simulation.run_ready();
  EXPECT_EQ(attempts, std::vector<int>{3});
  runtime->check_integrity();
}

TEST_F(RuntimeSchema, TakesNoRepeatForAnotherContentWhereTheFileDoesNotKnowTheFirst) {
  const EventDigest digest = digest_of(event_of("a"));
  make_file(2, "INSERT INTO event_ring (slot, hash, sequence) VALUES (1, " + std::to_string(digest.identity) + ", 1)");
  open();
  const auto repeat = accept(event_of("a"));
  ASSERT_TRUE(repeat.ok());
  EXPECT_TRUE(repeat->duplicate);
  EXPECT_FALSE(repeat->differs);
}

}  // namespace
}  // namespace mnema
