#include "connectors/rabbitmq/connection.hpp"

#include <algorithm>
#include <utility>

#include "connectors/message_mapping.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

constexpr std::size_t kFirstFrameBytesMax = 16 << 10;  // until the connection is tuned
constexpr std::size_t kFrameBytesMax = 128 << 10;
constexpr std::size_t kFrameBytesMin = 4096;  // of the protocol
constexpr std::size_t kReadBytes = 64 << 10;
constexpr Duration kFarewellTime = std::chrono::seconds(1);
constexpr std::string_view kProtocol("AMQP\0\0\x09\x01", 8);

amqp_table_entry_t entry_of(const char* name, amqp_field_value_t value) { return {amqp_cstring_bytes(name), value}; }

amqp_field_value_t text_field(const char* text) {
  amqp_field_value_t value{};
  value.kind = AMQP_FIELD_KIND_UTF8;
  value.value.bytes = amqp_cstring_bytes(text);
  return value;
}

amqp_field_value_t true_field() {
  amqp_field_value_t value{};
  value.kind = AMQP_FIELD_KIND_BOOLEAN;
  value.value.boolean = 1;
  return value;
}

/// The answer to each has the next number.
bool is_question(amqp_method_number_t number) {
  return number == AMQP_EXCHANGE_DECLARE_METHOD || number == AMQP_QUEUE_DECLARE_METHOD ||
         number == AMQP_QUEUE_BIND_METHOD || number == AMQP_BASIC_QOS_METHOD || number == AMQP_BASIC_CONSUME_METHOD ||
         number == AMQP_BASIC_CANCEL_METHOD || number == AMQP_CONFIRM_SELECT_METHOD;
}

Error no_protocol(const std::string& what) {
  return fail_retryable(ErrorCode::kCorrupt, "the broker does not keep to AMQP 0-9-1: " + what);
}

}  // namespace

Error error_of_amqp_close(int code, std::string_view text) {
  const std::string what = "RabbitMQ has closed the connection: " + std::to_string(code) + " " + to_utf8(text);
  switch (code) {
    case AMQP_ACCESS_REFUSED:
      return fail_retryable(ErrorCode::kPermissionDenied, what,
                            "check user and password, and what the user may do in this vhost (rabbitmqctl"
                            " list_permissions)");
    case AMQP_NOT_FOUND:
      return fail_retryable(ErrorCode::kNotFound, what,
                            "create it, or correct its name or vhost; 'queue_type' has a source declare its queue");
    case AMQP_RESOURCE_LOCKED:
      return fail_retryable(ErrorCode::kFailedPrecondition, what, "somebody else has it for himself");
    case AMQP_PRECONDITION_FAILED:
      return fail_retryable(ErrorCode::kFailedPrecondition, what,
                            "what is there has other properties than we ask for, or a delivery was not acknowledged"
                            " within the broker's consumer_timeout");
    case AMQP_NOT_ALLOWED:
      return fail_retryable(ErrorCode::kPermissionDenied, what, "check the vhost, and that the user may enter it");
    case AMQP_CONNECTION_FORCED:
      return fail_retryable(ErrorCode::kUnavailable, what, "an operator or the broker's end has closed it");
    default:
      return fail_retryable(ErrorCode::kUnavailable, what);
  }
}

RabbitmqConnection::RabbitmqConnection(std::unique_ptr<Stream> stream,
                                       std::shared_ptr<const RabbitmqClientOptions> options, Secret password,
                                       std::size_t body_bytes_max, const RabbitmqClientParts& parts,
                                       std::weak_ptr<User> user)
    : options_(std::move(options)),
      parts_(parts),
      password_(std::move(password)),
      body_bytes_max_(body_bytes_max),
      stream_(std::move(stream)),
      user_(std::move(user)),
      read_buffer_(kReadBytes) {
  frames_.set_frame_bytes_max(kFirstFrameBytesMax);
}

void RabbitmqConnection::start() {
  out_ = kProtocol;
  schedule_write();
  read();
  parts_.loop.post_after(std::chrono::milliseconds(parts_.limits.rabbitmq_connect_ms), [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && !self->was_open_) {
      self->fail_with(fail_retryable(ErrorCode::kUnavailable, "RabbitMQ does not answer to a login in time"));
    }
  });
}

// --- reading

void RabbitmqConnection::read() {
  if (is_reading_ || is_read_paused_ || state_ == State::kClosed) return;
  is_reading_ = true;
  stream_->read_some(read_buffer_, [self = shared_from_this()](long bytes) {
    self->is_reading_ = false;
    self->take(bytes);
  });
}

