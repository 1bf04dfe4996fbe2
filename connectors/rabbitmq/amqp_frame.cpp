#include "connectors/rabbitmq/amqp_frame.hpp"

#include <boost/endian/conversion.hpp>

namespace mnema {
namespace {

constexpr char kEnd = static_cast<char>(0xce);

const unsigned char* bytes_at(const std::string& text, std::size_t at) {
  return reinterpret_cast<const unsigned char*>(text.data()) + at;
}

Error no_frame(const std::string& why) {
  return fail(ErrorCode::kCorrupt, "what the broker sends is no AMQP 0-9-1: " + why);
}

}  // namespace

void AmqpFrameReader::append(std::string_view bytes) {
  bytes_.erase(0, at_);
  at_ = 0;
  bytes_.append(bytes);
}

Result<std::optional<AmqpFrame>> AmqpFrameReader::next() {
  const std::size_t left = bytes_.size() - at_;
  if (left < kAmqpFrameHead) return std::optional<AmqpFrame>();
  const unsigned char* const head = bytes_at(bytes_, at_);
  if (head[0] == 'A') {
    return fail(ErrorCode::kFailedPrecondition, "the broker does not speak AMQP 0-9-1 here",
                "check the port: 5672, or 5671 with TLS");
  }
  const std::uint32_t size = boost::endian::load_big_u32(head + 3);
  const bool is_known = head[0] == 1 || head[0] == 2 || head[0] == 3 || head[0] == 8;
  if (!is_known) return no_frame("a frame of kind " + std::to_string(head[0]));
  if (size > frame_bytes_max_ - kAmqpFrameOverhead) return no_frame("a frame of " + std::to_string(size) + " bytes");
  if (left < size + kAmqpFrameOverhead) return std::optional<AmqpFrame>();
  if (bytes_[at_ + kAmqpFrameHead + size] != kEnd) return no_frame("a frame without its end");
  AmqpFrame frame;
  frame.kind = static_cast<AmqpFrameKind>(head[0]);
  frame.channel = boost::endian::load_big_u16(head + 1);
  frame.payload = std::string_view(bytes_).substr(at_ + kAmqpFrameHead, size);
  at_ += size + kAmqpFrameOverhead;
  return std::optional<AmqpFrame>(frame);
}

void append_amqp_frame(std::string& out, AmqpFrameKind kind, std::uint16_t channel, std::string_view payload) {
  unsigned char head[kAmqpFrameHead];
  head[0] = static_cast<unsigned char>(kind);
  boost::endian::store_big_u16(head + 1, channel);
  boost::endian::store_big_u32(head + 3, static_cast<std::uint32_t>(payload.size()));
  out.append(reinterpret_cast<const char*>(head), kAmqpFrameHead).append(payload).push_back(kEnd);
}

}  // namespace mnema
