#include "connectors/rabbitmq/amqp_codec.hpp"

#include <algorithm>
#include <array>
#include <boost/endian/conversion.hpp>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr std::size_t kPayloadSizes[] = {512, 64 << 10};  // what is tried; most fit the first
constexpr std::size_t kContentHead = 12;                  // class, weight, size of the body

/// Of what a broker sends only connection.start has a table, which librabbitmq follows by recursion. It should come
/// before the connection is tuned, but may come after, when frames are larger.
constexpr std::size_t kStartBytesMax = 16 << 10;

constexpr std::array kFromBroker = {
    AMQP_CONNECTION_START_METHOD,    AMQP_CONNECTION_TUNE_METHOD,      AMQP_CONNECTION_OPEN_OK_METHOD,
    AMQP_CONNECTION_CLOSE_METHOD,    AMQP_CONNECTION_CLOSE_OK_METHOD,  AMQP_CONNECTION_BLOCKED_METHOD,
    AMQP_CONNECTION_SECURE_METHOD,   AMQP_CONNECTION_UNBLOCKED_METHOD, AMQP_CHANNEL_OPEN_OK_METHOD,
    AMQP_CHANNEL_CLOSE_METHOD,       AMQP_CHANNEL_CLOSE_OK_METHOD,     AMQP_CHANNEL_FLOW_METHOD,
    AMQP_EXCHANGE_DECLARE_OK_METHOD, AMQP_QUEUE_DECLARE_OK_METHOD,     AMQP_QUEUE_BIND_OK_METHOD,
    AMQP_BASIC_QOS_OK_METHOD,        AMQP_BASIC_CONSUME_OK_METHOD,     AMQP_BASIC_CANCEL_METHOD,
    AMQP_BASIC_CANCEL_OK_METHOD,     AMQP_BASIC_DELIVER_METHOD,        AMQP_BASIC_RETURN_METHOD,
    AMQP_BASIC_ACK_METHOD,           AMQP_BASIC_NACK_METHOD,           AMQP_CONFIRM_SELECT_OK_METHOD};

/// `head` bytes of 0 and what `encode` writes behind them; empty: it does not fit.
template <class Encode>
std::string encoded(std::size_t head, const Encode& encode) {
  for (const std::size_t size : kPayloadSizes) {
    std::string payload(size, '\0');
    const int bytes = encode(amqp_bytes(std::string_view(payload).substr(head)));
    if (bytes < 0) continue;
    payload.resize(head + static_cast<std::size_t>(bytes));
    return payload;
  }
  return {};
}

}  // namespace

Result<AmqpMethod> decode_amqp_method(std::string_view payload, AmqpPool& pool) {
  if (payload.size() < 4) return fail(ErrorCode::kCorrupt, "the broker sends a method without a number");
  AmqpMethod method;
  method.number = boost::endian::load_big_u32(reinterpret_cast<const unsigned char*>(payload.data()));
  if (std::find(kFromBroker.begin(), kFromBroker.end(), method.number) == kFromBroker.end()) {
    return fail(ErrorCode::kCorrupt, "the broker sends a method that is none of a broker's");
  }
  if (method.number == AMQP_CONNECTION_START_METHOD && payload.size() > kStartBytesMax) {
    return fail(ErrorCode::kCorrupt, "the broker's greeting has " + std::to_string(payload.size()) + " bytes");
  }
  void* decoded = nullptr;
  const int status = amqp_decode_method(method.number, pool.get(), amqp_bytes(payload.substr(4)), &decoded);
  if (status < 0 || decoded == nullptr) {
    return fail(ErrorCode::kCorrupt,
                std::string("the broker sends a method that cannot be read: ") + amqp_method_name(method.number));
  }
  method.decoded = decoded;
  return method;
}

void append_amqp_method(std::string& out, std::uint16_t channel, amqp_method_number_t number, void* method) {
  const std::string payload = encoded(4, [&](amqp_bytes_t into) { return amqp_encode_method(number, method, into); });
  CHECK(!payload.empty(), "a method of ours fits its frame");
  const std::size_t at = out.size() + kAmqpFrameHead;
  append_amqp_frame(out, AmqpFrameKind::kMethod, channel, payload);
  boost::endian::store_big_u32(reinterpret_cast<unsigned char*>(out.data()) + at, number);
}

Status append_amqp_content(std::string& out, std::uint16_t channel, amqp_basic_properties_t& properties,
                           std::string_view body, std::size_t frame_bytes_max) {
  std::string header = encoded(
      kContentHead, [&](amqp_bytes_t into) { return amqp_encode_properties(AMQP_BASIC_CLASS, &properties, into); });
  if (header.empty() || header.size() > frame_bytes_max - kAmqpFrameOverhead) {
    return fail(ErrorCode::kInvalidArgument, "the properties of a message do not fit a frame of RabbitMQ");
  }
  unsigned char* const head = reinterpret_cast<unsigned char*>(header.data());
  boost::endian::store_big_u16(head, AMQP_BASIC_CLASS);
  boost::endian::store_big_u16(head + 2, 0);
  boost::endian::store_big_u64(head + 4, body.size());
  append_amqp_frame(out, AmqpFrameKind::kHeader, channel, header);
  const std::size_t piece = frame_bytes_max - kAmqpFrameOverhead;
  for (std::size_t at = 0; at < body.size(); at += piece) {
    append_amqp_frame(out, AmqpFrameKind::kBody, channel, body.substr(at, piece));
  }
  return {};
}

}  // namespace mnema
