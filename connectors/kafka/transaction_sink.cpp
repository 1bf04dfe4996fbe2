#include "connectors/kafka/transaction_sink.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "connectors/kafka/event_queue.hpp"
#include "connectors/kafka/produce.hpp"
#include "connectors/kafka/transaction_store.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

constexpr int kStepMs = 200;              // of a wait that a stop ends
constexpr int kTransactionMsMin = 1'000;  // librdkafka's
constexpr Duration kOpenAgainAfter = std::chrono::seconds(1);

struct Waiting {
  OutboxMessage message;
  Executor* reply_to = nullptr;
  std::function<void(Status)> done;
  rd_kafka_resp_err_t report = RD_KAFKA_RESP_ERR_NO_ERROR;  // by the loop while its transaction runs

  void answer(const Status& status) {
    reply_to->post([done = std::move(done), status] { done(status); });
  }
};
using Batch = std::vector<std::unique_ptr<Waiting>>;

/// How a transaction ended.
enum class End {
  kCommitted,
  kAborted,  // certainly nothing of it is seen
  kUnknown,  // the broker is asked when the producer is opened anew
  kFenced
};

bool is_fencing(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
         code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

Error not_sent(const std::string& why) {
  Error error = fail_retryable(ErrorCode::kUnavailable, why);
  error.never_left = true;
  return error;
}

/// A producer and what it was told at its opening.
struct Opened {
  std::shared_ptr<KafkaClient> client;
  std::int64_t committed = 0;    // number of the last transaction that is seen; 0: none
  bool is_commit_known = false;  // false: the broker keeps no number
  kafka_transaction_store::Producer producer;
  std::vector<kafka_transaction_store::Begun> begun;
};

}  // namespace

