#include "connectors/kafka/partitions.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

/// What would be committed of the topic's only partition; -1: nothing.
std::int64_t commit_of(const KafkaPartitionStates& partitions) {
  const std::vector<KafkaPartitionOffset> list = partitions.commits();
  return list.empty() ? -1 : list.front().offset;
}

KafkaStart start_at(std::int64_t offset) {
  KafkaStart start;
  start.stored_next = offset;
  start.offset = offset;
  return start;
}

TEST(KafkaPartitionStates, CommitsNothingThatIsNotStored) {
  KafkaPartitionStates partitions;
  KafkaPartitionState& state = partitions.add("topic", 0, start_at(1'000));
  partitions.add_unfinished(state, 1, 5'000);
  EXPECT_EQ(commit_of(partitions), 1'000) << "whatever offsets the events have that are not handled";
  partitions.add_unfinished(state, 2, 40);
  EXPECT_EQ(commit_of(partitions), 40);
  partitions.settled(2);
  EXPECT_EQ(commit_of(partitions), 1'000);
  partitions.check_integrity();
}

TEST(KafkaPartitionStates, CommitsNothingBehindWhatAnotherNodeHasCommitted) {
  KafkaPartitionStates partitions;
  KafkaPartitionState& state = partitions.add("topic", 0, start_of({1, 100, 77, -1}, {200, true}));
  EXPECT_EQ(state.gathered_next, 200);
  EXPECT_EQ(commit_of(partitions), -1) << "the group would fall from 200 to 100";
  state.gathered_next = state.stored_next = 250;
  EXPECT_EQ(commit_of(partitions), 250);
}

TEST(KafkaPartitionStates, CommitsNothingBeforeItIsKnownThatTheTopicIsTheSame) {
  KafkaPartitionStates partitions;
  KafkaRecord before;
  before.topic = "topic";
  before.offset = 99;
  before.value = "the last that is ours";
  KafkaPartitionState& state = partitions.add("topic", 0, start_of({1, 100, digest_of(before), -1}, {}));
  EXPECT_EQ(commit_of(partitions), -1) << "of a topic created anew it would pass over the first hundred";
  EXPECT_EQ(KafkaPartitionStates::look_at(state, before), KafkaPartitionStates::Verdict::kSkip);
  EXPECT_EQ(commit_of(partitions), 100);
}

TEST(KafkaPartitionStates, KnowsWhatIsUnfinishedAlsoAfterABeginningAnewInTheSameEpoch) {
  KafkaPartitionStates partitions;
  partitions.add_unfinished(partitions.add("topic", 0, start_at(100)), 1, 60);
  const KafkaPartitionState& state = partitions.restart("topic", 0, restart_of({1, 100, 77, -1}, 60, 120, 200).start);
  EXPECT_EQ(state.gathered_next, 120);
  EXPECT_EQ(commit_of(partitions), -1) << "offset 60 is not handled";
  partitions.settled(1);
  EXPECT_EQ(commit_of(partitions), 100);
  partitions.check_integrity();
}

TEST(KafkaPartitionStates, KnowsWhatWasHandledWhileItsPositionWasRead) {
  KafkaPartitionStates partitions;
  partitions.begin_reading();
  partitions.settled(7);  // its partition is not ours yet
  KafkaPartitionState& state = partitions.add("topic", 0, start_at(100));
  partitions.add_unfinished(state, 7, 60);  // as it was read
  partitions.add_unfinished(state, 8, 80);
  partitions.end_reading();
  EXPECT_EQ(commit_of(partitions), 80) << "offset 60 would hold every commit back";
  partitions.settled(8);
  EXPECT_EQ(commit_of(partitions), 100);
  partitions.check_integrity();
}

}  // namespace
}  // namespace mnema
