// connectors/rabbitmq/amqp_codec.hpp
//
// Methods of AMQP 0-9-1 by librabbitmq's generated code, and its strings.
//
// Of librabbitmq only this code is used, and not its connections: those wait in poll(2) while they connect, log in, and
// also while they publish or acknowledge into a full socket, and one of them cannot be read by one thread and written
// by another. (Measured: with the broker stopped, amqp_basic_publish of 4 MiB had not come back after 15 s, neither
// with SO_SNDTIMEO of 1 s, as the socket is not a blocking one, nor with heartbeats of 2 s.) Frames go over a `Stream`
// of the loop instead (connection.hpp). Nor are a message's properties decoded by it: it follows tables inside tables
// by recursion without a bound, and a message of 128 KiB whose headers nest 18,700 times overflows a stack of 2 MiB
// (measured). content_header.hpp has a bound.
//
// Threads: plain values.
#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "connectors/rabbitmq/amqp_frame.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// The bound of AMQP's short strings: names, routing keys, message ids. What is longer must not get here: librabbitmq
/// would write another text.
inline constexpr std::size_t kAmqpShortBytesMax = 255;

[[nodiscard]] inline amqp_bytes_t amqp_bytes(std::string_view text) {
  // librabbitmq does not write to what it encodes.
  return {text.size(), const_cast<char*>(text.data())};
}
[[nodiscard]] inline std::string_view text_of(const amqp_bytes_t& bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.len};
}

/// What decoded methods point into.
class AmqpPool {
 public:
  AmqpPool() { init_amqp_pool(&pool_, 4096); }
  ~AmqpPool() { empty_amqp_pool(&pool_); }
  AmqpPool(const AmqpPool&) = delete;
  AmqpPool& operator=(const AmqpPool&) = delete;
  [[nodiscard]] amqp_pool_t* get() { return &pool_; }
  void recycle() { recycle_amqp_pool(&pool_); }

 private:
  amqp_pool_t pool_{};
};

/// A method that a broker sends to a client. Its parts are good until the pool is recycled and its frame goes.
struct AmqpMethod {
  amqp_method_number_t number = 0;
  const void* decoded = nullptr;
  template <class Method>
  [[nodiscard]] const Method& as() const {
    return *static_cast<const Method*>(decoded);
  }
};

/// Errors: `kCorrupt` (not decodable, or none that a broker sends to a client).
[[nodiscard]] Result<AmqpMethod> decode_amqp_method(std::string_view payload, AmqpPool& pool);

/// `method` is the struct of `number`; its short strings keep to their bound. A method is less than 64 KiB.
void append_amqp_method(std::string& out, std::uint16_t channel, amqp_method_number_t number, void* method);

/// The header and the body of a message, in frames of `frame_bytes_max` at most. Errors: `kInvalidArgument` (the
/// properties do not fit a frame), after which nothing is appended.
[[nodiscard]] Status append_amqp_content(std::string& out, std::uint16_t channel, amqp_basic_properties_t& properties,
                                         std::string_view body, std::size_t frame_bytes_max);

}  // namespace mnema
