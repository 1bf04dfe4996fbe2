#include "connectors/kafka/record.hpp"

#include <cstring>
#include <string>

#include "runtime/base/sha256.hpp"

namespace mnema {
namespace {

constexpr std::size_t kDigestBytesMax = 64 << 10;  // of a value: the loop thread computes it, too

constexpr std::string_view kCloudEventPrefixes[] = {"ce_"};

}  // namespace

KafkaRecord::KafkaRecord() {
  noun = "record";
  own_prefix = "kafka_";
  cloud_event_prefixes = kCloudEventPrefixes;
}

std::int64_t digest_of(const KafkaRecord& record) {
  Sha256 hash;
  hash.update_field(std::to_string(to_micros(record.time)));
  const std::string_view value = record.value.value_or("");
  hash.update_field(record.key.value_or("").substr(0, kDigestBytesMax));
  hash.update_field(value.substr(0, kDigestBytesMax)).update_field(std::to_string(value.size()));
  const Sha256Digest digest = hash.finish();
  std::int64_t number = 0;
  std::memcpy(&number, digest.data(), sizeof number);
  return number == 0 ? 1 : number;
}

}  // namespace mnema
