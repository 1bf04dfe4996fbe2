#include "agents/host/replay_at_rest.hpp"

#include <filesystem>
#include <utility>

#include "agents/host/kafka_options.hpp"
#include "connectors/kafka/client_member.hpp"
#include "connectors/kafka/offset_store.hpp"
#include "connectors/kafka/replay.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "runtime/runtime.hpp"

namespace mnema {
namespace {

Result<ReplayReport> replay_kafka_of(const std::string& name, const SourceConfig& source, Database& database,
                                     Executor& blocking, const Limits& limits, const ReplayRequest& request) {
  const SystemClock clock;
  SecretsStore secrets(clock);
  Loop unused;  // nothing joins the group
  const std::string group = kafka_group_of(name, source);
  ASSIGN_OR_RETURN(const KafkaClientOptions options, kafka_client_of(source.kafka));
  ASSIGN_OR_RETURN(
      std::shared_ptr<KafkaClient> client,
      KafkaClient::open(RD_KAFKA_CONSUMER, name, options, {{"group.id", group}, {"enable.auto.commit", "false"}}, 0,
                        {secrets, blocking, clock, limits}));
  KafkaClientMember member(unused, std::move(client), group);
  ASSIGN_OR_RETURN(ReplayReport report, replay_kafka_at_rest(member, group, source.topics, database, request));
  if (source.dedupe == "id") report.note = kKafkaReplayKnowsIds;
  return report;
}

}  // namespace

Result<ReplayReport> replay_at_rest(const Config& config, const std::string& source, const ReplayRequest& request) {
  const auto found = config.sources.find(source);
  if (found == config.sources.end()) {
    return fail(ErrorCode::kNotFound, "the configuration has no source '" + source + "'",
                "one that a program declares in code is replayed while the program runs");
  }
  if (found->second.kind != "kafka") {
    return fail(ErrorCode::kUnsupported, "'" + source + "' keeps nothing that could come once more",
                "send the events again from where they come");
  }
  const std::string file = config.server.data + "/mnema.db";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    return fail(ErrorCode::kNotFound, "there is no '" + file + "'", "nothing has been read yet");
  }
  const SystemClock clock;
  SystemRandom random;
  ThreadPoolExecutor home("home", 1);
  ThreadPoolExecutor store("store", 1);
  ThreadPoolExecutor blocking("blocking", 1);
  Runtime::Options options;
  options.database.path = file;
  options.migrations = kafka_offset_store::migrations();
  ASSIGN_OR_RETURN(const std::unique_ptr<Runtime> runtime,
                   Runtime::open(std::move(options), {home, store}, clock, random, config.limits));
  Result<ReplayReport> report =
      replay_kafka_of(source, found->second, runtime->database(), blocking, config.limits, request);
  runtime->close();
  for (ThreadPoolExecutor* pool : {&blocking, &home, &store}) pool->stop();
  return report;
}

}  // namespace mnema