void RabbitmqConnection::take(long bytes) {
  if (state_ == State::kClosed) return bytes > 0 ? discard() : stream_->close();
  if (bytes <= 0) {
    return fail_with(
        fail_retryable(ErrorCode::kUnavailable, was_open_ ? "the connection to RabbitMQ is lost"
                                                          : "RabbitMQ has closed the connection before it was open"));
  }
  read_at_ = parts_.clock.monotonic_now();
  frames_.append({read_buffer_.data(), static_cast<std::size_t>(bytes)});
  while (state_ != State::kClosed) {
    const Result<std::optional<AmqpFrame>> frame = frames_.next();
    if (!frame.ok()) {
      Error why = frame.error();
      why.retryable = true;
      return fail_with(why);
    }
    if (!*frame) break;
    handle(**frame);
  }
  if (state_ == State::kOpen) {
    if (const auto user = user_.lock()) user->on_read_end();
  }
  read();
}

void RabbitmqConnection::handle(const AmqpFrame& frame) {
  switch (frame.kind) {
    case AmqpFrameKind::kHeartbeat:
      return;
    case AmqpFrameKind::kHeader:
      return take_header(frame.payload);
    case AmqpFrameKind::kBody:
      return take_body(frame.payload);
    case AmqpFrameKind::kMethod:
      break;
  }
  if (content_) return fail_with(no_protocol("a method where a message goes on"));
  pool_.recycle();
  const Result<AmqpMethod> method = decode_amqp_method(frame.payload, pool_);
  if (!method.ok()) return fail_with(no_protocol(method.error().message));
  handle_method(*method);
}

void RabbitmqConnection::handle_method(const AmqpMethod& method) {
  const auto expect = [this](State state) {
    if (state_ == state) return true;
    fail_with(no_protocol("a method out of turn"));
    return false;
  };
  switch (method.number) {
    case AMQP_CONNECTION_START_METHOD:
      if (expect(State::kStart)) log_in(method.as<amqp_connection_start_t>());
      return;
    case AMQP_CONNECTION_TUNE_METHOD:
      if (expect(State::kTune)) tune(method.as<amqp_connection_tune_t>());
      return;
    case AMQP_CONNECTION_OPEN_OK_METHOD:
      if (!expect(State::kConnectionOpen)) return;
      state_ = State::kChannelOpen;
      {
        amqp_channel_open_t open{};
        append_amqp_method(out_, kChannel, AMQP_CHANNEL_OPEN_METHOD, &open);
      }
      return schedule_write();
    case AMQP_CHANNEL_OPEN_OK_METHOD:
      if (!expect(State::kChannelOpen)) return;
      state_ = State::kOpen;
      was_open_ = true;
      if (const auto user = user_.lock()) user->on_open();
      return;
    case AMQP_CONNECTION_CLOSE_METHOD: {
      const auto& close = method.as<amqp_connection_close_t>();
      amqp_connection_close_ok_t answer{};
      append_amqp_method(out_, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &answer);
      return fail_with(error_of_amqp_close(close.reply_code, text_of(close.reply_text)));
    }
    case AMQP_CHANNEL_CLOSE_METHOD: {
      // The channel is all that the connection is for.
      const auto& close = method.as<amqp_channel_close_t>();
      const Error why = error_of_amqp_close(close.reply_code, text_of(close.reply_text));
      amqp_channel_close_ok_t answer{};
      append_amqp_method(out_, kChannel, AMQP_CHANNEL_CLOSE_OK_METHOD, &answer);
      amqp_connection_close_t farewell{};
      farewell.reply_code = AMQP_REPLY_SUCCESS;
      append_amqp_method(out_, 0, AMQP_CONNECTION_CLOSE_METHOD, &farewell);
      return fail_with(why);
    }
    case AMQP_CONNECTION_SECURE_METHOD:
      return fail_with(
          fail_retryable(ErrorCode::kUnsupported, "RabbitMQ asks for a login that is not PLAIN", "enable PLAIN"));
    case AMQP_BASIC_DELIVER_METHOD:
    case AMQP_BASIC_RETURN_METHOD:
      if (expect(State::kOpen)) begin_content(method);
      return;
    default:
      if (!expect(State::kOpen)) return;
      note_answered(method.number);
      if (const auto user = user_.lock()) user->on_method(method);
  }
}

