#include "connectors/kafka/event_queue.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

namespace mnema {

/// Its waiting callback holds it, so that it may go while the loop still waits.
struct KafkaEventQueue::Pipe : std::enable_shared_from_this<Pipe> {
  Pipe(Loop& loop, int read_end, int write_end, std::function<void()> ready)
      : reading(loop.io_context(), read_end), writing(write_end), on_ready(std::move(ready)) {}
  ~Pipe() { ::close(writing); }

  void wait() {
    reading.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](const boost::system::error_code& error) {
                         if (error || !self->on_ready) return;
                         char bytes[64];
                         while (::read(self->reading.native_handle(), bytes, sizeof bytes) > 0) {
                         }
                         self->wait();
                         // A copy: it may end us.
                         const std::function<void()> ready = self->on_ready;
                         ready();
                       });
  }

  boost::asio::posix::stream_descriptor reading;
  const int writing;  // librdkafka's; it must not block, or its threads would
  std::function<void()> on_ready;
};

KafkaEventQueue::KafkaEventQueue(std::shared_ptr<KafkaClient> client, KafkaQueue queue)
    : client_(std::move(client)), queue_(std::move(queue)) {}

Result<std::unique_ptr<KafkaEventQueue>> KafkaEventQueue::open(Loop& loop, std::shared_ptr<KafkaClient> client,
                                                               KafkaQueue queue, std::function<void()> on_ready) {
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) {
    return fail_retryable(ErrorCode::kResourceExhausted, std::string("no pipe can be made: ") + std::strerror(errno));
  }
  std::unique_ptr<KafkaEventQueue> self(new KafkaEventQueue(std::move(client), std::move(queue)));
  self->pipe_ = std::make_shared<Pipe>(loop, ends[0], ends[1], std::move(on_ready));
  self->pipe_->wait();
  rd_kafka_queue_io_event_enable(self->queue_.get(), ends[1], "1", 1);
  return self;
}

KafkaEventQueue::~KafkaEventQueue() {
  if (!pipe_) return;
  rd_kafka_queue_io_event_enable(queue_.get(), -1, nullptr, 0);
  pipe_->on_ready = nullptr;
  boost::system::error_code ignored;
  pipe_->reading.cancel(ignored);
}

KafkaEvent KafkaEventQueue::poll() { return KafkaEvent(rd_kafka_queue_poll(queue_.get(), 0)); }

}  // namespace mnema
