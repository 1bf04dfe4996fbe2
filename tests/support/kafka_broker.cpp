#include "tests/support/kafka_broker.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "runtime/base/check.hpp"

namespace mnema::testing {
namespace {

constexpr int kAnswerMs = 20'000;

using KafkaPointer = std::unique_ptr<rd_kafka_t, KafkaDestroy<rd_kafka_destroy>>;

KafkaPointer client(rd_kafka_type_t type, const std::map<std::string, std::string>& settings) {
  KafkaConf conf(rd_kafka_conf_new());
  char text[512];
  for (const auto& [name, value] : settings) {
    CHECK(rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), text, sizeof text) == RD_KAFKA_CONF_OK, text);
  }
  KafkaPointer made(rd_kafka_new(type, conf.get(), text, sizeof text));
  CHECK(made != nullptr, text);
  static_cast<void>(conf.release());
  return made;
}

std::string text_of(const void* bytes, std::size_t size) {
  return bytes == nullptr ? "" : std::string(static_cast<const char*>(bytes), size);
}

}  // namespace

struct KafkaBroker::Admin {
  KafkaPointer client;
  KafkaQueue queue;
  KafkaEvent wait() {
    KafkaEvent event(rd_kafka_queue_poll(queue.get(), kAnswerMs));
    CHECK(event != nullptr, "the broker answers an administrator");
    EXPECT_EQ(rd_kafka_event_error(event.get()), RD_KAFKA_RESP_ERR_NO_ERROR)
        << rd_kafka_event_error_string(event.get());
    return event;
  }
};

KafkaBroker* KafkaBroker::shared() {
  static const std::unique_ptr<KafkaBroker> broker = [] {
    std::unique_ptr<ScriptProcess> script = ScriptProcess::start(
        "examples/kafka/broker.py", ::testing::TempDir() + "mnema-kafka-" + std::to_string(::getpid()), {"--sasl"});
    return std::unique_ptr<KafkaBroker>(script ? new KafkaBroker(std::move(script)) : nullptr);
  }();
  return broker.get();
}

KafkaBroker::KafkaBroker(std::unique_ptr<ScriptProcess> script)
    : script_(std::move(script)), address_(script_->fact("address")), sasl_address_(script_->fact("sasl_address")) {}

KafkaBroker::~KafkaBroker() = default;

void KafkaBroker::kill() { script_->tell("kill"); }
void KafkaBroker::start() { script_->tell("start"); }

KafkaBroker::Admin& KafkaBroker::admin() {
  if (!admin_) {
    admin_ = std::make_unique<Admin>();
    admin_->client = client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", address_}});
    admin_->queue.reset(rd_kafka_queue_new(admin_->client.get()));
  }
  return *admin_;
}

void KafkaBroker::release_admin() { admin_.reset(); }

std::string KafkaBroker::create_topic(int partitions) {
  const std::string name = "topic-" + std::to_string(++topics_);
  create_topic(name, partitions);
  return name;
}

void KafkaBroker::create_topic(const std::string& name, int partitions) {
  char text[256];
  rd_kafka_NewTopic_t* topic = rd_kafka_NewTopic_new(name.c_str(), partitions, 1, text, sizeof text);
  CHECK(topic != nullptr, text);
  rd_kafka_NewTopic_set_config(topic, "max.message.bytes", "100000000");
  rd_kafka_CreateTopics(admin().client.get(), &topic, 1, nullptr, admin().queue.get());
  rd_kafka_NewTopic_destroy(topic);
  admin().wait();
}

void KafkaBroker::delete_topic(const std::string& name) {
  rd_kafka_DeleteTopic_t* topic = rd_kafka_DeleteTopic_new(name.c_str());
  rd_kafka_DeleteTopics(admin().client.get(), &topic, 1, nullptr, admin().queue.get());
  rd_kafka_DeleteTopic_destroy(topic);
  admin().wait();
}

void KafkaBroker::delete_records(const std::string& topic, std::int32_t partition, std::int64_t offset) {
  const KafkaPartitions list = kafka_partitions(1);
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = offset;
  rd_kafka_DeleteRecords_t* records = rd_kafka_DeleteRecords_new(list.get());
  rd_kafka_DeleteRecords(admin().client.get(), &records, 1, nullptr, admin().queue.get());
  rd_kafka_DeleteRecords_destroy(records);
  admin().wait();
}

