#include "connectors/rabbitmq/sink.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "connectors/rabbitmq/publication.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/utf8.hpp"
#include "runtime/events/key_template.hpp"

namespace mnema {
namespace {

constexpr std::size_t kLeaveAtOnce = 64;                  // so many wait for no others
constexpr Duration kLookAgain = std::chrono::seconds(1);  // for what has waited too long; a tenth of its time at most
constexpr std::size_t kReturnedBodyBytes = 0;             // what comes back is known here

Error cancelled(bool never_left) {
  Error error = fail(ErrorCode::kCancelled, "a delivery was cancelled: its sink stops");
  error.never_left = never_left;
  return error;
}

}  // namespace

struct RabbitmqSink::Shared : RabbitmqLink::User, std::enable_shared_from_this<Shared> {
  struct Pending {
    OutboxMessage message;
    std::string routing_key;
    std::string message_id;
    Executor* reply_to = nullptr;
    std::function<void(Status)> done;
    MonotonicTime until{};
    std::uint64_t tag = 0;
    std::optional<Error> returned;  // no queue has taken it

    void answer(const Status& status) {
      reply_to->post([done = std::move(done), status] { done(status); });
    }
  };

  Shared(RabbitmqSinkOptions given, const RabbitmqClientParts& borrowed)
      : options(std::move(given)),
        parts(borrowed),
        link(std::make_shared<RabbitmqLink>(options.name, options.client, kReturnedBodyBytes, borrowed)) {}

  // --- any thread

  void deliver(OutboxMessage message, Executor& reply_to, std::function<void(Status)> done) {
    Pending pending;
    pending.message = std::move(message);
    pending.reply_to = &reply_to;
    pending.done = std::move(done);
    if (const Status made = prepare(pending); !made.ok()) {
      ++failed;
      return pending.answer(made);
    }
    bool is_first = false;
    bool is_many = false;
    {
      const std::scoped_lock lock(mutex);
      if (stopped) return pending.answer(cancelled(true));
      // Without a connection it does not wait here, where its tenant's messages to others would wait behind it.
      if (link->is_away()) return answer_unsent(pending, link->problem().value_or("there is no connection"));
      pending.until = parts.clock.monotonic_now() + std::chrono::milliseconds(options.timeout_ms);
      waiting.push_back(std::move(pending));
      is_first = waiting.size() == 1;
      is_many = waiting.size() == kLeaveAtOnce;
    }
    const auto leave = [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->publish_waiting();
    };
    if (is_first) parts.loop.post_after(std::chrono::milliseconds(options.linger_ms), leave);
    if (is_many) parts.loop.post(leave);
  }

  void answer_unsent(Pending& pending, const std::string& why) {
    ++failed;
    Error error = fail_retryable(ErrorCode::kUnavailable, "a message has not left: " + why);
    error.never_left = true;
    pending.answer(error);
  }

  Status prepare(Pending& pending) const {
    const auto bytes = static_cast<std::int64_t>(pending.message.body.size());
    if (bytes > options.message_bytes_max) {
      return fail(ErrorCode::kInvalidArgument, "the message has " + std::to_string(bytes) + " bytes",
                  "at most " + std::to_string(options.message_bytes_max) + " are sent (message_bytes_max)");
    }
    ASSIGN_OR_RETURN(pending.routing_key, routing_key_of(options.routing_key, pending.message));
    pending.message_id = message_id_of(pending.message);
    return {};
  }

  void stop() {
    std::deque<Pending> never_left;
    {
      const std::scoped_lock lock(mutex);
      if (std::exchange(stopped, true)) return;
      never_left.swap(waiting);
    }
    for (Pending& pending : never_left) pending.answer(cancelled(true));
    parts.loop.post([self = shared_from_this()] {
      self->link->close();
      self->is_ready = false;
      self->answer_unconfirmed(cancelled(false));
    });
  }

  // --- the loop

  void on_open(RabbitmqConnection& connection) override {
    next_tag = 1;
    is_blocked = false;
    if (!options.exchange.empty()) {
      amqp_exchange_declare_t exchange{};
      exchange.exchange = amqp_bytes(options.exchange);
      exchange.type = amqp_cstring_bytes("direct");  // not looked at
      exchange.passive = 1;
      connection.send(AMQP_EXCHANGE_DECLARE_METHOD, exchange);
    }
    connection.send(AMQP_CONFIRM_SELECT_METHOD, amqp_confirm_select_t{});
  }

