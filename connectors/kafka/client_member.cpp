#include "connectors/kafka/client_member.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

/// 9999-12-31T23:59:59.999Z, the last that RFC 3339 can say. Producers write what they like.
constexpr std::int64_t kTimestampMsMax = 253'402'300'799'999;

static_assert(KafkaPartitionOffset::kBegin == RD_KAFKA_OFFSET_BEGINNING);
static_assert(KafkaPartitionOffset::kEnd == RD_KAFKA_OFFSET_END);

KafkaPartitions list_of(const std::vector<KafkaPartitionName>& names) {
  KafkaPartitions list = kafka_partitions(static_cast<int>(names.size()));
  for (const auto& [topic, number] : names) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), number);
  return list;
}

KafkaPartitions list_of(const std::vector<KafkaPartitionOffset>& offsets) {
  KafkaPartitions list = kafka_partitions(static_cast<int>(offsets.size()));
  for (const auto& [of, offset] : offsets) {
    rd_kafka_topic_partition_list_add(list.get(), of.topic.c_str(), of.number)->offset = offset;
  }
  return list;
}

Error unavailable(const std::string& what, rd_kafka_resp_err_t code) {
  return fail_retryable(ErrorCode::kUnavailable, what + ": " + rd_kafka_err2str(code));
}

std::optional<std::string_view> bytes_of(const void* bytes, std::size_t size) {
  if (bytes == nullptr) return std::nullopt;
  return std::string_view(static_cast<const char*>(bytes), size);
}

KafkaRecord record_of(const rd_kafka_message_t& message, std::size_t headers_max) {
  KafkaRecord record;
  record.topic = rd_kafka_topic_name(message.rkt);
  record.partition = message.partition;
  record.offset = message.offset;
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t milliseconds = rd_kafka_message_timestamp(&message, &type);
  if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) {
    record.time = Time{std::chrono::milliseconds(std::clamp<std::int64_t>(milliseconds, 0, kTimestampMsMax))};
  }
  record.key = bytes_of(message.key, message.key_len);
  record.value = bytes_of(message.payload, message.len);
  if (headers_max == 0) return record;
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

std::int64_t bytes_of(const rd_kafka_message_t& message) {
  std::size_t bytes = message.key_len + message.len;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      bytes += std::strlen(name) + size;
    }
  }
  return static_cast<std::int64_t>(bytes);
}

/// The messages of one event of librdkafka.
class ClientFetch final : public KafkaFetch {
 public:
  ClientFetch(std::shared_ptr<KafkaClient> client, KafkaEvent event)
      : client_(std::move(client)), event_(std::move(event)) {
    while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event_.get())) {
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) messages_.push_back(message);
    }
  }
  [[nodiscard]] std::size_t size() const override { return messages_.size(); }
  [[nodiscard]] KafkaRecord record(std::size_t index, std::size_t headers_max) const override {
    return record_of(*messages_[index], headers_max);
  }
  [[nodiscard]] std::int64_t bytes(std::size_t index) const override { return bytes_of(*messages_[index]); }

 private:
  const std::shared_ptr<KafkaClient> client_;  // before what it must outlive
  const KafkaEvent event_;
  std::vector<const rd_kafka_message_t*> messages_;
};

}  // namespace

Status KafkaClientMember::join(const std::vector<std::string>& topics, std::function<void()> on_ready) {
  rd_kafka_poll_set_consumer(client_->get());
  ASSIGN_OR_RETURN(queue_,
                   KafkaEventQueue::open(loop_, client_, KafkaQueue(rd_kafka_queue_get_consumer(client_->get())),
                                         std::move(on_ready)));
  topics_ = topics;
  if (const auto code = subscribe(); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(ErrorCode::kInvalidArgument,
                std::string("its topics cannot be subscribed to: ") + rd_kafka_err2str(code));
  }
  return {};
}

rd_kafka_resp_err_t KafkaClientMember::subscribe() const {
  const KafkaPartitions list = kafka_partitions(static_cast<int>(topics_.size()));
  for (const std::string& topic : topics_) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  return rd_kafka_subscribe(client_->get(), list.get());
}

void KafkaClientMember::leave() { rd_kafka_unsubscribe(client_->get()); }

