// connectors/kafka/handles.hpp
//
// What librdkafka allocates, owned. The order in which it wants them destroyed is the owner's to keep: events, lists
// and queues before the client (client.hpp).
//
// Threads: plain owners.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>

namespace mnema {

template <auto Destroy>
struct KafkaDestroy {
  template <class T>
  void operator()(T* object) const {
    Destroy(object);
  }
};

using KafkaConf = std::unique_ptr<rd_kafka_conf_t, KafkaDestroy<rd_kafka_conf_destroy>>;
using KafkaEvent = std::unique_ptr<rd_kafka_event_t, KafkaDestroy<rd_kafka_event_destroy>>;
using KafkaQueue = std::unique_ptr<rd_kafka_queue_t, KafkaDestroy<rd_kafka_queue_destroy>>;
using KafkaPartitions =
    std::unique_ptr<rd_kafka_topic_partition_list_t, KafkaDestroy<rd_kafka_topic_partition_list_destroy>>;
using KafkaPartition = std::unique_ptr<rd_kafka_topic_partition_t, KafkaDestroy<rd_kafka_topic_partition_destroy>>;
using KafkaError = std::unique_ptr<rd_kafka_error_t, KafkaDestroy<rd_kafka_error_destroy>>;

[[nodiscard]] inline KafkaPartitions kafka_partitions(int capacity) {
  return KafkaPartitions(rd_kafka_topic_partition_list_new(capacity));
}

}  // namespace mnema
