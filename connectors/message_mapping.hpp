// connectors/message_mapping.hpp
//
// How a record or message of a broker becomes an event, whatever the broker:
//
//   CloudEvents   in binary and structured mode (cloud_event.hpp): id, type, subject, time, data and its content type
//                 are the event's; extensions and ce_source become attributes.
//   else          id, type and tenant by templates over the event (runtime/events/key_template.hpp); without them they
//                 are what its source says.
//
// The headers are attributes under their own names, of equal ones the last; bytes that are no UTF-8 are base64 after
// "base64:". Whoever may publish writes headers and extensions, so those under a name that is the source's to give
// (rabbitmq_*, kafka_*) are left out: a template for the tenant may rest on it. No value at all is the payload `null`.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "connectors/broker_message.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"
#include "runtime/events/event.hpp"

namespace mnema {

struct MessageMapping {
  enum class Format {
    kJson,  // one value of JSON
    kBytes  // anything
  };
  std::string source;  // "kafka:orders": what the events' `source` begins with
  Format format = Format::kJson;
  std::string id;  // templates; "" = see above
  std::string type;
  std::string tenant_template;
  std::string tenant = "local";
  std::string agent;        // "" = the router decides
  std::string type_prefix;  // before the type, with a dot
};

/// Fills in the rest of `event`, which has what the source knows: source, id, type, time and the attributes of its
/// place. A CloudEvent's source is put behind `cloud_event_source`. Errors: `kInvalidArgument` (no JSON, no CloudEvent,
/// a template's place is missing, more headers than `limits.message_headers_max`, a value that is larger than
/// `limits.event_bytes_max`).
[[nodiscard]] Status map_message(const BrokerMessage& message, const MessageMapping& mapping,
                                 const std::string& cloud_event_source, const Limits& limits, Event& event);

/// Makes `event`, which has its place, a dead letter of what is no event: the raw bytes as far as
/// `limits.event_bytes_max` goes, and `limits.message_headers_max` headers as header_NAME. True if bytes are left out.
[[nodiscard]] bool keep_undecodable(const BrokerMessage& message, const Limits& limits, Event& event);
/// An attribute of such a dead letter; one that is longer than `limits.dead_letter_attribute_bytes_max` is left out.
void keep_attribute(std::string name, std::string_view bytes, const Limits& limits, Event& event);

/// Bytes as an attribute's text.
[[nodiscard]] std::string attribute_text(std::string_view bytes);

}  // namespace mnema