  void on_method(const AmqpMethod& method) override {
    switch (method.number) {
      case AMQP_CONFIRM_SELECT_OK_METHOD:
        is_ready = true;
        link->note_working();
        log_info("rabbitmq", "an exchange is written to", {{"sink", options.name}, {"exchange", options.exchange}});
        return publish_waiting();
      case AMQP_BASIC_ACK_METHOD: {
        const auto& ack = method.as<amqp_basic_ack_t>();
        return confirmed(ack.delivery_tag, ack.multiple != 0, Status());
      }
      case AMQP_BASIC_NACK_METHOD: {
        const auto& nack = method.as<amqp_basic_nack_t>();
        return confirmed(nack.delivery_tag, nack.multiple != 0,
                         fail_retryable(ErrorCode::kUnavailable, "RabbitMQ does not take a message",
                                        "a queue of it is full (x-overflow = reject-publish), or a node has failed"));
      }
      case AMQP_CONNECTION_BLOCKED_METHOD:
        is_blocked = true;
        return link->set_problem("RabbitMQ takes no messages for now: " +
                                 to_utf8(text_of(method.as<amqp_connection_blocked_t>().reason)));
      case AMQP_CONNECTION_UNBLOCKED_METHOD:
        is_blocked = false;
        link->note_working();
        return publish_waiting();
      default:
        return;
    }
  }

  /// Comes before its confirmation.
  void on_content(RabbitmqContent content) override {
    if (!content.is_return || !content.properties.ok()) return;
    const auto of = std::find_if(unconfirmed.begin(), unconfirmed.end(), [&](const Pending& pending) {
      return !pending.returned && pending.message_id == content.properties->message_id;
    });
    if (of == unconfirmed.end()) return;
    of->returned = fail_retryable(ErrorCode::kNotFound,
                                  "no queue takes the message: " + std::to_string(content.reply_code) + " " +
                                      to_utf8(content.reply_text) + ", exchange '" + options.exchange +
                                      "', routing key '" + of->routing_key + "'",
                                  "bind a queue, or correct exchange and routing_key");
    link->set_problem(of->returned->text());
  }

  void on_read_end() override {}

  void on_closed(const Error& why) override {
    is_ready = false;
    std::deque<Pending> never_left;
    {
      const std::scoped_lock lock(mutex);
      never_left.swap(waiting);
    }
    for (Pending& pending : never_left) answer_unsent(pending, why.text());
    answer_unconfirmed(fail_retryable(
        ErrorCode::kUnavailable, "a message was not confirmed, and may be there or not: " + why.message, why.hint));
  }

  void answer_unconfirmed(const Error& why) {
    for (Pending& pending : std::exchange(unconfirmed, {})) {
      ++failed;
      pending.answer(why);
    }
  }

  void publish_waiting() {
    look_for_late();
    RabbitmqConnection* const connection = link->connection();
    if (!is_ready || is_blocked || connection == nullptr) return;
    const auto unconfirmed_max = static_cast<std::size_t>(parts.limits.rabbitmq_unconfirmed_max);
    const auto unsent_bytes_max = static_cast<std::size_t>(parts.limits.rabbitmq_unsent_bytes_max);
    while (unconfirmed.size() < unconfirmed_max && connection->unsent_bytes() < unsent_bytes_max) {
      std::optional<Pending> next = take_waiting();
      if (!next) return;
      const Status sent =
          publish_message(*connection, options.exchange, next->routing_key, next->message_id, next->message);
      if (!sent.ok()) {
        ++failed;
        next->answer(sent);
        continue;
      }
      next->tag = next_tag++;
      next->message.body.clear();
      next->message.body.shrink_to_fit();
      unconfirmed.push_back(std::move(*next));
    }
  }

  std::optional<Pending> take_waiting() {
    const std::scoped_lock lock(mutex);
    if (waiting.empty()) return std::nullopt;
    Pending first = std::move(waiting.front());
    waiting.pop_front();
    return first;
  }

