#include <utility>

#include "connectors/kafka/consumer.hpp"
#include "connectors/kafka/replay.hpp"

// The consumer's part in a replay: its partitions are released while the new epochs are written, and begin anew from
// what is on disk then.

namespace mnema {

void KafkaConsumer::replay(const ReplayRequest& request, ReplayDone done) {
  if (is_drained_ || is_stopped_) return done(fail(ErrorCode::kCancelled, "the source ends"));
  if (replay_) return done(fail_retryable(ErrorCode::kResourceExhausted, "a replay of this source is under way"));
  if (request.dry_run) {
    return parts_.blocking.post(
        [self = shared_from_this(), member = member_, all = partitions_.all(), request, done = std::move(done)] {
          done(replay_kafka(*member, self->options_.group, self->parts_.database, request, all));
        });
  }
  replay_ = Replay{request, std::move(done), false};
  // Nothing is sent until then, and what is full would keep us from reading the very events that we wait for.
  gathered_.reset();
  schedule_poll();
  advance_replay();
}

/// Begins when nothing is on its way: neither events with offsets of the epoch that ends, nor commits of them, which
/// would be taken for the new one's, nor positions of before.
void KafkaConsumer::advance_replay() {
  if (!replay_ || replay_->has_begun || is_unanswered_ || commit_is_out_ || revoked_ || !readings_.empty()) return;
  replay_->has_begun = true;
  on_its_way_.reset();
  is_stalled_ = false;
  apply_pause();
  const std::vector<KafkaPartitionName> all = partitions_.all();
  release(all);
  if (!all.empty()) read_positions(all, Duration{});  // which waits for us (read)
  parts_.blocking.post([self = shared_from_this(), member = member_, all, request = replay_->request] {
    Result<ReplayReport> report = replay_kafka(*member, self->options_.group, self->parts_.database, request, all);
    self->parts_.loop.post([self, report = std::move(report)] { self->replayed(report); });
  });
}

void KafkaConsumer::replayed(const Result<ReplayReport>& report) {
  const Replay ended = *std::exchange(replay_, std::nullopt);
  if (report.ok()) {
    for (const ReplayReport::Part& part : report->parts) add(kEpochs, part.events > 0 ? 1 : 0);
  }
  ended.done(report);
  for (const std::uint64_t reading : std::exchange(put_off_, {})) read(reading, Duration{});
  schedule_poll();
}

void KafkaConsumer::cancel_replay() {
  if (!replay_ || replay_->has_begun) return;
  std::exchange(replay_, std::nullopt)->done(fail(ErrorCode::kCancelled, "the source ends"));
}

}  // namespace mnema