void KafkaClientMember::join_again() {
  if (const auto code = subscribe(); code != RD_KAFKA_RESP_ERR_NO_ERROR) client_->set_problem(rd_kafka_err2str(code));
}

std::optional<KafkaMemberEvent> KafkaClientMember::poll() {
  while (KafkaEvent event = queue_->poll()) {
    if (std::optional<KafkaMemberEvent> read_event = read(std::move(event))) return read_event;
  }
  return std::nullopt;
}

/// None: it is the client's own.
std::optional<KafkaMemberEvent> KafkaClientMember::read(KafkaEvent event) {
  using Kind = KafkaMemberEvent::Kind;
  KafkaMemberEvent made;
  const rd_kafka_resp_err_t code = rd_kafka_event_error(event.get());
  switch (rd_kafka_event_type(event.get())) {
    case RD_KAFKA_EVENT_FETCH:
      made.fetch = std::make_unique<ClientFetch>(client_, std::move(event));
      return made;
    case RD_KAFKA_EVENT_REBALANCE:
      made.kind = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? Kind::kAssigned : Kind::kRevoked;
      made.is_lost = rd_kafka_assignment_lost(client_->get()) != 0;
      break;
    case RD_KAFKA_EVENT_OFFSET_COMMIT:
      made.kind = Kind::kCommitted;
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        made.error = rd_kafka_err2str(code);
        return made;
      }
      break;
    case RD_KAFKA_EVENT_ERROR:
      if (const KafkaPartition of(rd_kafka_event_topic_partition(event.get())); of) {
        if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF) return std::nullopt;
        if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || code == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
          made.kind = Kind::kNotThere;
          made.partitions.push_back({{of->topic, of->partition}, of->offset});
          return made;
        }
      }
      [[fallthrough]];
    default:
      static_cast<void>(client_->handle(event));
      return std::nullopt;
  }
  if (const rd_kafka_topic_partition_list_t* list = rd_kafka_event_topic_partition_list(event.get())) {
    for (int i = 0; i < list->cnt; ++i) {
      const rd_kafka_topic_partition_t& of = list->elems[i];
      if (made.kind == Kind::kCommitted && of.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      made.partitions.push_back({{of.topic, of.partition}, of.offset});
    }
  }
  return made;
}

bool KafkaClientMember::is_cooperative() const {
  const char* protocol = rd_kafka_rebalance_protocol(client_->get());
  return protocol != nullptr && std::strcmp(protocol, "COOPERATIVE") == 0;
}

void KafkaClientMember::note(const KafkaError& error) {
  if (error) client_->set_problem(rd_kafka_error_string(error.get()));
}

void KafkaClientMember::assign(const std::vector<KafkaPartitionOffset>& partitions) {
  const KafkaPartitions list = list_of(partitions);
  if (is_cooperative()) return note(KafkaError(rd_kafka_incremental_assign(client_->get(), list.get())));
  const auto code = rd_kafka_assign(client_->get(), list.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) client_->set_problem(rd_kafka_err2str(code));
}

void KafkaClientMember::unassign(const std::vector<KafkaPartitionName>& partitions) {
  if (!is_cooperative()) {
    rd_kafka_assign(client_->get(), nullptr);
    return;
  }
  const KafkaPartitions list = list_of(partitions);
  note(KafkaError(rd_kafka_incremental_unassign(client_->get(), list.get())));
}

void KafkaClientMember::set_paused(const std::vector<KafkaPartitionName>& partitions, bool is_paused) {
  const KafkaPartitions list = list_of(partitions);
  if (is_paused) {
    rd_kafka_pause_partitions(client_->get(), list.get());
  } else {
    rd_kafka_resume_partitions(client_->get(), list.get());
  }
}

bool KafkaClientMember::commit(const std::vector<KafkaPartitionOffset>& partitions) {
  const KafkaPartitions list = list_of(partitions);
  for (int i = 0; i < list->cnt; ++i) {
    rd_kafka_topic_partition_t& entry = list->elems[i];
    // librdkafka frees it with the list.
    entry.metadata_size = std::strlen(kKafkaCommitMark);
    entry.metadata = std::malloc(entry.metadata_size);
    CHECK(entry.metadata != nullptr, "there is memory");
    std::memcpy(entry.metadata, kKafkaCommitMark, entry.metadata_size);
  }
  return rd_kafka_commit_queue(client_->get(), list.get(), queue_->get(), nullptr, nullptr) ==
         RD_KAFKA_RESP_ERR_NO_ERROR;
}

