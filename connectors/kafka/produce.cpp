#include "connectors/kafka/produce.hpp"

#include <string_view>
#include <utility>

#include "connectors/message_template.hpp"

namespace mnema {
namespace {

void add_header(rd_kafka_headers_t* headers, const char* name, std::string_view value) {
  if (value.empty()) return;
  rd_kafka_header_add(headers, name, -1, value.data(), static_cast<ssize_t>(value.size()));
}

}  // namespace

Status key_for_kafka(const std::string& pattern, OutboxMessage& message) {
  if (pattern.empty()) return {};
  Result<std::string> key = render_over_message(pattern, message);
  if (!key.ok()) {
    return fail(ErrorCode::kInvalidArgument, "the record's key cannot be made: " + key.error().message,
                "check the sink's record_key against the message");
  }
  message.key = std::move(*key);
  return {};
}

Status produce_to_kafka(rd_kafka_t* client, const std::string& topic, const OutboxMessage& message, void* opaque) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(4);
  add_header(headers, "idempotency-key", message.idempotency_key);
  add_header(headers, "content-type", message.content_type);
  add_header(headers, "mnema-agent", message.agent);
  add_header(headers, "traceparent", message.traceparent);
  const void* key = message.key.empty() ? nullptr : message.key.data();
  // librdkafka copies the value (MSG_F_COPY) and does not write to it.
  const rd_kafka_resp_err_t code =
      rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                        RD_KAFKA_V_KEY(key, message.key.size()),
                        RD_KAFKA_V_VALUE(const_cast<char*>(message.body.data()), message.body.size()),
                        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  rd_kafka_headers_destroy(headers);  // it takes them only with success
  return status_of_delivery(code, true);
}

Status status_of_delivery(rd_kafka_resp_err_t code, bool is_certainly_not_written) {
  const std::string why = rd_kafka_err2str(code);
  switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return {};
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
      return fail(ErrorCode::kInvalidArgument, "Kafka does not take the record: " + why,
                  "see max.message.bytes of the topic, and message.max.bytes of its clients");
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT: {
      Error error = fail(ErrorCode::kCancelled, "a record was not sent: its sink stops");
      error.never_left = is_certainly_not_written;
      return error;
    }
    default: {
      Error error = fail_retryable(ErrorCode::kUnavailable, "a record was not written: " + why);
      error.never_left = is_certainly_not_written;
      return error;
    }
  }
}

}  // namespace mnema
