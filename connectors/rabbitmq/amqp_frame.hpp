// connectors/rabbitmq/amqp_frame.hpp
//
// Frames of AMQP 0-9-1 in a stream of bytes: taken off its beginning, and put at the end of what is to be sent.
//
// Threads: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace mnema {

enum class AmqpFrameKind : std::uint8_t { kMethod = 1, kHeader = 2, kBody = 3, kHeartbeat = 8 };

struct AmqpFrame {
  AmqpFrameKind kind = AmqpFrameKind::kHeartbeat;
  std::uint16_t channel = 0;
  std::string_view payload;
};

/// Before a payload, and around it.
inline constexpr std::size_t kAmqpFrameHead = 7;
inline constexpr std::size_t kAmqpFrameOverhead = 8;

class AmqpFrameReader {
 public:
  /// Of frames with their overhead. A larger one is an error.
  void set_frame_bytes_max(std::size_t bytes) { frame_bytes_max_ = bytes; }

  void append(std::string_view bytes);
  /// The next frame, whose payload is good until the next `append`; none: more bytes are needed. Errors: `kCorrupt`
  /// (what came is no frame), after which nothing can be read any more.
  [[nodiscard]] Result<std::optional<AmqpFrame>> next();

 private:
  std::size_t frame_bytes_max_ = 4096;
  std::string bytes_;
  std::size_t at_ = 0;  // of the next frame
};

void append_amqp_frame(std::string& out, AmqpFrameKind kind, std::uint16_t channel, std::string_view payload);

}  // namespace mnema
