#include "connectors/rabbitmq/link.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/log.hpp"

namespace mnema {
namespace {

constexpr Duration kWaitBase = std::chrono::milliseconds(200);
constexpr Duration kWaitCap = std::chrono::seconds(10);
constexpr int kDoublingsMax = 8;
constexpr std::size_t kLoginBytesMax = 2048;

}  // namespace

Status check_amqp_name(const std::string& what, const std::string& name) {
  if (name.size() <= kAmqpShortBytesMax) return {};
  return fail(ErrorCode::kInvalidArgument, what + " has " + std::to_string(name.size()) + " bytes",
              "AMQP takes " + std::to_string(kAmqpShortBytesMax));
}

Status check_rabbitmq_options(const RabbitmqClientOptions& options) {
  if (options.brokers.empty()) return fail(ErrorCode::kInvalidArgument, "no broker of RabbitMQ is named");
  RETURN_IF_ERROR(check_amqp_name("the vhost", options.vhost));
  return check_amqp_name("the user's name", options.username);
}

RabbitmqLink::RabbitmqLink(std::string name, RabbitmqClientOptions options, std::size_t body_bytes_max,
                           const RabbitmqClientParts& parts)
    : name_(std::move(name)),
      options_(std::make_shared<const RabbitmqClientOptions>(std::move(options))),
      body_bytes_max_(body_bytes_max),
      parts_(parts) {}

void RabbitmqLink::open(std::weak_ptr<User> user) {
  user_ = std::move(user);
  dial();
}

void RabbitmqLink::dial() {
  if (is_closed_) return;
  const Duration time_max = std::chrono::milliseconds(parts_.limits.rabbitmq_connect_ms);
  dial_rabbitmq(options_, broker_, parts_, time_max, [weak = weak_from_this()](Result<RabbitmqDialled> dialled) {
    if (const auto self = weak.lock()) self->dialled(std::move(dialled));
  });
}

void RabbitmqLink::dialled(Result<RabbitmqDialled> dialled) {
  if (is_closed_) return;
  if (!dialled.ok()) return again(dialled.error());
  if (dialled->password.reveal().size() > kLoginBytesMax) {
    dialled->stream->close();
    return again(fail(ErrorCode::kInvalidArgument, "the password for RabbitMQ is too long"));
  }
  connection_ = std::make_shared<RabbitmqConnection>(std::move(dialled->stream), options_, std::move(dialled->password),
                                                     body_bytes_max_, parts_, weak_from_this());
  connection_->start();
}

void RabbitmqLink::again(const Error& why) {
  set_problem(why.text());
  const int failures = failures_.fetch_add(1, std::memory_order_relaxed);
  if (const auto user = user_.lock()) user->on_closed(why);
  broker_ = (broker_ + 1) % options_->brokers.size();
  const Duration cap = std::min<Duration>(kWaitCap, kWaitBase * (1 << std::min(failures, kDoublingsMax)));
  const Duration wait(static_cast<Duration::rep>(parts_.random.unit() * static_cast<double>(cap.count())));
  log_warning("rabbitmq", "there is no connection for now",
              {{"name", name_},
               {"error", why.text()},
               {"again_in_ms", std::chrono::duration_cast<std::chrono::milliseconds>(wait).count()}});
  parts_.loop.post_after(wait, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->dial();
  });
}

void RabbitmqLink::on_closed(const Error& why) {
  if (is_closed_ || !connection_) return;
  const std::shared_ptr<RabbitmqConnection> ended = std::move(connection_);
  connection_.reset();
  if (!ended->was_open() && why.code == ErrorCode::kPermissionDenied && options_->password) {
    // The next dial takes what there is by then.
    parts_.blocking.post([&secrets = parts_.secrets, options = options_, refused = ended->password()] {
      static_cast<void>(secrets.refresh_after_refusal(*options->password, refused));
    });
  }
  again(why);
}

void RabbitmqLink::close() {
  is_closed_ = true;
  if (connection_) connection_->close();
  connection_.reset();
}

RabbitmqConnection* RabbitmqLink::connection() const {
  return connection_ && connection_->is_open() ? connection_.get() : nullptr;
}

void RabbitmqLink::note_working() {
  failures_ = 0;
  const std::scoped_lock lock(mutex_);
  problem_.reset();
}

std::optional<std::string> RabbitmqLink::problem() const {
  const std::scoped_lock lock(mutex_);
  return problem_;
}

void RabbitmqLink::set_problem(const std::string& problem) {
  const std::scoped_lock lock(mutex_);
  problem_ = problem;
}

void RabbitmqLink::on_open() {
  const auto user = user_.lock();
  if (user && connection_) user->on_open(*connection_);
}

void RabbitmqLink::on_method(const AmqpMethod& method) {
  if (const auto user = user_.lock()) user->on_method(method);
}

void RabbitmqLink::on_content(RabbitmqContent content) {
  if (const auto user = user_.lock()) user->on_content(std::move(content));
}

void RabbitmqLink::on_read_end() {
  if (const auto user = user_.lock()) user->on_read_end();
}

}  // namespace mnema
