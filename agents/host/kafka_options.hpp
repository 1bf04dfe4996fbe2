// agents/host/kafka_options.hpp
//
// What a configuration says of a Kafka cluster, as its clients take it.
//
// Threads: pure functions.
#pragma once

#include <string>

#include "connectors/kafka/client.hpp"
#include "runtime/base/result.hpp"
#include "runtime/config/kafka_config.hpp"
#include "runtime/config/source_config.hpp"

namespace mnema {

/// Errors: `kInvalidArgument` (where a secret is cannot be read).
[[nodiscard]] Result<KafkaClientOptions> kafka_client_of(const KafkaClientConfig& config);

/// The consumer group of the source of this name.
[[nodiscard]] std::string kafka_group_of(const std::string& name, const SourceConfig& config);

}  // namespace mnema