void RabbitmqConnection::log_in(const amqp_connection_start_t& start) {
  const std::string mechanisms = " " + std::string(text_of(start.mechanisms)) + " ";
  if (mechanisms.find(" PLAIN ") == std::string::npos) {
    return fail_with(fail_retryable(ErrorCode::kUnsupported, "RabbitMQ does not offer the login PLAIN",
                                    "enable it: auth_mechanisms of rabbitmq.conf"));
  }
  state_ = State::kTune;
  // A refused login is then told in words; a cancelled consumer and a blocked connection are told at all.
  amqp_table_entry_t able[] = {entry_of("authentication_failure_close", true_field()),
                               entry_of("consumer_cancel_notify", true_field()),
                               entry_of("connection.blocked", true_field()),
                               entry_of("publisher_confirms", true_field()), entry_of("basic.nack", true_field())};
  amqp_field_value_t capabilities{};
  capabilities.kind = AMQP_FIELD_KIND_TABLE;
  capabilities.value.table = {static_cast<int>(std::size(able)), able};
  amqp_table_entry_t properties[] = {entry_of("product", text_field("mnema")), entry_of("capabilities", capabilities)};
  std::string response = std::string("\0", 1) + options_->username + std::string("\0", 1);
  response += password_.reveal();
  amqp_connection_start_ok_t answer{};
  answer.client_properties = {static_cast<int>(std::size(properties)), properties};
  answer.mechanism = amqp_cstring_bytes("PLAIN");
  answer.response = amqp_bytes(response);
  answer.locale = amqp_cstring_bytes("en_US");
  append_amqp_method(out_, 0, AMQP_CONNECTION_START_OK_METHOD, &answer);
  schedule_write();
}

void RabbitmqConnection::tune(const amqp_connection_tune_t& tune) {
  if (tune.frame_max != 0 && tune.frame_max < kFrameBytesMin) {
    return fail_with(no_protocol("frames of " + std::to_string(tune.frame_max) + " bytes"));
  }
  frame_bytes_max_ = tune.frame_max == 0 ? kFrameBytesMax : std::min<std::size_t>(tune.frame_max, kFrameBytesMax);
  frames_.set_frame_bytes_max(frame_bytes_max_);
  const int heartbeat_s =
      tune.heartbeat == 0 ? options_->heartbeat_s : std::min<int>(tune.heartbeat, options_->heartbeat_s);
  heartbeat_ = std::chrono::seconds(heartbeat_s);
  amqp_connection_tune_ok_t answer{};
  answer.channel_max = 1;
  answer.frame_max = static_cast<std::uint32_t>(frame_bytes_max_);
  answer.heartbeat = static_cast<std::uint16_t>(heartbeat_s);
  append_amqp_method(out_, 0, AMQP_CONNECTION_TUNE_OK_METHOD, &answer);
  amqp_connection_open_t open{};
  open.virtual_host = amqp_bytes(options_->vhost);
  append_amqp_method(out_, 0, AMQP_CONNECTION_OPEN_METHOD, &open);
  state_ = State::kConnectionOpen;
  schedule_write();
  written_at_ = parts_.clock.monotonic_now();
  beat();
}

/// Says that we are here, and notices that the other side is not.
void RabbitmqConnection::beat() {
  if (state_ == State::kClosed) return;
  const MonotonicTime now = parts_.clock.monotonic_now();
  // Where we do not read, nothing can be heard.
  if (!is_read_paused_ && now - read_at_ > 2 * heartbeat_) {
    return fail_with(fail_retryable(ErrorCode::kUnavailable, "RabbitMQ has been silent for two heartbeats"));
  }
  const auto answer_time = std::chrono::milliseconds(parts_.limits.rabbitmq_answer_ms);
  if (!is_read_paused_ && unanswered_ > 0 && now - asked_or_answered_at_ > answer_time) {
    return fail_with(fail_retryable(ErrorCode::kDeadlineExceeded, "RabbitMQ is there, and leaves us without an answer",
                                    "see in its log what the queue or exchange waits for"));
  }
  if (unsent_bytes() == 0 && now - written_at_ >= heartbeat_ / 2) {
    append_amqp_frame(out_, AmqpFrameKind::kHeartbeat, 0, {});
    schedule_write();
  }
  parts_.loop.post_after(heartbeat_ / 4, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->beat();
  });
}

void RabbitmqConnection::pause_reading(bool is_paused) {
  if (std::exchange(is_read_paused_, is_paused) == is_paused || is_paused) return;
  read_at_ = asked_or_answered_at_ = parts_.clock.monotonic_now();
  read();
}

void RabbitmqConnection::note_asked(amqp_method_number_t number) {
  if (is_question(number) && unanswered_++ == 0) asked_or_answered_at_ = parts_.clock.monotonic_now();
}

void RabbitmqConnection::note_answered(amqp_method_number_t number) {
  if (unanswered_ == 0 || !is_question(number - 1)) return;
  --unanswered_;
  asked_or_answered_at_ = parts_.clock.monotonic_now();
}

// --- messages

void RabbitmqConnection::begin_content(const AmqpMethod& method) {
  RabbitmqContent content;
  if (method.number == AMQP_BASIC_DELIVER_METHOD) {
    const auto& deliver = method.as<amqp_basic_deliver_t>();
    content.tag = deliver.delivery_tag;
    content.redelivered = deliver.redelivered != 0;
    content.exchange = text_of(deliver.exchange);
    content.routing_key = text_of(deliver.routing_key);
  } else {
    const auto& returned = method.as<amqp_basic_return_t>();
    content.is_return = true;
    content.reply_code = returned.reply_code;
    content.reply_text = text_of(returned.reply_text);
    content.exchange = text_of(returned.exchange);
    content.routing_key = text_of(returned.routing_key);
  }
  content_ = std::move(content);
  has_header_ = false;
}

