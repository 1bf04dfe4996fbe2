// connectors/kafka/record_mapping.hpp
//
// How a record becomes an event.
//
//   CloudEvents   binary (headers ce_*) and structured (content-type application/cloudevents+json), as the Kafka
//                 protocol binding of CloudEvents 1.0.2 has them: id, type, subject, time, data and its content type
//                 are the event's; extensions and ce_source become attributes.
//   else          id, type and tenant by templates over the event (runtime/events/key_template.hpp); without them the
//                 id is EPOCH-OFFSET, the type the topic's name, the tenant the source's.
//
// Every event has the attributes kafka_topic, kafka_partition, kafka_offset, kafka_epoch and kafka_key (base64 after
// "base64:" where the key is no UTF-8; empty without a key), and its headers under their own names, of equal ones the
// last. A tombstone is the payload `null` with kafka_tombstone = true.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "connectors/kafka/record.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"
#include "runtime/events/event.hpp"

namespace mnema {

struct KafkaMapping {
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

/// The most headers of one record; a record with more is no event.
inline constexpr std::size_t kKafkaHeadersMax = 256;

/// Errors: `kInvalidArgument` (no JSON, no CloudEvent, too many headers, a template's place is missing, the value is
/// larger than `limits.event_bytes_max`).
[[nodiscard]] Result<Event> event_of(const KafkaRecord& record, std::int64_t epoch, const KafkaMapping& mapping,
                                     const Limits& limits);

/// What stands for a record that is no event, as a dead letter: its raw bytes as far as `limits.event_bytes_max` goes,
/// and where it is to be found.
[[nodiscard]] Event undecodable_event_of(const KafkaRecord& record, std::int64_t epoch, const KafkaMapping& mapping,
                                         const Limits& limits);

}  // namespace mnema
