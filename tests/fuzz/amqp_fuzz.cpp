// tests/fuzz/amqp_fuzz.cpp
//
// Whatever a broker or a publisher sends is read inside its bounds: frames, methods, the properties of messages, and
// what becomes of a message. The input is a stream of frames; without a frame's head it is the payload of a header.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "connectors/rabbitmq/amqp_codec.hpp"
#include "connectors/rabbitmq/delivery_mapping.hpp"

namespace {

using namespace mnema;

void read_header(std::string_view payload) {
  constexpr std::size_t kHeadersMax = 8;
  Result<AmqpContentHeader> header = read_amqp_content_header(payload, kHeadersMax);
  if (!header.ok()) return;
  RabbitmqDelivery delivery;
  delivery.own_id = "made";
  delivery.content.body = payload.substr(0, header->body_bytes % (payload.size() + 1));
  delivery.content.body_bytes = delivery.content.body.size();
  delivery.content.properties = std::move(header->properties);
  if (delivery.content.properties.ok()) {
    CHECK(delivery.content.properties->headers.size() <= kHeadersMax, "no more are kept");
  }
  MessageMapping mapping;
  mapping.source = "rabbitmq:fuzz";
  const Limits limits;
  const Result<Event> event = event_of(delivery, "q", mapping, limits);
  if (event.ok()) {
    CHECK(!event->id.empty() && !event->type.empty(), "an event has an id and a type");
  } else {
    CHECK(undecodable_event_of(delivery, "q", mapping, limits).data == delivery.content.body, "its bytes are kept");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  read_header(input);
  AmqpFrameReader reader;
  reader.set_frame_bytes_max(16 << 10);
  reader.append(input);
  AmqpPool pool;
  for (;;) {
    const Result<std::optional<AmqpFrame>> frame = reader.next();
    if (!frame.ok() || !*frame) return 0;
    if ((*frame)->kind == AmqpFrameKind::kHeader) read_header((*frame)->payload);
    if ((*frame)->kind != AmqpFrameKind::kMethod) continue;
    pool.recycle();
    static_cast<void>(decode_amqp_method((*frame)->payload, pool));
  }
}
