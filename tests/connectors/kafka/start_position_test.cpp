#include "connectors/kafka/start_position.hpp"

#include <gtest/gtest.h>

#include "connectors/kafka/offset_store.hpp"
#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

TEST(StartPosition, IsTheGroupsWhereWeHaveNone) {
  EXPECT_EQ(start_of({}, {}).offset, -1) << "as configured";
  const KafkaStart start = start_of({}, {70, false});
  EXPECT_EQ(start.offset, 70);
  EXPECT_EQ(start.epoch, 1);
  EXPECT_EQ(start.unmarked_commit, 70) << "remembered: it is no reset when it is seen again";
  EXPECT_EQ(start.alarm, "");
}

TEST(StartPosition, IsOursWhereACommitLagsBehind) {
  const KafkaStored stored{1, 100, 77, -1};
  for (const KafkaCommitted committed : {KafkaCommitted{}, KafkaCommitted{60, true}, KafkaCommitted{100, true}}) {
    const KafkaStart start = start_of(stored, committed);
    EXPECT_EQ(start.offset, 100);
    EXPECT_EQ(start.stored_next, 100);
    EXPECT_EQ(start.digest, 77) << "the record before is compared";
    EXPECT_EQ(start.epoch, 1);
  }
}

TEST(StartPosition, IsTheGroupsWhereAnotherNodeWentOn) {
  const KafkaStart start = start_of({1, 100, 77, -1}, {150, true});
  EXPECT_EQ(start.offset, 150);
  EXPECT_EQ(start.stored_next, 100) << "what its row says";
  EXPECT_EQ(start.committed, 150);
  EXPECT_EQ(start.digest, 0) << "we never saw the record before it";
  EXPECT_EQ(start.alarm, "");
}

TEST(StartPosition, BeginsANewEpochWhereSomebodyResetTheGroup) {
  for (const std::int64_t offset : {0, 40, 300}) {
    const KafkaStart start = start_of({1, 100, 77, -1}, {offset, false});
    EXPECT_EQ(start.offset, offset);
    EXPECT_EQ(start.epoch, 2);
    EXPECT_EQ(start.stored_next, -1) << "it has no row yet";
    EXPECT_EQ(start.committed, -1) << "another's, which ours takes the place of";
    EXPECT_NE(start.alarm, "");
  }
  EXPECT_EQ(start_of({1, 100, 77, 40}, {40, false}).alarm, "") << "the one that we began at";
}

TEST(StartPosition, KnowsARetentionFromATopicThatWasCreatedAnew) {
  const KafkaRestart deleted = restart_of({1, 100, 77, -1}, 60, 120, 200);
  EXPECT_EQ(deleted.start.offset, 120);
  EXPECT_EQ(deleted.start.epoch, 1);
  EXPECT_EQ(deleted.start.committed, 60);
  EXPECT_EQ(deleted.skipped, 20);
  const KafkaRestart read_up = restart_of({1, 100, 77, -1}, 100, 100, 100);
  EXPECT_EQ(read_up.start.offset, 100);
  EXPECT_EQ(read_up.skipped, 0) << "all that was deleted was ours";
  EXPECT_EQ(read_up.start.digest, 0) << "and nothing is there to compare";
  const KafkaRestart grown = restart_of({1, 100, 77, -1}, 100, 0, 200);
  EXPECT_EQ(grown.start.offset, 100);
  EXPECT_EQ(grown.start.digest, 77) << "it may be another topic, longer than ours by now";
  const KafkaRestart anew = restart_of({1, 100, 77, -1}, 100, 0, 5);
  EXPECT_EQ(anew.start.offset, 0);
  EXPECT_EQ(anew.start.epoch, 2);
  EXPECT_NE(anew.start.alarm, "");
  EXPECT_EQ(anew.start.committed, -1) << "of the topic before";
  const KafkaRestart unknown = restart_of({}, 90, 30, 50);
  EXPECT_EQ(unknown.start.offset, 30) << "the group's offset was deleted, and we had none";
  EXPECT_EQ(unknown.start.epoch, 1);
  EXPECT_EQ(unknown.start.committed, -1) << "the partition is shorter: of an earlier topic";
}

TEST(StartPosition, PassesOverWhatWasCommittedOfAnEarlierTopic) {
  const KafkaStart anew = restart_of_new_topic({1, 20, 77, -1}, 20);
  EXPECT_EQ(anew.offset, 0);
  EXPECT_EQ(anew.committed, -1);
  // Ten records of the new topic are stored when the process is killed, and none is committed.
  const KafkaStored stored{anew.epoch, 10, 78, anew.unmarked_commit};
  const KafkaStart start = start_of(stored, {20, true});
  EXPECT_EQ(start.offset, 10) << "offsets 10 to 19 would never be read";
  EXPECT_EQ(start.epoch, 2);
  EXPECT_EQ(start.committed, -1) << "ours is lower and takes its place";
  EXPECT_EQ(start_of(stored, {25, true}).offset, 25) << "another node went on";
  EXPECT_EQ(restart_of({1, 100, 77, -1}, 90, 0, 5).start.unmarked_commit, 90);
}

TEST(KafkaOffsetStore, MovesARowFromWhereItIsOnly) {
  testing::RuntimeFixture fixture;
  const kafka_offset_store::PartitionName name{"cluster", "group", "topic", 0};
  ASSERT_TRUE(fixture
                  .write<void>([](Transaction& t) -> Status {
                    return t.connection().execute(kafka_offset_store::migrations().front().sql);
                  })
                  .ok());
  const auto move = [&](std::int64_t from, const KafkaStored& to) {
    return fixture.write<void>([&](Transaction& t) { return kafka_offset_store::move(t, name, from, to); });
  };
  const auto load = [&] {
    return *fixture.runtime->database().read<KafkaStored>(
        [&](Transaction& t) { return kafka_offset_store::load(t, name); });
  };
  EXPECT_EQ(load().epoch, 0);
  EXPECT_TRUE(move(-1, {1, 10, 5, -1}).ok());
  EXPECT_EQ(move(-1, {1, 12, 5, -1}).error().code, ErrorCode::kAborted) << "it is there already";
  EXPECT_EQ(move(9, {1, 12, 5, -1}).error().code, ErrorCode::kAborted);
  EXPECT_TRUE(move(10, {1, 12, 6, -1}).ok());
  EXPECT_EQ(load().next, 12);
  EXPECT_TRUE(move(-1, {2, 3, 8, 0}).ok()) << "another epoch";
  EXPECT_EQ(load().epoch, 2);
  EXPECT_EQ(load().unmarked_commit, 0);
  fixture.restart();
  EXPECT_EQ(load().next, 3);
}

}  // namespace
}  // namespace mnema
