#include "connectors/kafka/sink.hpp"

#include <utility>
#include <vector>

#include "connectors/kafka/produce.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

constexpr int kReopenAfterMs = 1'000;
constexpr int kLastReportSteps = 20;
constexpr int kLastReportStepMs = 10;

/// What a delivery report is answered with: librdkafka's opaque pointer, owned by it from `producev` to the report.
struct Pending {
  Executor& reply_to;
  std::function<void(Status)> done;

  void answer(const Status& status) {
    reply_to.post([done = std::move(done), status] { done(status); });
  }
};

KafkaClient::Settings settings_of(const KafkaSinkOptions& options) {
  KafkaClient::Settings settings = {{"enable.idempotence", "true"},
                                    {"linger.ms", std::to_string(options.linger_ms)},
                                    {"message.timeout.ms", std::to_string(options.timeout_ms)}};
  // As Java's clients place keys, so that others who write the topic agree.
  if (!options.client.options.contains("partitioner")) settings["partitioner"] = "murmur2_random";
  return settings;
}

}  // namespace

struct KafkaSink::Shared : std::enable_shared_from_this<Shared> {
  Shared(KafkaSinkOptions given, Loop& lent, const KafkaClient::Parts& borrowed)
      : options(std::move(given)), loop(lent), parts(borrowed) {}

  /// Reads secrets: not on the loop while it runs.
  Result<std::shared_ptr<KafkaClient>> open_client() const {
    return KafkaClient::open(RD_KAFKA_PRODUCER, options.name, options.client, settings_of(options), RD_KAFKA_EVENT_DR,
                             parts);
  }

  /// On the loop, or before it runs.
  Status use(std::shared_ptr<KafkaClient> opened) {
    ASSIGN_OR_RETURN(std::unique_ptr<KafkaEventQueue> events,
                     KafkaEventQueue::open(loop, opened, KafkaQueue(rd_kafka_queue_get_main(opened->get())),
                                           [weak = weak_from_this()] {
                                             if (const auto self = weak.lock()) self->poll();
                                           }));
    queue = std::move(events);
    const std::scoped_lock lock(mutex);
    client = std::move(opened);
    return {};
  }

  /// On the loop.
  void poll() {
    if (queue) read_reports(*queue);
    std::erase_if(retired, [this](std::unique_ptr<KafkaEventQueue>& of) {
      read_reports(*of);
      if (rd_kafka_outq_len(of->client()->get()) > 0) return false;
      // Its end waits for librdkafka's threads.
      std::shared_ptr<KafkaClient> ends = of->client();
      of.reset();
      parts.blocking.post([ends = std::move(ends)] {});
      return true;
    });
  }

  void read_reports(KafkaEventQueue& of) {
    while (const KafkaEvent event = of.poll()) handle(event, *of.client());
  }

  void handle(const KafkaEvent& event, KafkaClient& from) {
    if (!event) return;
    if (rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_DR) return static_cast<void>(from.handle(event));
    while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event.get())) {
      const std::unique_ptr<Pending> pending(static_cast<Pending*>(message->_private));
      const bool is_not_written = rd_kafka_message_status(message) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
      const Status status = status_of(message->err, is_not_written);
      ++(status.ok() ? written : failed);
      if (status.ok()) from.note_working();
      pending->answer(status);
    }
  }

  /// librdkafka, or `reopened`, also purges what waits in a producer that cannot go on: that is to be sent again.
  Status status_of(rd_kafka_resp_err_t code, bool is_not_written) const {
    const bool is_purged = code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    if (!is_purged || is_stopped()) return status_of_delivery(code, is_not_written);
    Error error = fail_retryable(ErrorCode::kUnavailable, "a record was not written: its producer could not go on");
    error.never_left = is_not_written;
    return error;
  }

  bool is_stopped() const {
    const std::scoped_lock lock(mutex);
    return stopped;
  }

  /// An idempotent producer that cannot go on is given up for a new one.
  void reopen() {
    if (is_reopening.exchange(true)) return;
    parts.blocking.post([self = shared_from_this()] {
      Result<std::shared_ptr<KafkaClient>> opened = self->open_client();
      self->loop.post([self, opened = std::move(opened)]() mutable { self->reopened(std::move(opened)); });
    });
  }

  void reopened(Result<std::shared_ptr<KafkaClient>> opened) {
    is_reopening = false;
    if (is_stopped()) return parts.blocking.post([unused = std::move(opened)] {});
    std::unique_ptr<KafkaEventQueue> old = std::move(queue);
    if (const Status used = opened.ok() ? use(std::move(*opened)) : Status(opened.error()); !used.ok()) {
      queue = std::move(old);
      return log_warning("kafka", "a sink cannot be opened again",
                         {{"sink", options.name}, {"error", used.error().text()}});
    }
    purge(old->client()->get());
    retired.push_back(std::move(old));
    poll();
  }

  static void purge(rd_kafka_t* of) {
    rd_kafka_purge(of, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
  }

  const KafkaSinkOptions options;
  Loop& loop;
  const KafkaClient::Parts parts;
  std::atomic<long long> written = 0;
  std::atomic<long long> failed = 0;
  std::atomic<bool> is_reopening = false;
  std::unique_ptr<KafkaEventQueue> queue;                 // of `client`; the loop's
  std::vector<std::unique_ptr<KafkaEventQueue>> retired;  // of earlier ones with reports to come; the loop's
  mutable std::mutex mutex;  // guards all below; held while a record is queued, so that none is after `stop`
  std::shared_ptr<KafkaClient> client;
  bool stopped = false;
};

