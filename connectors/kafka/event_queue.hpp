// connectors/kafka/event_queue.hpp
//
// A queue of librdkafka inside the loop: librdkafka writes one byte into a pipe when the queue stops being empty, the
// loop waits for the pipe, and the owner then polls the queue until nothing is left. No thread waits for it, and an
// idle one costs nothing.
//
// The byte comes once per change from empty to not empty: who stops polling early polls again by himself later.
//
// Threads:   confined to the loop thread; `open` before the loop runs, too.
// Ownership: owns the queue and the pipe; holds the client, which must outlive the queue.
#pragma once

#include <functional>
#include <memory>

#include "connectors/kafka/client.hpp"
#include "connectors/kafka/handles.hpp"
#include "runtime/base/result.hpp"
#include "runtime/exec/loop.hpp"

namespace mnema {

class KafkaEventQueue {
 public:
  /// `queue` is one of `client`'s that is forwarded nowhere. `on_ready` runs on the loop thread when there is something
  /// to poll, until this object goes. Errors: `kResourceExhausted` (no pipe).
  [[nodiscard]] static Result<std::unique_ptr<KafkaEventQueue>> open(Loop& loop, std::shared_ptr<KafkaClient> client,
                                                                     KafkaQueue queue, std::function<void()> on_ready);
  ~KafkaEventQueue();
  KafkaEventQueue(const KafkaEventQueue&) = delete;
  KafkaEventQueue& operator=(const KafkaEventQueue&) = delete;

  /// The next event, or null. Never waits.
  [[nodiscard]] KafkaEvent poll();
  [[nodiscard]] rd_kafka_queue_t* get() const { return queue_.get(); }
  [[nodiscard]] const std::shared_ptr<KafkaClient>& client() const { return client_; }

 private:
  struct Pipe;
  KafkaEventQueue(std::shared_ptr<KafkaClient> client, KafkaQueue queue);

  const std::shared_ptr<KafkaClient> client_;
  KafkaQueue queue_;
  std::shared_ptr<Pipe> pipe_;
};

}  // namespace mnema
