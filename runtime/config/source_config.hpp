// runtime/config/source_config.hpp
//
// [sources.NAME]: what wakes agents. A kind is a line of `source_kinds` here, which says how its own keys are read, and
// a factory where programs are put together (agents/host/connector_kinds.hpp).
//
// Threads: plain values, pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/config/kafka_config.hpp"
#include "runtime/config/rabbitmq_config.hpp"

namespace mnema {

class TomlReader;

struct SourceConfig {
  std::string kind;
  std::string agent;  // "" = the agents' `on` decides
  std::string key;    // key template
  std::string tenant = "local";
  std::string type_prefix;
  std::string place;  // "mnema.toml:7:1", for what is found wrong when it is opened; "" = declared in code
  // webhook
  std::string path;                  // "/hooks/github"
  std::string scheme = "github";     // github | standard | unsigned
  std::vector<std::string> secrets;  // where they are (runtime/config/config.hpp); any of them may have signed
  // cron
  std::string cron;               // "0 9 * * MON"
  std::string time_zone = "UTC";  // of the system's tzdata
  std::string missed = "once";    // skip | once | all
  std::string data;               // JSON of its events; "" = their name and time
  // kafka
  KafkaClientConfig kafka;
  std::vector<std::string> topics;
  std::string group;               // "" = "mnema-NAME"
  std::string start = "earliest";  // earliest | latest
  std::string ack = "inbox";       // inbox | done; of rabbitmq, too
  std::string dedupe = "offset";   // offset | id
  std::string format = "json";     // json | bytes, of rabbitmq, too; avro | protobuf | json_schema
  SchemaRegistryConfig registry;   // of the last three
  std::string event_id;            // templates; of rabbitmq, too
  std::string event_type;
  std::string event_tenant;
  std::string instance_id;
  // rabbitmq
  RabbitmqClientConfig rabbitmq;
  std::string queue;
  std::string queue_type = "existing";  // existing: it must be there; classic, quorum: it is declared
  std::string exchange;                 // that it is bound to; "" = nothing is bound
  std::vector<std::string> routing_keys;
  int prefetch = 2'000;
};

[[nodiscard]] std::vector<std::string_view> source_kinds();

/// Reads the table; what is wrong in it goes to the reader's problems.
void read_source(TomlReader& table, SourceConfig& source);

}  // namespace mnema