class KafkaTransactionSink::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(KafkaSinkOptions given, const Parts& borrowed) : options_(std::move(given)), parts_(borrowed) {}

  // On the loop, as all that says nothing else.

  void add(std::unique_ptr<Waiting> waiting) {
    if (is_stopped_) return waiting->answer(stopping());
    if (is_fenced_) return waiting->answer(not_sent("another program writes under this one's transactional id"));
    waiting_.push_back(std::move(waiting));
    if (!client_) return open();
    if (is_running_ || is_due_) return;
    is_due_ = true;
    parts_.loop.post_after(std::chrono::milliseconds(options_.linger_ms), [self = shared_from_this()] {
      self->is_due_ = false;
      self->run_next();
    });
  }

  void stop() {
    if (std::exchange(is_stopped_, true)) return;
    is_ending_ = true;
    for (const auto& waiting : waiting_) waiting->answer(stopping());
    waiting_.clear();
    // What runs on is found out at the next start: for the outbox it was not tried.
    for (const auto& running : running_) running->answer(stopping());
    is_answered_ = true;
  }

  /// Reads delivery reports, for which a commit waits, too.
  void poll() {
    if (!queue_) return;
    while (const KafkaEvent event = queue_->poll()) {
      if (rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_DR) {
        static_cast<void>(client_->handle(event));
        continue;
      }
      while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event.get())) {
        static_cast<Waiting*>(message->_private)->report = message->err;
      }
    }
  }

  void let_go() {
    queue_.reset();
    // Its end waits for librdkafka's threads.
    parts_.client.blocking.post([client = std::exchange(client_, nullptr)] {});
  }

  [[nodiscard]] std::optional<std::string> problem() const {
    const std::scoped_lock lock(mutex_);
    return problem_;
  }
  [[nodiscard]] const KafkaSinkOptions& options() const { return options_; }
  [[nodiscard]] Loop& loop() const { return parts_.loop; }  // from any thread
  std::atomic<long long> written = 0, failed = 0, transactions = 0, recovered = 0;

 private:
  [[nodiscard]] int answer_ms() const { return parts_.client.limits.kafka_answer_ms; }
  static Error stopping() {
    Error error = fail(ErrorCode::kCancelled, "a delivery was cancelled: its sink stops");
    error.never_left = true;
    return error;
  }
  void set_problem(std::optional<std::string> problem) {
    const std::scoped_lock lock(mutex_);
    problem_ = std::move(problem);
  }

  // --- opening

  void open() {
    if (std::exchange(is_opening_, true)) return;
    parts_.database.write<Opened>(
        WritePriority::kForeground,
        [self = shared_from_this()](Transaction& transaction) -> Result<Opened> {
          const std::string& sink = self->options_.name;
          Opened stored;
          ASSIGN_OR_RETURN(stored.producer,
                           kafka_transaction_store::load_producer(transaction, sink, self->parts_.random));
          RETURN_IF_ERROR(kafka_transaction_store::forget_decided(transaction, sink));
          ASSIGN_OR_RETURN(stored.begun, kafka_transaction_store::load_begun(transaction, sink));
          return stored;
        },
        parts_.loop,
        [self = shared_from_this()](Result<Opened> stored) {
          if (!stored.ok()) return self->opened(stored.error());
          self->parts_.client.blocking.post([self, stored = std::move(*stored)] {
            Result<Opened> opened = self->open_producer(stored);
            self->parts_.loop.post([self, opened = std::move(opened)] { self->opened(opened); });
          });
        });
  }

  /// On `blocking`.
  Result<Opened> open_producer(Opened opened) {
    const std::string& id = opened.producer.id;
    KafkaClient::Settings settings = {
        {"transactional.id", id},
        {"linger.ms", std::to_string(options_.linger_ms)},
        {"transaction.timeout.ms", std::to_string(std::max(options_.timeout_ms, kTransactionMsMin))}};
    if (!options_.client.options.contains("partitioner")) settings["partitioner"] = "murmur2_random";
    ASSIGN_OR_RETURN(opened.client, KafkaClient::open(RD_KAFKA_PRODUCER, options_.name, options_.client, settings,
                                                      RD_KAFKA_EVENT_DR, parts_.client));
    // From here on the producer of another process, and what it had begun, is ended.
    rd_kafka_t* const producer = opened.client->get();
    if (const KafkaError error = resumed([&] { return rd_kafka_init_transactions(producer, kStepMs); }); error) {
      return not_sent("transactions cannot be begun: " + std::string(rd_kafka_error_string(error.get())));
    }
    KafkaClientOptions reading = options_.client;
    reading.options.clear();
    ASSIGN_OR_RETURN(const std::shared_ptr<KafkaClient> reader,
                     KafkaClient::open(RD_KAFKA_CONSUMER, options_.name + "-reader", reading,
                                       {{"group.id", id}, {"isolation.level", "read_committed"}}, 0, parts_.client));
    const KafkaPartitions list = token_of(0);
    if (const auto code = rd_kafka_committed(reader->get(), list.get(), answer_ms());
        code != RD_KAFKA_RESP_ERR_NO_ERROR || list->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return not_sent("the last committed transaction cannot be read: " + std::string(rd_kafka_err2str(code)));
    }
    opened.is_commit_known = list->elems[0].offset >= 0;
    opened.committed = std::max(opened.producer.committed, list->elems[0].offset);
    return opened;
  }

  /// On `blocking`. Calls that can be resumed are made in steps: a stop need not wait for a broker that is away.
  template <class Call>
  KafkaError resumed(const Call& call) const {
    for (int waited = 0;; waited += kStepMs) {
      KafkaError error(call());
      const bool goes_on = error && rd_kafka_error_is_retriable(error.get()) != 0;
      if (!goes_on || is_ending_ || waited >= answer_ms()) return error;
    }
  }

  [[nodiscard]] KafkaPartitions token_of(std::int64_t number) const {
    KafkaPartitions list = kafka_partitions(1);
    rd_kafka_topic_partition_list_add(list.get(), options_.topic.c_str(), 0)->offset = number;
    return list;
  }

  void opened(const Result<Opened>& result) {
    if (is_stopped_) return;
    if (!result.ok()) return open_later(result.error());
    // What is known now is written down before another transaction raises the committed number.
    parts_.database.write<void>(
        WritePriority::kForeground,
        [sink = options_.name, committed = result->committed,
         is_forgotten = is_forgotten(*result)](Transaction& transaction) -> Status {
          RETURN_IF_ERROR(is_forgotten ? kafka_transaction_store::mark_in_doubt(transaction, sink, committed)
                                       : kafka_transaction_store::forget_aborted(transaction, sink, committed));
          return kafka_transaction_store::forget_settled(transaction, sink, committed);
        },
        parts_.loop,
        [self = shared_from_this(), opened = *result](const Status& status) { self->resolved(opened, status); });
  }

  /// The broker kept a number once, and does not any more.
  static bool is_forgotten(const Opened& opened) { return !opened.is_commit_known && opened.producer.committed > 0; }

  void open_later(const Error& why) {
    is_opening_ = false;
    set_problem(why.message);
    log_warning("kafka", "a transactional sink cannot be opened for now",
                {{"sink", options_.name}, {"error", why.text()}});
    parts_.loop.post_after(kOpenAgainAfter, [self = shared_from_this()] {
      if (!self->is_stopped_) self->open();
    });
  }

  void resolved(const Opened& opened, const Status& status) {
    if (is_stopped_) return;
    if (!status.ok()) return open_later(status.error());
    Result<std::unique_ptr<KafkaEventQueue>> queue = listen(opened.client);
    if (!queue.ok()) return open_later(queue.error());
    is_opening_ = false;
    client_ = opened.client;
    id_ = opened.producer.id;
    committed_ = opened.committed;
    queue_ = std::move(*queue);
    set_problem(std::nullopt);
    number_ = opened.committed;
    seen_.clear();
    in_doubt_.clear();
    for (const auto& begun : opened.begun) {
      number_ = std::max(number_, begun.number);
      const bool is_committed = begun.number <= opened.committed && !begun.is_in_doubt;
      if (is_committed) seen_[begun.row] = begun.idempotency_key;
      if (begun.is_in_doubt || (!is_committed && is_forgotten(opened))) in_doubt_[begun.row] = begun.idempotency_key;
    }
    resolve_running(opened.committed);
    run_next();
  }

  Result<std::unique_ptr<KafkaEventQueue>> listen(const std::shared_ptr<KafkaClient>& client) {
    return KafkaEventQueue::open(parts_.loop, client, KafkaQueue(rd_kafka_queue_get_main(client->get())),
                                 [weak = weak_from_this()] {
                                   if (const auto self = weak.lock()) self->poll();
                                 });
  }

  /// A transaction whose outcome was unknown.
  void resolve_running(std::int64_t committed) {
    if (running_.empty()) return;
    finish(running_number_ <= committed ? End::kCommitted : End::kAborted);
  }

  // --- transactions

  void run_next() {
    if (!client_ || is_running_ || is_stopped_ || waiting_.empty()) return;
    const auto records_max = static_cast<std::size_t>(parts_.client.limits.kafka_transaction_records_max);
    while (!waiting_.empty() && running_.size() < records_max) {
      std::unique_ptr<Waiting> next = std::move(waiting_.front());
      waiting_.pop_front();
      if (is_one_of(seen_, *next)) {
        ++recovered;
        next->answer({});
      } else if (is_one_of(in_doubt_, *next)) {
        ++failed;
        in_doubt_.erase(next->message.row);  // redriven, it is a person's word
        next->answer(fail(ErrorCode::kInDoubt, "whether the record was written is not known any more",
                          "look for its idempotency key in the topic; redrive it if it is not there"));
      } else {
        running_.push_back(std::move(next));
      }
    }
    if (running_.empty()) return;
    is_running_ = true;
    is_answered_ = false;
    running_number_ = ++number_;
    std::vector<kafka_transaction_store::Begun> begun;
    for (const auto& waiting : running_) {
      begun.push_back({running_number_, waiting->message.row, waiting->message.idempotency_key});
    }
    parts_.database.write<void>(
        WritePriority::kForeground,
        [sink = options_.name, begun = std::move(begun), committed = committed_](Transaction& t) -> Status {
          RETURN_IF_ERROR(kafka_transaction_store::note_committed(t, sink, committed));
          RETURN_IF_ERROR(kafka_transaction_store::forget_aborted(t, sink, committed));
          RETURN_IF_ERROR(kafka_transaction_store::forget_settled(t, sink, committed));
          return kafka_transaction_store::begin(t, sink, begun);
        },
        parts_.loop,
        [self = shared_from_this()](const Status& status) {
          if (!status.ok()) return self->finish(End::kAborted);
          self->parts_.client.blocking.post([self, client = self->client_] {
            const End end = self->transact(*client);
            self->parts_.loop.post([self, end] { self->ended(end); });
          });
        });
  }

  static bool is_one_of(const std::map<std::int64_t, std::string>& rows, const Waiting& waiting) {
    const auto found = rows.find(waiting.message.row);
    return found != rows.end() && found->second == waiting.message.idempotency_key;
  }

  /// On `blocking`. `running_` is left alone by the loop meanwhile, except its reports.
  End transact(KafkaClient& client) {
    rd_kafka_t* producer = client.get();
    if (const KafkaError error(rd_kafka_begin_transaction(producer)); error) return end_of(producer, error, false);
    for (const auto& waiting : running_) {
      const Status queued = produce_to_kafka(producer, options_.topic, waiting->message, waiting.get());
      if (queued.ok()) continue;
      if (!queued.error().retryable) waiting->report = RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
      return abort(producer);
    }
    const std::unique_ptr<rd_kafka_consumer_group_metadata_t, KafkaDestroy<rd_kafka_consumer_group_metadata_destroy>>
        group(rd_kafka_consumer_group_metadata_new(id_.c_str()));
    const KafkaPartitions token = token_of(running_number_);
    if (const KafkaError error(rd_kafka_send_offsets_to_transaction(producer, token.get(), group.get(), answer_ms()));
        error) {
      return end_of(producer, error, true);
    }
    const KafkaError error = resumed([&] { return rd_kafka_commit_transaction(producer, kStepMs); });
    return error ? end_of(producer, error, false) : End::kCommitted;
  }

  /// `may_abort`: nothing was committed yet, whatever the error says.
  End end_of(rd_kafka_t* producer, const KafkaError& error, bool may_abort) const {
    if (is_fencing(rd_kafka_error_code(error.get()))) return End::kFenced;
    if (rd_kafka_error_is_fatal(error.get()) != 0) return is_fatally_fenced(producer) ? End::kFenced : End::kUnknown;
    if (rd_kafka_error_txn_requires_abort(error.get()) != 0 || may_abort) return abort(producer);
    return End::kUnknown;
  }

  static bool is_fatally_fenced(rd_kafka_t* producer) {
    char text[256];
    return is_fencing(rd_kafka_fatal_error(producer, text, sizeof text));
  }

  End abort(rd_kafka_t* producer) const {
    const KafkaError error(rd_kafka_abort_transaction(producer, answer_ms()));
    if (!error) return End::kAborted;
    return is_fencing(rd_kafka_error_code(error.get())) || is_fatally_fenced(producer) ? End::kFenced : End::kUnknown;
  }

  void ended(End end) {
    poll();  // the reports that are there
    if (end == End::kFenced) {
      is_fenced_ = true;
      set_problem("another program writes under the transactional id " + id_ + "; this one is fenced");
      log_error("kafka", "a sink is fenced: another program writes under its transactional id",
                {{"sink", options_.name}, {"id", id_}, {"hint", "one program per data folder; start this one again"}});
      let_go();  // with the reports that may still come
      return finish(End::kAborted);
    }
    if (end == End::kUnknown) {
      // The next producer is told. Until then the messages wait here: nothing overtakes them.
      log_warning("kafka", "the outcome of a transaction is asked for again", {{"sink", options_.name}});
      let_go();
      if (!is_stopped_) open();
      return;
    }
    finish(end);
  }

  void finish(End end) {
    is_running_ = false;
    ++transactions;
    if (end == End::kCommitted) committed_ = running_number_;
    // One record that can never be written is no reason for the others.
    const bool has_culprit = std::any_of(running_.begin(), running_.end(), [](const auto& waiting) {
      const Status status = status_of_delivery(waiting->report, true);
      return !status.ok() && status.error().code == ErrorCode::kInvalidArgument;
    });
    for (const auto& waiting : std::exchange(running_, {})) {
      if (is_answered_) continue;
      Status status;
      if (end != End::kCommitted) {
        status = not_sent("the transaction was aborted");
        const Status own = status_of_delivery(waiting->report, true);
        if (has_culprit && !own.ok() && own.error().code == ErrorCode::kInvalidArgument) status = own;
      }
      ++(status.ok() ? written : failed);
      waiting->answer(status);
    }
    if (is_fenced_) {
      for (const auto& waiting : std::exchange(waiting_, {})) {
        waiting->answer(not_sent("another program writes under this one's transactional id"));
      }
    }
    run_next();
  }

  const KafkaSinkOptions options_;
  const Parts parts_;
  std::shared_ptr<KafkaClient> client_;  // null: to be opened
  std::unique_ptr<KafkaEventQueue> queue_;
  std::string id_;
  std::deque<std::unique_ptr<Waiting>> waiting_;
  Batch running_;  // before `transact` and after it the loop's
  std::int64_t running_number_ = 0;
  std::int64_t number_ = 0;                   // of the last transaction
  std::int64_t committed_ = 0;                // of the last one that is certainly committed
  std::map<std::int64_t, std::string> seen_;  // outbox rows of the last process that are in Kafka already
  std::map<std::int64_t, std::string> in_doubt_;
  bool is_opening_ = false;
  bool is_running_ = false;
  bool is_answered_ = false;  // those that run were, because of a stop
  bool is_due_ = false;
  bool is_fenced_ = false;
  bool is_stopped_ = false;
  std::atomic<bool> is_ending_ = false;  // `is_stopped_`, for `blocking`
  mutable std::mutex mutex_;             // guards problem_
  std::optional<std::string> problem_;
};

