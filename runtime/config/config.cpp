#include "runtime/config/config.hpp"

#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "runtime/config/config_keys.hpp"
#include "runtime/config/limits_fields.hpp"
#include "runtime/config/toml_reader.hpp"

namespace mnema {
namespace {

constexpr int kIntMax = std::numeric_limits<int>::max();
constexpr std::int64_t kInt64Max = std::numeric_limits<std::int64_t>::max();

class ConfigReader {
 public:
  /// Every problem goes to `problems`; unknown sections when the reader goes. `observer` may be null.
  ConfigReader(const toml::table& root, Config& config, std::vector<std::string>& problems,
               TomlKeyObserver* observer = nullptr)
      : problems_(problems), observer_(observer), root_(root, "", config.file, problems, observer), config_(config) {}

  void read() {
    section("server", [this](TomlReader& table) { read_server(table); });
    section("log", [this](TomlReader& table) { read_log(table); });
    section("inference", [this](TomlReader& table) { read_inference(table); });
    section("memory", [this](TomlReader& table) { read_memory(table); });
    section("limits", [this](TomlReader& table) { read_limits(table); });
    each("agents", [this](TomlReader& table, const std::string& name) { read_agent(table, config_.agents[name]); });
    each("connectors",
         [this](TomlReader& table, const std::string& name) { read_connector(table, config_.connectors[name]); });
    each("sources", [this](TomlReader& table, const std::string& name) { read_source(table, config_.sources[name]); });
    check_references();
    check_paths();
  }

 private:
  /// Two sources at one place would take each other's requests.
  void check_paths() {
    std::map<std::string, std::string> first;  // path -> source
    for (const auto& [name, source] : config_.sources) {
      const auto [known, is_new] = first.try_emplace(source.path, name);
      if (is_new || source.path.empty()) continue;
      root_.problem(std::vector<std::string>{"sources", name, "path"},
                    "is '" + source.path + "', which source '" + known->second + "' has already");
    }
  }

  void check_references() {
    for (const auto& [name, agent] : config_.agents) {
      if (!agent.reply_to.empty() && config_.connectors.count(agent.reply_to) == 0) {
        root_.problem("agents", ": agent '" + name + "' replies to '" + agent.reply_to +
                                    "', and there is no [connectors." + agent.reply_to + "]");
      }
    }
  }

  template <class Read>
  void section(const std::string& name, const Read& read) {
    if (const toml::table* table = root_.table(name)) {
      TomlReader reader(*table, name, config_.file, problems_, observer_);
      read(reader);
    }
  }
  template <class Read>
  void each(const std::string& kind, const Read& read) {
    for (const auto& [name, table] : root_.tables(kind)) {
      TomlReader reader(*table, kind + "." + name, config_.file, problems_, observer_);
      read(reader, name);
    }
  }

  void read_server(TomlReader& table) {
    ServerConfig& server = config_.server;
    std::string listen = server.host + ":" + std::to_string(server.port);
    table.read("listen", listen);
    if (!listen.empty()) {
      const auto address = parse_listen(listen);
      if (address.ok())
        server.host = address->host, server.port = address->port;
      else
        table.problem("listen", address.error().message);
    }
    table.read("data", server.data);
    table.read("cors_origin", server.cors_origin);
    table.read("tls_certificate", server.tls_certificate);
    table.read("tls_key", server.tls_key);
    if (server.tls_certificate.empty() != server.tls_key.empty()) {
      table.problem("tls_certificate", "and 'tls_key' come together");
    }
    for (const auto& [name, key] : table.tables("keys")) {
      TomlReader reader(*key, "server.keys." + name, config_.file, problems_, observer_);
      read_api_key(reader, server.keys[name]);
      server.keys[name].place = reader.place("key");
    }
  }

  void read_api_key(TomlReader& table, ApiKeyConfig& key) {
    std::optional<SecretLocation> where;
    table.read_secret("key", where);
    if (where)
      key.key = *where;
    else if (!table.has("key"))
      table.problem("key", "is missing");
    table.read("tenant", key.tenant);
    table.read("may_assert_users", key.may_assert_users);
    table.read("roles", key.roles);
    for (const std::string& role : key.roles) {
      if (role != "read" && role != "operate") {
        table.problem("roles", "has '" + role + "', which is no role; there are \"read\" and \"operate\"");
      }
    }
    if (key.tenant.empty()) table.problem("tenant", "must not be empty");
    if (key.tenant != "*") return;
    if (key.roles.empty()) {
      table.problem("tenant", "is '*', which only administers: give the key roles = [\"read\", \"operate\"]");
    }
    if (key.may_assert_users) table.problem("may_assert_users", "says nothing for tenant '*', which cannot chat");
  }

  void read_log(TomlReader& table) {
    table.read_choice("level", config_.log.level, {"debug", "info", "warning", "error", "off"});
    table.read_choice("format", config_.log.format, {"text", "json"});
    table.read("file", config_.log.file);
  }

  void read_inference(TomlReader& table) {
    InferenceConfig& inference = config_.inference;
    table.read("model", inference.model);
    table.read("embedding_model", inference.embedding_model);
    table.read_integer("threads", inference.threads, 0, 256);
    table.read_choice("backend", inference.backend, {"auto", "scalar", "avx2", "avx512"});
    table.read_choice("kv_type", inference.kv_type, {"f16", "int8"});
    table.read_bytes("kv_memory_bytes", inference.kv_memory_bytes);
    table.read_integer("context_length", inference.context_length, 0, 1 << 22);
    table.read_integer("max_sequences", inference.max_sequences, 1, 1024);
    table.read_integer("max_batched_tokens", inference.max_batched_tokens, 1, 1 << 16);
    table.read_integer("speculation_tokens_max", inference.speculation_tokens_max, 0, 32);
    table.read_integer("keep_alive_ms", inference.keep_alive_ms, 0, kIntMax);
    table.read_bytes("memory_bytes_max", inference.memory_bytes_max);
    table.read("models_directory", inference.models_directory);
  }