void RabbitmqConnection::take_header(std::string_view payload) {
  if (!content_ || has_header_) return fail_with(no_protocol("a header without a message"));
  Result<AmqpContentHeader> header =
      read_amqp_content_header(payload, static_cast<std::size_t>(parts_.limits.message_headers_max));
  if (!header.ok()) return fail_with(no_protocol(header.error().message));
  has_header_ = true;
  body_left_ = header->body_bytes;
  content_->body_bytes = header->body_bytes;
  content_->properties = std::move(header->properties);
  content_->body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, body_bytes_max_)));
  if (body_left_ == 0) deliver();
}

void RabbitmqConnection::take_body(std::string_view payload) {
  if (!content_ || !has_header_ || payload.size() > body_left_) {
    return fail_with(no_protocol("a body without a message"));
  }
  body_left_ -= payload.size();
  content_->body.append(payload.substr(0, body_bytes_max_ - content_->body.size()));
  if (body_left_ == 0) deliver();
}

void RabbitmqConnection::deliver() {
  RabbitmqContent content = std::move(*content_);
  content_.reset();
  if (const auto user = user_.lock()) user->on_content(std::move(content));
}

// --- writing

Status RabbitmqConnection::publish(amqp_basic_publish_t method, amqp_basic_properties_t& properties,
                                   std::string_view body) {
  if (state_ != State::kOpen) return fail_retryable(ErrorCode::kUnavailable, "the connection to RabbitMQ is lost");
  const std::size_t before = out_.size();
  append_amqp_method(out_, kChannel, AMQP_BASIC_PUBLISH_METHOD, &method);
  const Status appended = append_amqp_content(out_, kChannel, properties, body, frame_bytes_max_);
  if (!appended.ok()) out_.resize(before);
  schedule_write();
  return appended;
}

/// What is sent in one pass of the loop leaves together.
void RabbitmqConnection::schedule_write() {
  if (write_is_posted_ || !being_written_.empty()) return;
  write_is_posted_ = true;
  parts_.loop.post([self = shared_from_this()] {
    self->write_is_posted_ = false;
    self->write();
  });
}

void RabbitmqConnection::write() {
  if (!being_written_.empty()) return;
  if (out_.empty()) return finish_closing();
  being_written_.swap(out_);
  written_ = 0;
  written(0);
}

void RabbitmqConnection::written(long bytes) {
  if (bytes < 0) {
    // A write that fails comes before the read that says so, or without one.
    out_.clear();
    being_written_.clear();
    if (state_ == State::kClosed) return stream_->close();
    return fail_with(fail_retryable(ErrorCode::kUnavailable, "the connection to RabbitMQ is lost"));
  }
  written_ += static_cast<std::size_t>(bytes);
  written_at_ = parts_.clock.monotonic_now();
  if (written_ == being_written_.size()) {
    being_written_.clear();
    return write();
  }
  const std::string_view rest = std::string_view(being_written_).substr(written_);
  const std::string_view pieces[] = {rest};
  stream_->write_some(pieces, [self = shared_from_this()](long result) { self->written(result); });
}

// --- the end

void RabbitmqConnection::close() {
  if (state_ == State::kClosed) return;
  if (state_ == State::kOpen) {
    amqp_connection_close_t farewell{};
    farewell.reply_code = AMQP_REPLY_SUCCESS;
    append_amqp_method(out_, 0, AMQP_CONNECTION_CLOSE_METHOD, &farewell);
  }
  end();
}

void RabbitmqConnection::fail_with(const Error& why) {
  if (state_ == State::kClosed) return;
  end();
  // Not from inside a call of the user's.
  parts_.loop.post([user = user_, why] {
    if (const auto told = user.lock()) told->on_closed(why);
  });
}

/// Once all is written. What the broker has sent meanwhile is read to its end: a socket that is closed over unread
/// bytes is reset, and acknowledgements that the broker has not read yet are lost with it.
void RabbitmqConnection::finish_closing() {
  if (state_ != State::kClosed) return;
  stream_->finish_sending();
  discard();
}

void RabbitmqConnection::discard() {
  if (is_reading_) return;
  is_reading_ = true;
  stream_->read_some(read_buffer_, [self = shared_from_this()](long bytes) {
    self->is_reading_ = false;
    self->take(bytes);
  });
}

void RabbitmqConnection::end() {
  state_ = State::kClosed;
  content_.reset();
  schedule_write();
  parts_.loop.post_after(kFarewellTime, [self = shared_from_this()] { self->stream_->close(); });
}

}  // namespace mnema
