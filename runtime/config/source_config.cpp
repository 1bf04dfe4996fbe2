#include "runtime/config/source_config.hpp"

#include <algorithm>
#include <cctype>

#include "runtime/base/json.hpp"
#include "runtime/config/toml_reader.hpp"
#include "runtime/events/cron_schedule.hpp"
#include "runtime/events/key_template.hpp"

namespace mnema {
namespace {

/// Where routes of ours are or may come to be (agents/rest/rest_api.hpp, admin_api.hpp).
constexpr std::string_view kApiPaths[] = {"/v1",       "/admin",      "/health",        "/metrics",
                                          "/tokenize", "/detokenize", "/apply-template"};

/// What is wrong with `path` as the place of a webhook; empty: nothing. It is compared byte by byte with a request's
/// path, so what would never come in a request, or would be read as a route's pattern, is refused.
std::string problem_of_path(std::string_view path) {
  if (!path.starts_with('/')) return "must begin with '/'";
  if (path == "/") return "must name a place under '/', e.g. \"/hooks/github\"";
  const bool plain = std::all_of(path.begin(), path.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("/-._~!$&'()*+,;=:@").find(static_cast<char>(c)) != std::string::npos;
  });
  if (!plain) return "must be a plain path of letters, digits and -._~/, without braces, spaces, '?', '#' or '%'";
  const std::string closed = std::string(path) + "/";
  if (closed.find("/./") != std::string::npos || closed.find("/../") != std::string::npos) {
    return "has a part '.' or '..', which clients take out before they send it";
  }
  for (const std::string_view api : kApiPaths) {
    if (closed.starts_with(std::string(api) + "/")) {
      return "is a place of the API (" + std::string(api) + "); choose one of your own, e.g. \"/hooks/github\"";
    }
  }
  return "";
}

void read_webhook(TomlReader& table, SourceConfig& source) {
  table.read("path", source.path);
  table.read_choice("scheme", source.scheme, {"github", "standard", "unsigned"});
  table.read_secrets("secrets", source.secrets);
  if (const std::string wrong = problem_of_path(source.path); !wrong.empty()) table.problem("path", wrong);
  for (const std::string& name : attributes_of(source.key)) {
    if (name == "github_event" && source.scheme == "github") continue;
    table.problem(
        "key", "names '{" + name + "}', which no event of a webhook has; a member of the payload is '{/" + name + "}'");
  }
  if (source.scheme != "unsigned" && source.secrets.empty() && !table.has("secrets")) {
    table.problem("secrets", "is missing: who may send?");
  }
}

void read_cron(TomlReader& table, SourceConfig& source) {
  table.read("cron", source.cron);
  table.read("time_zone", source.time_zone);
  table.read_choice("missed", source.missed, {"skip", "once", "all"});
  table.read("data", source.data);
  if (source.cron.empty()) return table.problem("cron", "is missing: when does it fire?");
  const Result<CronSchedule> schedule = CronSchedule::parse(source.cron, "UTC");
  if (!schedule.ok()) return table.problem("cron", "cannot be read: " + schedule.error().message);
  const Result<CronSchedule> zoned = CronSchedule::parse(source.cron, source.time_zone);
  if (!zoned.ok()) table.problem("time_zone", "cannot be used: " + zoned.error().message);
  if (source.data.empty()) return;
  if (const auto json = parse_bounded_json(source.data, "it"); !json.ok()) {
    table.problem("data", "is no JSON: " + json.error().message);
  }
}

void read_kafka(TomlReader& table, SourceConfig& source) {
  read_kafka_client(table, source.kafka);
  table.read("topics", source.topics);
  table.read("group", source.group);
  table.read_choice("start", source.start, {"earliest", "latest"});
  table.read_choice("ack", source.ack, {"inbox", "done"});
  table.read_choice("dedupe", source.dedupe, {"offset", "id"});
  table.read_choice("format", source.format, {"json", "bytes", "avro", "protobuf", "json_schema"});
  const bool needs_registry = source.format != "json" && source.format != "bytes";
  const toml::table* registry = table.table("registry");
  if (registry != nullptr) {
    TomlReader inside = table.inside("registry", *registry);
    read_schema_registry(inside, source.registry);
  }
  if (needs_registry && registry == nullptr) {
    table.problem("registry", "is missing: where are the schemas of '" + source.format + "'?");
  }
  if (!needs_registry && registry != nullptr) {
    table.problem("registry", "has schemas, and 'format' is " + source.format + ", which needs none");
  }
  table.read_key_template("event_id", source.event_id);
  table.read_key_template("event_type", source.event_type);
  table.read_key_template("event_tenant", source.event_tenant);
  table.read("instance_id", source.instance_id);
  if (source.topics.empty()) table.problem("topics", "is missing: which topics wake agents?");
  for (const std::string& topic : source.topics) {
    if (topic.empty()) table.problem("topics", "has an empty name");
  }
}

void read_rabbitmq(TomlReader& table, SourceConfig& source) {
  read_rabbitmq_client(table, source.rabbitmq);
  table.read("queue", source.queue);
  table.read_choice("queue_type", source.queue_type, {"existing", "classic", "quorum"});
  table.read("exchange", source.exchange);
  table.read("routing_keys", source.routing_keys);
  table.read_integer("prefetch", source.prefetch, 1, 65'535);
  table.read_choice("ack", source.ack, {"inbox", "done"});
  table.read_choice("format", source.format, {"json", "bytes"});
  table.read_key_template("event_id", source.event_id);
  table.read_key_template("event_type", source.event_type);
  table.read_key_template("event_tenant", source.event_tenant);
  if (source.queue.empty()) table.problem("queue", "is missing: which queue wakes agents?");
  if (!source.routing_keys.empty() && source.exchange.empty()) {
    table.problem("exchange", "is missing: 'routing_keys' are of a binding to it");
  }
}

struct Kind {
  std::string_view name;
  void (*read)(TomlReader& table, SourceConfig& source);
};
constexpr Kind kKinds[] = {
    {"webhook", read_webhook}, {"cron", read_cron}, {"kafka", read_kafka}, {"rabbitmq", read_rabbitmq}};

}  // namespace

std::vector<std::string_view> source_kinds() {
  std::vector<std::string_view> names;
  for (const Kind& kind : kKinds) names.push_back(kind.name);
  return names;
}

void read_source(TomlReader& table, SourceConfig& source) {
  source.place = table.place("secrets");
  table.read_choice("kind", source.kind, source_kinds());
  table.read("agent", source.agent);
  table.read_key_template("key", source.key);
  table.read("tenant", source.tenant);
  table.read("type_prefix", source.type_prefix);
  for (const Kind& kind : kKinds) {
    if (kind.name == source.kind) return kind.read(table, source);
  }
  table.ignore_unknown_keys();
}

}  // namespace mnema
