// connectors/rabbitmq/connection.hpp
//
// One connection to a broker with one channel, as a state machine over a stream: login, heartbeats, frames in, frames
// out, and what the broker means when it closes. Nothing waits: what the socket does not take is kept until it does
// (amqp_codec.hpp says why librabbitmq's connections are not used).
//
//   start -> tune -> open -> channel -> (on_open) working -> closed (on_closed, once)
//
// Bounds: a frame has kFrameBytesMax bytes at most, whatever the broker would like; of a message's body the first
// `body_bytes_max` are kept, the others counted. What the user sends is the user's to bound (`unsent_bytes`).
//
// Threads:   confined to the loop thread.
// Ownership: shared with what it has posted; borrows its parts. The user is told as long as it lives.
// Invariant: at most one read and one write are out; `on_closed` runs once, and nothing after it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/rabbitmq/amqp_codec.hpp"
#include "connectors/rabbitmq/content_header.hpp"
#include "connectors/rabbitmq/dial.hpp"
#include "runtime/exec/stream.hpp"

namespace mnema {

/// A message that the broker delivers, or returns because nobody takes it.
struct RabbitmqContent {
  bool is_return = false;
  std::uint64_t tag = 0;  // of a delivery, for its acknowledgement
  bool redelivered = false;
  int reply_code = 0;  // of a return
  std::string reply_text;
  std::string exchange;
  std::string routing_key;
  Result<AmqpProperties> properties = AmqpProperties{};
  std::string body;  // its beginning, where `body_bytes` is more
  std::uint64_t body_bytes = 0;
};

class RabbitmqConnection : public std::enable_shared_from_this<RabbitmqConnection> {
 public:
  static constexpr std::uint16_t kChannel = 1;

  class User {
   public:
    virtual ~User() = default;
    /// The channel is open.
    virtual void on_open() = 0;
    /// A method that is not the connection's own. Good during the call.
    virtual void on_method(const AmqpMethod& method) = 0;
    virtual void on_content(RabbitmqContent content) = 0;
    /// All that has come by now is told.
    virtual void on_read_end() = 0;
    virtual void on_closed(const Error& why) = 0;
  };

  RabbitmqConnection(std::unique_ptr<Stream> stream, std::shared_ptr<const RabbitmqClientOptions> options,
                     Secret password, std::size_t body_bytes_max, const RabbitmqClientParts& parts,
                     std::weak_ptr<User> user);
  void start();

  /// Sends a method on the channel. Precondition: it is open. After the end nothing is sent. A broker that leaves one
  /// without its answer for long ends the connection, though its heartbeats come: somebody waits for it.
  template <class Method>
  void send(amqp_method_number_t number, Method method) {
    if (state_ != State::kOpen) return;
    append_amqp_method(out_, kChannel, number, &method);
    note_asked(number);
    schedule_write();
  }
  /// Sends a message. Errors: those of `append_amqp_content`; nothing is sent then.
  [[nodiscard]] Status publish(amqp_basic_publish_t method, amqp_basic_properties_t& properties, std::string_view body);
  [[nodiscard]] std::size_t unsent_bytes() const { return out_.size() + being_written_.size(); }

  /// Whether more is read. What has been read is still told.
  void pause_reading(bool is_paused);
  /// Says goodbye and ends; what was sent before is on its way. `on_closed` does not run.
  void close();
  /// Ends with `why` as its end.
  void fail_with(const Error& why);

  [[nodiscard]] bool is_open() const { return state_ == State::kOpen; }
  /// Before that an error is one of logging in.
  [[nodiscard]] bool was_open() const { return was_open_; }
  [[nodiscard]] const Secret& password() const { return password_; }

 private:
  enum class State { kStart, kTune, kConnectionOpen, kChannelOpen, kOpen, kClosed };
  void read();
  void take(long bytes);
  void handle(const AmqpFrame& frame);
  void handle_method(const AmqpMethod& method);
  void log_in(const amqp_connection_start_t& start);
  void tune(const amqp_connection_tune_t& tune);
  void note_asked(amqp_method_number_t number);
  void note_answered(amqp_method_number_t number);
  void begin_content(const AmqpMethod& method);
  void take_header(std::string_view payload);
  void take_body(std::string_view payload);
  void deliver();
  void schedule_write();
  void write();
  void written(long bytes);
  void beat();
  void finish_closing();
  void discard();
  void end();

  const std::shared_ptr<const RabbitmqClientOptions> options_;
  const RabbitmqClientParts parts_;
  const Secret password_;
  const std::size_t body_bytes_max_;
  const std::unique_ptr<Stream> stream_;
  const std::weak_ptr<User> user_;
  State state_ = State::kStart;
  bool was_open_ = false;

  std::vector<char> read_buffer_;
  AmqpFrameReader frames_;
  AmqpPool pool_;
  bool is_reading_ = false;
  bool is_read_paused_ = false;
  MonotonicTime read_at_{};
  int unanswered_ = 0;  // methods of ours
  MonotonicTime asked_or_answered_at_{};
  std::optional<RabbitmqContent> content_;  // whose header or body is to come
  bool has_header_ = false;
  std::uint64_t body_left_ = 0;

  std::string out_;
  std::string being_written_;
  std::size_t written_ = 0;
  bool write_is_posted_ = false;
  MonotonicTime written_at_{};
  std::size_t frame_bytes_max_ = 4096;
  Duration heartbeat_{};
};

/// What the broker's code and text mean, for the person who reads it.
[[nodiscard]] Error error_of_amqp_close(int code, std::string_view text);

}  // namespace mnema