KafkaSink::KafkaSink(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

Result<std::unique_ptr<KafkaSink>> KafkaSink::open(KafkaSinkOptions options, Loop& loop,
                                                   const KafkaClient::Parts& parts) {
  auto shared = std::make_shared<Shared>(std::move(options), loop, parts);
  ASSIGN_OR_RETURN(std::shared_ptr<KafkaClient> client, shared->open_client());
  RETURN_IF_ERROR(shared->use(std::move(client)));
  return std::unique_ptr<KafkaSink>(new KafkaSink(std::move(shared)));
}

KafkaSink::~KafkaSink() {
  stop();
  // The loop has ended: the reports of what was purged are read here.
  std::vector<std::unique_ptr<KafkaEventQueue>> queues = std::exchange(shared_->retired, {});
  queues.push_back(std::move(shared_->queue));
  for (const auto& queue : queues) {
    rd_kafka_t* const client = queue->client()->get();
    for (int step = 0; step < kLastReportSteps && rd_kafka_outq_len(client) > 0; ++step) {
      shared_->handle(KafkaEvent(rd_kafka_queue_poll(queue->get(), kLastReportStepMs)), *queue->client());
    }
  }
  queues.clear();
  std::unique_lock lock(shared_->mutex);
  const std::shared_ptr<KafkaClient> ends = std::move(shared_->client);
  lock.unlock();
}

void KafkaSink::deliver(OutboxMessage message, Executor& reply_to, std::function<void(Status)> done) {
  auto pending = std::make_unique<Pending>(Pending{reply_to, std::move(done)});
  if (const Status keyed = key_for_kafka(shared_->options.record_key, message); !keyed.ok()) {
    ++shared_->failed;
    return pending->answer(keyed);
  }
  std::unique_lock lock(shared_->mutex);
  if (shared_->stopped) {
    Error error = fail(ErrorCode::kCancelled, "a delivery was cancelled: its sink stops");
    error.never_left = true;
    return pending->answer(error);
  }
  if (shared_->client->is_fatal()) {
    lock.unlock();
    shared_->reopen();
    Error error =
        fail_retryable(ErrorCode::kUnavailable, "the producer cannot go on and is opened again", {}, kReopenAfterMs);
    error.never_left = true;
    return pending->answer(error);
  }
  shared_->client->retry_login();
  const Status queued = produce_to_kafka(shared_->client->get(), shared_->options.topic, message, pending.get());
  if (queued.ok()) {
    static_cast<void>(pending.release());  // its report's
    return;
  }
  lock.unlock();
  ++shared_->failed;
  pending->answer(queued);
}

void KafkaSink::stop() {
  const std::scoped_lock lock(shared_->mutex);
  if (std::exchange(shared_->stopped, true)) return;
  Shared::purge(shared_->client->get());
}

std::optional<std::string> KafkaSink::problem() const {
  const std::scoped_lock lock(shared_->mutex);
  return shared_->client ? shared_->client->problem() : std::nullopt;
}

void KafkaSink::report(MetricsReport& metrics) const {
  const auto records = [&](const char* result, long long count) {
    metrics.counter("mnema_kafka_written_total", "Records of Kafka sinks by what became of them",
                    static_cast<double>(count), {{"sink", shared_->options.name}, {"result", result}});
  };
  records("written", shared_->written);
  records("failed", shared_->failed);
}

}  // namespace mnema