  void read_memory(TomlReader& table) {
    table.read("documents", config_.memory.documents);
    table.read_integer("documents_reread_minutes", config_.memory.documents_reread_minutes, 0, 1 << 20);
    table.read_integer("recall_tokens", config_.memory.recall_tokens, 0, 1 << 20);
    table.read("task_headers", config_.memory.task_headers);
  }

  void read_limits(TomlReader& table) {
    for_each_limit([&](auto field) {
      auto& value = config_.limits.*field.pointer;
      if constexpr (std::is_same_v<std::decay_t<decltype(value)>, int>)
        table.read_integer(field.name, value, 1, kIntMax);
      else
        table.read_integer(field.name, value, std::int64_t{1}, kInt64Max);
    });
    if (config_.limits.event_bytes_max > config_.limits.http_body_bytes_max) {
      table.problem("event_bytes_max", "is more than http_body_bytes_max: such an event could not come in");
    }
    if (config_.limits.source_pause_percent > 100) table.problem("source_pause_percent", "must be 100 at most");
    if (config_.limits.source_resume_percent >= config_.limits.source_pause_percent) {
      table.problem("source_resume_percent", "must be below source_pause_percent: sources could never go on");
    }
  }

  void read_agent(TomlReader& table, AgentConfig& agent) {
    table.read("model", agent.model);
    table.read("system", agent.system);
    table.read_key_template("key", agent.key);
    table.read("on", agent.on);
    table.read("documents", agent.documents);
    table.read("choices", agent.choices);
    table.read("facts", agent.facts);
    table.read("procedures", agent.procedures);
    table.read("edit_blocks", agent.edit_blocks);
    table.read("reply_to", agent.reply_to);
    table.read("temperature", agent.temperature);
    if (agent.temperature > 2) table.problem("temperature", "must be between 0 and 2");
    table.read_integer("completion_tokens", agent.completion_tokens, 1, 1 << 20);
    table.read_integer("recall_tokens", agent.recall_tokens, 0, 1 << 20);
    table.read_integer("first_token_ms", agent.first_token_ms, 0, 3'600'000);
    table.read("stateless", agent.stateless);
    std::int64_t number = 0;
    if (table.has("budget_tokens")) {
      table.read_integer("budget_tokens", number, std::int64_t{1}, kInt64Max);
      agent.budget_tokens = number;
    }
    if (table.has("budget_tool_calls")) {
      table.read_integer("budget_tool_calls", number, std::int64_t{0}, kInt64Max);
      agent.budget_tool_calls = number;
    }
    if (table.has("budget_wall_ms")) {
      table.read_integer("budget_wall_ms", number, std::int64_t{1}, std::int64_t{kIntMax});
      agent.budget_wall_ms = static_cast<int>(number);
    }
    read_event_flow(table, agent.flow);
  }

  std::vector<std::string>& problems_;
  TomlKeyObserver* const observer_;
  TomlReader root_;  // reports unknown sections when it goes
  Config& config_;
};

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& file) {
  Config config;
  config.file = file;
  toml::table root;
  try {
    root = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    const toml::source_position place = error.source().begin;
    return fail(ErrorCode::kInvalidArgument,
                file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": " +
                    std::string(error.description()),
                "the file is TOML; texts stand in quotes");
  }
  std::vector<std::string> problems;
  ConfigReader(root, config, problems).read();
  if (problems.empty()) return config;
  std::string message;
  for (const std::string& problem : problems) message += (message.empty() ? "" : "\n") + problem;
  return fail(ErrorCode::kInvalidArgument, message, "`mnema config reference` lists every key");
}

void observe_config(const toml::table& root, TomlKeyObserver& observer) {
  Config config;
  std::vector<std::string> problems;
  ConfigReader(root, config, problems, &observer).read();
}

Result<Config> load_config(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    return fail(ErrorCode::kNotFound, "there is no configuration '" + file + "'",
                "name an existing file: --config FILE");
  }
  std::ostringstream text;
  text << in.rdbuf();
  return parse_config(text.str(), file);
}

Result<ListenAddress> parse_listen(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  ListenAddress address{"127.0.0.1", 0};
  const std::string_view port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  if (colon != std::string_view::npos && colon > 0) address.host = text.substr(0, colon);
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error == std::errc() && end == port.data() + port.size() && !port.empty() && address.port >= 0 &&
      address.port <= 65535) {
    return address;
  }
  return fail(ErrorCode::kInvalidArgument, "'" + std::string(text) + "' is no address to listen on",
              "use HOST:PORT, e.g. 127.0.0.1:7070");
}

Result<std::int64_t> parse_bytes(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"", 1},      {"B", 1},      {"KB", 1e3},      {"MB", 1e6},      {"GB", 1e9},
      {"TB", 1e12}, {"KiB", 1024}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1099511627776.0}};
  for (const auto& [name, bytes] : kUnits) {
    if (error != std::errc() || unit != name) continue;
    const double value = number * bytes;
    if (value >= 1 && value < 9e18) return static_cast<std::int64_t>(std::llround(value));
  }
  return fail(ErrorCode::kInvalidArgument, "'" + std::string(text) + "' is no number of bytes",
              "1048576 or \"512 MiB\"");
}

}  // namespace mnema