std::int64_t KafkaClientMember::known_end(const KafkaPartitionName& of) const {
  std::int64_t low = 0;
  std::int64_t high = 0;
  const auto code = rd_kafka_get_watermark_offsets(client_->get(), of.topic.c_str(), of.number, &low, &high);
  return code == RD_KAFKA_RESP_ERR_NO_ERROR ? high : -1;
}

Result<KafkaGroupOffsets> KafkaClientMember::committed(const std::vector<KafkaPartitionName>& of) {
  KafkaGroupOffsets offsets;
  const std::unique_ptr<char, KafkaDestroy<std::free>> cluster(
      rd_kafka_clusterid(client_->get(), client_->answer_ms()));
  if (!cluster) return unavailable("the broker does not say which cluster it is of", RD_KAFKA_RESP_ERR__TIMED_OUT);
  offsets.cluster = cluster.get();
  if (of.empty()) return offsets;
  const KafkaPartitions list = list_of(of);
  if (const auto code = rd_kafka_committed(client_->get(), list.get(), client_->answer_ms());
      code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return unavailable("the group's offsets cannot be read", code);
  }
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = list->elems[i];
    if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR) return unavailable("the offset of a partition cannot be read", one.err);
    const std::string_view mark(static_cast<const char*>(one.metadata),
                                one.metadata == nullptr ? 0 : one.metadata_size);
    offsets.committed.push_back({one.offset < 0 ? -1 : one.offset, mark == kKafkaCommitMark});
  }
  return offsets;
}

std::string KafkaClientMember::id() {
  const std::unique_ptr<char, KafkaDestroy<std::free>> own(rd_kafka_memberid(client_->get()));
  return own ? own.get() : "";
}

Result<std::vector<std::string>> KafkaClientMember::others() {
  const rd_kafka_group_list* found = nullptr;
  const auto code = rd_kafka_list_groups(client_->get(), group_.c_str(), &found, client_->answer_ms());
  const std::unique_ptr<const rd_kafka_group_list, KafkaDestroy<rd_kafka_group_list_destroy>> groups(found);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return unavailable("the group's members cannot be listed", code);
  const std::string own = id();
  std::vector<std::string> hosts;
  for (int i = 0; groups && i < groups->group_cnt; ++i) {
    const rd_kafka_group_info& group = groups->groups[i];
    for (int of = 0; of < group.member_cnt; ++of) {
      const rd_kafka_group_member_info& member = group.members[of];
      if (own != member.member_id) hosts.emplace_back(member.client_host);
    }
  }
  return hosts;
}

Result<KafkaWatermarks> KafkaClientMember::ends(const KafkaPartitionName& of) {
  KafkaWatermarks marks;
  const auto code = rd_kafka_query_watermark_offsets(client_->get(), of.topic.c_str(), of.number, &marks.low,
                                                     &marks.high, client_->answer_ms());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return unavailable("the ends of a partition cannot be read", code);
  return marks;
}

Result<std::vector<std::int64_t>> KafkaClientMember::offsets_at(const std::vector<KafkaPartitionName>& of, Time time) {
  const KafkaPartitions list = list_of(of);
  for (int i = 0; i < list->cnt; ++i) {
    // -1 and -2 are Kafka's names for the end and the beginning.
    list->elems[i].offset = std::max<std::int64_t>(0, to_micros(time) / 1'000);
  }
  const auto code = rd_kafka_offsets_for_times(client_->get(), list.get(), client_->answer_ms());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return unavailable("the offsets of a time cannot be read", code);
  std::vector<std::int64_t> offsets;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = list->elems[i];
    if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR) return unavailable("the offset of a time cannot be read", one.err);
    std::int64_t offset = one.offset;
    if (offset < 0) {
      ASSIGN_OR_RETURN(const KafkaWatermarks marks, ends(of[static_cast<std::size_t>(i)]));
      offset = marks.high;
    }
    offsets.push_back(offset);
  }
  return offsets;
}

}  // namespace mnema