void KafkaBroker::produce(const std::string& topic, const std::vector<KafkaTestRecord>& records) {
  // One after the other in the order given: what is behind a large record must not overtake it.
  const KafkaPointer producer = client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", address_},
                                                           {"enable.idempotence", "true"},
                                                           {"message.max.bytes", "100000000"},
                                                           {"linger.ms", "5"}});
  for (const KafkaTestRecord& record : records) {
    rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
    for (const auto& [name, value] : record.headers) {
      rd_kafka_header_add(headers, name.c_str(), -1, value.data(), static_cast<ssize_t>(value.size()));
    }
    const void* key = record.key ? record.key->data() : nullptr;
    void* value = record.value ? const_cast<char*>(record.value->data()) : nullptr;
    const std::size_t key_size = record.key ? record.key->size() : 0;
    const std::size_t value_size = record.value ? record.value->size() : 0;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    do {
      code = rd_kafka_producev(producer.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(record.partition),
                               RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_size),
                               RD_KAFKA_V_VALUE(value, value_size), RD_KAFKA_V_HEADERS(headers),
                               RD_KAFKA_V_TIMESTAMP(record.timestamp_ms), RD_KAFKA_V_END);
      rd_kafka_poll(producer.get(), code == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 50 : 0);
    } while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    ASSERT_EQ(code, RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_err2str(code);
  }
  ASSERT_EQ(rd_kafka_flush(producer.get(), kAnswerMs), RD_KAFKA_RESP_ERR_NO_ERROR);
}

void KafkaBroker::set_offset(const std::string& group, const std::string& topic, std::int32_t partition,
                             std::int64_t offset) {
  const KafkaPartitions list = kafka_partitions(1);
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = offset;
  rd_kafka_AlterConsumerGroupOffsets_t* change = rd_kafka_AlterConsumerGroupOffsets_new(group.c_str(), list.get());
  rd_kafka_AlterConsumerGroupOffsets(admin().client.get(), &change, 1, nullptr, admin().queue.get());
  rd_kafka_AlterConsumerGroupOffsets_destroy(change);
  admin().wait();
}

int KafkaBroker::members(const std::string& group) {
  const rd_kafka_group_list* found = nullptr;
  const auto code = rd_kafka_list_groups(admin().client.get(), group.c_str(), &found, kAnswerMs);
  const std::unique_ptr<const rd_kafka_group_list, KafkaDestroy<rd_kafka_group_list_destroy>> groups(found);
  EXPECT_EQ(code, RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_err2str(code);
  int members = 0;
  for (int i = 0; groups && i < groups->group_cnt; ++i) members += groups->groups[i].member_cnt;
  return members;
}

std::int64_t KafkaBroker::committed(const std::string& group, const std::string& topic, std::int32_t partition) {
  const KafkaPointer reader = client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", address_}, {"group.id", group}});
  const KafkaPartitions list = kafka_partitions(1);
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition);
  EXPECT_EQ(rd_kafka_committed(reader.get(), list.get(), kAnswerMs), RD_KAFKA_RESP_ERR_NO_ERROR);
  return list->elems[0].offset < 0 ? -1 : list->elems[0].offset;
}

std::unique_ptr<rd_kafka_t, KafkaDestroy<rd_kafka_destroy>> KafkaBroker::reader(const std::string& topic,
                                                                                int& partitions) {
  KafkaPointer reader = client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", address_},
                                                   {"group.id", "reader"},
                                                   {"enable.auto.commit", "false"},
                                                   {"enable.partition.eof", "true"},
                                                   {"isolation.level", "read_committed"}});
  rd_kafka_poll_set_consumer(reader.get());
  const rd_kafka_metadata_t* metadata = nullptr;
  rd_kafka_topic_t* handle = rd_kafka_topic_new(reader.get(), topic.c_str(), nullptr);
  EXPECT_EQ(rd_kafka_metadata(reader.get(), 0, handle, &metadata, kAnswerMs), RD_KAFKA_RESP_ERR_NO_ERROR);
  partitions = metadata->topics[0].partition_cnt;
  rd_kafka_metadata_destroy(metadata);
  rd_kafka_topic_destroy(handle);
  const KafkaPartitions list = kafka_partitions(partitions);
  for (int i = 0; i < partitions; ++i) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  }
  EXPECT_EQ(rd_kafka_assign(reader.get(), list.get()), RD_KAFKA_RESP_ERR_NO_ERROR);
  return reader;
}

long long KafkaBroker::count(const std::string& topic, long long records) {
  int partitions = 0;
  const KafkaPointer from = reader(topic, partitions);
  long long read = 0;
  while (read < records) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(from.get(), kAnswerMs);
    CHECK(message != nullptr, "there are so many records");
    read += message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? 1 : 0;
    rd_kafka_message_destroy(message);
  }
  rd_kafka_consumer_close(from.get());
  return read;
}

std::vector<KafkaReadRecord> KafkaBroker::read(const std::string& topic) {
  int partitions = 0;
  const KafkaPointer from = reader(topic, partitions);
  std::vector<KafkaReadRecord> records;
  for (int ends = 0; ends < partitions;) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(from.get(), kAnswerMs);
    CHECK(message != nullptr, "the broker has an end of each partition");
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      ++ends;
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      KafkaReadRecord record{message->partition,
                             message->offset,
                             text_of(message->key, message->key_len),
                             text_of(message->payload, message->len),
                             {}};
      rd_kafka_headers_t* headers = nullptr;
      if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char* name = nullptr;
        const void* value = nullptr;
        std::size_t size = 0;
        for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0; ++i) {
          record.headers[name] = text_of(value, size);
        }
      }
      records.push_back(std::move(record));
    }
    rd_kafka_message_destroy(message);
  }
  rd_kafka_consumer_close(from.get());
  return records;
}

}  // namespace mnema::testing
