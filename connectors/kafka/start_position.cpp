#include "connectors/kafka/start_position.hpp"

#include <algorithm>

namespace mnema {
namespace {

KafkaStart new_epoch(const KafkaStored& stored, std::int64_t offset, std::string alarm) {
  KafkaStart start;
  start.epoch = stored.epoch + 1;
  start.offset = offset;
  start.alarm = std::move(alarm);
  return start;
}

/// What the group has committed is no offset of the new epoch.
KafkaStart new_epoch_behind(const KafkaStored& stored, std::int64_t committed, std::int64_t offset, std::string alarm) {
  KafkaStart start = new_epoch(stored, offset, std::move(alarm));
  start.unmarked_commit = committed >= 0 ? committed : stored.unmarked_commit;
  return start;
}

}  // namespace

KafkaStart start_of(const KafkaStored& stored, const KafkaCommitted& committed) {
  KafkaStart start;
  const bool is_passed_over = stored.unmarked_commit >= 0 && committed.offset == stored.unmarked_commit;
  if (committed.is_marked && !is_passed_over) start.committed = committed.offset;
  if (stored.epoch == 0) {
    start.offset = committed.offset;
    if (!committed.is_marked) start.unmarked_commit = committed.offset;
    return start;
  }
  start.epoch = stored.epoch;
  start.stored_next = stored.next;
  start.unmarked_commit = stored.unmarked_commit;
  const bool is_reset = committed.offset >= 0 && !committed.is_marked && committed.offset != stored.next &&
                        committed.offset != stored.unmarked_commit;
  if (is_reset) {
    KafkaStart reset = new_epoch(
        stored, committed.offset,
        "the group's offset was set from " + std::to_string(stored.next) + " to " + std::to_string(committed.offset));
    reset.unmarked_commit = committed.offset;
    return reset;
  }
  start.offset = is_passed_over ? stored.next : std::max(stored.next, committed.offset);
  if (start.offset == stored.next && stored.next > 0) start.digest = stored.digest;
  return start;
}

KafkaRestart restart_of(const KafkaStored& stored, std::int64_t committed, std::int64_t low, std::int64_t high) {
  KafkaRestart restart;
  if (stored.next > high) {
    restart.start = new_epoch_behind(stored, committed, low,
                                     "the partition ends at " + std::to_string(high) + ", before our offset " +
                                         std::to_string(stored.next) + ": the topic was created anew, or lost records");
    return restart;
  }
  restart.start.epoch = std::max<std::int64_t>(stored.epoch, 1);
  restart.start.stored_next = stored.next;
  restart.start.unmarked_commit = stored.unmarked_commit;
  restart.start.offset = std::max(low, stored.next);
  // The partition may have been shorter when it was fetched, and has grown past our offset since.
  if (stored.next > low) restart.start.digest = stored.digest;
  if (committed <= high) restart.start.committed = committed;
  restart.skipped = stored.next < 0 ? 0 : restart.start.offset - stored.next;
  return restart;
}

KafkaStart restart_of_new_topic(const KafkaStored& stored, std::int64_t committed) {
  return new_epoch_behind(stored, committed, 0,
                          "the record before our offset " + std::to_string(stored.next) +
                              " is another one than it was: the topic was created anew");
}

KafkaStart restart_of_replay(const KafkaStored& stored, std::int64_t committed, std::int64_t offset, std::string why) {
  KafkaStart start = new_epoch_behind(stored, committed, offset, std::move(why));
  start.stored_next = offset;  // its row is written before it begins
  return start;
}

}  // namespace mnema