KafkaTransactionSink::KafkaTransactionSink(KafkaSinkOptions options, const Parts& parts)
    : core_(std::make_shared<Core>(std::move(options), parts)) {}

KafkaTransactionSink::~KafkaTransactionSink() { stop(); }

void KafkaTransactionSink::deliver(OutboxMessage message, Executor& reply_to, std::function<void(Status)> done) {
  if (const Status keyed = key_for_kafka(core_->options().record_key, message); !keyed.ok()) {
    ++core_->failed;
    return reply_to.post([done = std::move(done), keyed] { done(keyed); });
  }
  auto waiting = std::make_shared<std::unique_ptr<Waiting>>(
      std::make_unique<Waiting>(Waiting{std::move(message), &reply_to, std::move(done)}));
  core_->loop().post([core = core_, waiting] { core->add(std::move(*waiting)); });
}

void KafkaTransactionSink::stop() {
  core_->loop().post([core = core_] { core->stop(); });
}

std::optional<std::string> KafkaTransactionSink::problem() const { return core_->problem(); }

void KafkaTransactionSink::report(MetricsReport& metrics) const {
  const auto records = [&](const char* result, long long count) {
    metrics.counter("mnema_kafka_written_total", "Records of Kafka sinks by what became of them",
                    static_cast<double>(count), {{"sink", core_->options().name}, {"result", result}});
  };
  records("written", core_->written);
  records("failed", core_->failed);
  records("known", core_->recovered);
  metrics.counter("mnema_kafka_transactions_total", "Transactions of Kafka sinks",
                  static_cast<double>(core_->transactions), {{"sink", core_->options().name}});
}

}  // namespace mnema
