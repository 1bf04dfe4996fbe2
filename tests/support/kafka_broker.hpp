// tests/support/kafka_broker.hpp
//
// A real Kafka broker for tests, run by examples/kafka/broker.py (script_process.hpp), and what a test does with it as
// another program would: topics, records, offsets of groups. It is started at first use.
//
// Threads: confined to the test's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connectors/kafka/handles.hpp"
#include "tests/support/script_process.hpp"

namespace mnema::testing {

struct KafkaTestRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::int32_t partition = -1;    // -1: by the key
  std::int64_t timestamp_ms = 0;  // 0: now
};

struct KafkaReadRecord {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string key;
  std::string value;
  std::map<std::string, std::string> headers;
};

class KafkaBroker {
 public:
  /// Null where Java or Maven is not here: the test is then skipped.
  static KafkaBroker* shared();
  ~KafkaBroker();
  KafkaBroker(const KafkaBroker&) = delete;
  KafkaBroker& operator=(const KafkaBroker&) = delete;

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] const std::string& sasl_address() const { return sasl_address_; }
  /// -9, and again on the same port.
  void kill();
  void start();

  /// A name that no other test has.
  [[nodiscard]] std::string create_topic(int partitions);
  void create_topic(const std::string& name, int partitions);
  void delete_topic(const std::string& name);
  /// Removes the records below `offset`.
  void delete_records(const std::string& topic, std::int32_t partition, std::int64_t offset);
  void produce(const std::string& topic, const std::vector<KafkaTestRecord>& records);
  /// Of a group that has no members.
  void set_offset(const std::string& group, const std::string& topic, std::int32_t partition, std::int64_t offset);
  /// -1: none.
  [[nodiscard]] std::int64_t committed(const std::string& group, const std::string& topic, std::int32_t partition);
  /// How many members the group has.
  [[nodiscard]] int members(const std::string& group);
  /// Reads records until there are so many, and drops them.
  [[nodiscard]] long long count(const std::string& topic, long long records);
  /// Ends the client by which topics and groups were asked for (the next question opens another one), so that a
  /// measurement of this process does not count it.
  void release_admin();
  /// All records that a reader of committed ones sees.
  [[nodiscard]] std::vector<KafkaReadRecord> read(const std::string& topic);

 private:
  explicit KafkaBroker(std::unique_ptr<ScriptProcess> script);
  /// A reader of committed records, from the beginning of each partition; their number in `partitions`.
  [[nodiscard]] std::unique_ptr<rd_kafka_t, KafkaDestroy<rd_kafka_destroy>> reader(const std::string& topic,
                                                                                   int& partitions);
  struct Admin;
  [[nodiscard]] Admin& admin();

  const std::unique_ptr<ScriptProcess> script_;
  const std::string address_;
  const std::string sasl_address_;
  std::unique_ptr<Admin> admin_;
  int topics_ = 0;
};

}  // namespace mnema::testing
