#include "connectors/kafka/record.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "runtime/base/sha256.hpp"

namespace mnema {
namespace {

constexpr std::size_t kDigestBytesMax = 64 << 10;  // of a value: the loop thread computes it, too

std::optional<std::string_view> bytes_of(const void* bytes, std::size_t size) {
  if (bytes == nullptr) return std::nullopt;
  return std::string_view(static_cast<const char*>(bytes), size);
}

}  // namespace

KafkaRecord record_of(const rd_kafka_message_t& message, std::size_t headers_max) {
  KafkaRecord record;
  record.topic = rd_kafka_topic_name(message.rkt);
  record.partition = message.partition;
  record.offset = message.offset;
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t milliseconds = rd_kafka_message_timestamp(&message, &type);
  if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) record.time = Time{std::chrono::milliseconds(milliseconds)};
  record.key = bytes_of(message.key, message.key_len);
  record.value = bytes_of(message.payload, message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  record.headers_count = rd_kafka_header_cnt(headers);
  const std::size_t count = std::min(record.headers_count, headers_max);
  record.headers.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    if (rd_kafka_header_get_all(headers, i, &name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR) break;
    record.headers.emplace_back(name, bytes_of(value, size));
  }
  return record;
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