  void confirmed(std::uint64_t tag, bool and_all_before, const Status& status) {
    const auto first = and_all_before ? unconfirmed.begin()
                                      : std::find_if(unconfirmed.begin(), unconfirmed.end(),
                                                     [tag](const Pending& pending) { return pending.tag == tag; });
    auto last = first;
    bool is_one_written = false;
    for (; last != unconfirmed.end() && last->tag <= tag; ++last) {
      const Status own = status.ok() && last->returned ? Status(*last->returned) : status;
      ++(own.ok() ? written : failed);
      is_one_written |= own.ok();
      last->answer(own);
    }
    unconfirmed.erase(first, last);
    if (is_one_written && !is_blocked) link->note_working();  // blocked, it still confirms what it had
    publish_waiting();
  }

  /// What has waited too long without a connection has never left; what is not confirmed ends the connection.
  void look_for_late() {
    const MonotonicTime now = parts.clock.monotonic_now();
    std::vector<Pending> late;
    {
      const std::scoped_lock lock(mutex);
      while (!waiting.empty() && waiting.front().until <= now) {
        late.push_back(std::move(waiting.front()));
        waiting.pop_front();
      }
      const bool has_any = !waiting.empty() || !unconfirmed.empty();
      if (has_any && !std::exchange(is_looking, true)) look_again();
    }
    for (Pending& pending : late) answer_unsent(pending, link->problem().value_or("RabbitMQ does not keep up"));
    if (unconfirmed.empty() || unconfirmed.front().until > now) return;
    if (RabbitmqConnection* const connection = link->connection()) {
      connection->fail_with(fail_retryable(
          ErrorCode::kDeadlineExceeded, "it was not confirmed within " + std::to_string(options.timeout_ms) + " ms"));
    }
  }

  void look_again() {
    const Duration wait = std::min<Duration>(kLookAgain, std::chrono::milliseconds(options.timeout_ms) / 10);
    parts.loop.post_after(wait, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->is_looking = false;
      self->look_for_late();
    });
  }

  const RabbitmqSinkOptions options;
  const RabbitmqClientParts parts;
  const std::shared_ptr<RabbitmqLink> link;
  std::atomic<long long> written = 0;
  std::atomic<long long> failed = 0;
  // The loop's.
  bool is_ready = false;  // the channel confirms
  bool is_blocked = false;
  bool is_looking = false;
  std::uint64_t next_tag = 1;
  std::deque<Pending> unconfirmed;  // by tag
  std::mutex mutex;                 // guards all below
  std::deque<Pending> waiting;      // in the order they came
  bool stopped = false;
};

RabbitmqSink::RabbitmqSink(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

Result<std::unique_ptr<RabbitmqSink>> RabbitmqSink::open(RabbitmqSinkOptions options,
                                                         const RabbitmqClientParts& parts) {
  RETURN_IF_ERROR(check_rabbitmq_options(options.client));
  RETURN_IF_ERROR(check_amqp_name("the exchange's name", options.exchange));
  const bool is_template = options.routing_key.find('{') != std::string::npos;
  RETURN_IF_ERROR(is_template ? check_key_template(options.routing_key)
                              : check_amqp_name("the routing key", options.routing_key));
  auto shared = std::make_shared<Shared>(std::move(options), parts);
  parts.loop.post([shared] { shared->link->open(shared); });
  return std::unique_ptr<RabbitmqSink>(new RabbitmqSink(std::move(shared)));
}

RabbitmqSink::~RabbitmqSink() { stop(); }

void RabbitmqSink::deliver(OutboxMessage message, Executor& reply_to, std::function<void(Status)> done) {
  shared_->deliver(std::move(message), reply_to, std::move(done));
}

void RabbitmqSink::stop() { shared_->stop(); }

std::optional<std::string> RabbitmqSink::problem() const { return shared_->link->problem(); }

void RabbitmqSink::report(MetricsReport& metrics) const {
  const auto messages = [&](const char* result, long long count) {
    metrics.counter("mnema_rabbitmq_written_total", "Messages of RabbitMQ sinks by what became of them",
                    static_cast<double>(count), {{"sink", shared_->options.name}, {"result", result}});
  };
  messages("written", shared_->written);
  messages("failed", shared_->failed);
}

}  // namespace mnema
