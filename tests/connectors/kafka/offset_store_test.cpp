#include "connectors/kafka/offset_store.hpp"

#include <gtest/gtest.h>

#include "runtime/events/mailbox_store.hpp"
#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using kafka_offset_store::Unfinished;
using testing::event_of;

class KafkaOffsetStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fixture
                    .write<void>([](Transaction& t) -> Status {
                      return t.connection().execute(kafka_offset_store::migrations().front().sql);
                    })
                    .ok());
  }
  void add(std::int64_t epoch, const std::vector<Unfinished>& events) {
    ASSERT_TRUE(
        fixture.write<void>([&](Transaction& t) { return kafka_offset_store::add_unfinished(t, name, epoch, events); })
            .ok());
  }
  [[nodiscard]] std::vector<std::int64_t> unfinished(std::int64_t epoch) {
    const auto read = fixture.runtime->database().read<std::vector<Unfinished>>(
        [&](Transaction& t) { return kafka_offset_store::load_unfinished(t, name, epoch); });
    CHECK(read.ok(), "the table is read");
    std::vector<std::int64_t> offsets;
    for (const Unfinished& event : *read) offsets.push_back(event.offset);
    return offsets;
  }

  testing::RuntimeFixture fixture;
  const kafka_offset_store::PartitionName name{"cluster", "group", "topic", 0};
};

TEST_F(KafkaOffsetStoreTest, KeepsTheUnfinishedEventsOfEpochsApart) {
  const Sequence old = fixture.accept(event_of("old"))->sequence;
  const Sequence same = fixture.accept(event_of("same"))->sequence;
  const Sequence first = fixture.accept(event_of("first"))->sequence;
  const Sequence second = fixture.accept(event_of("second"))->sequence;
  add(1, {{old, 5'000}, {same, 7}});
  add(2, {{first, 7}, {second, 8}});
  EXPECT_EQ(unfinished(1), (std::vector<std::int64_t>{7, 5'000}))
      << "an equal offset of another epoch is another event";
  EXPECT_EQ(unfinished(2), (std::vector<std::int64_t>{7, 8})) << "offset 5000 would be committed with nothing handled";
  ASSERT_TRUE(
      fixture.write<void>([&](Transaction& t) { return kafka_offset_store::remove_finished(t, name, 2, 8); }).ok());
  EXPECT_EQ(unfinished(2), std::vector<std::int64_t>{8});
  EXPECT_TRUE(unfinished(1).empty()) << "nobody needs an earlier epoch's any more";
}

TEST_F(KafkaOffsetStoreTest, CountsWhatSharesADeadBatchAsFinished) {
  std::vector<Sequence> events;
  for (const char* id : {"head", "joined", "living head", "joined it", "alone"}) {
    events.push_back(fixture.accept(event_of(id))->sequence);
  }
  for (std::size_t i = 0; i < events.size(); ++i) add(1, {{events[i], static_cast<std::int64_t>(10 + i)}});
  ASSERT_TRUE(fixture
                  .write<void>([&](Transaction& t) -> Status {
                    RETURN_IF_ERROR(mailbox_store::join_batch(t, events[0], {events[1]}));
                    RETURN_IF_ERROR(mailbox_store::join_batch(t, events[2], {events[3]}));
                    RETURN_IF_ERROR(mailbox_store::lease(t, {events[0], 1, 0}));
                    return mailbox_store::dead_letter(t, {events[0], 1, 0}, fixture.simulation.clock().now());
                  })
                  .ok());
  EXPECT_EQ(unfinished(1), (std::vector<std::int64_t>{12, 13, 14})) << "a dead letter holds no commit back";
}

}  // namespace
}  // namespace mnema
