// runtime/config/config.hpp
//
// What the program is told, as types. Read from TOML: an unknown key, a wrong type or a value out of range is an error
// with file, line and column, and the nearest known key. Nothing is drafted and nothing is ignored.
//
// A secret is never in the file, only where it is: {env = "STRIPE_KEY"}, {file = "/run/secrets/stripe"} or
// {command = "pass show stripe"}. A key named like a secret that holds plain text is refused.
//
//   [server]            where it listens, where its data is
//   [log]               level, format
//   [inference]         model, threads, KV
//   [memory]            documents, recalled tokens
//   [agents.NAME]       agents declared without C++
//   [connectors.NAME]   other people's APIs and files: limits, secrets (connector_config.hpp)
//   [sources.NAME]      what wakes agents (source_config.hpp)
//   [limits]            any field of runtime/base/limits.hpp
//
// Sizes may be numbers of bytes or texts like "2 GiB"; durations are in the unit of their name.
//
// Threads: read once at start, then an immutable value.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"
#include "runtime/config/connector_config.hpp"
#include "runtime/config/event_flow_config.hpp"
#include "runtime/config/source_config.hpp"

namespace mnema {

/// Where a secret is: "env:NAME", "file:PATH" or "command:LINE"; what connectors/secrets_store.hpp reads. Not the
/// secret.
using SecretLocation = std::string;

struct ApiKeyConfig {
  SecretLocation key;
  std::string tenant = "local";    // "*" = of none: it administers all tenants and cannot chat
  bool may_assert_users = false;   // requests with it may say who the user is
  std::vector<std::string> roles;  // "read": dead letters, health, metrics; "operate": redrive and drop dead letters
  std::string place;               // "mnema.toml:7:7", for what is found wrong when the key is read
};

struct ServerConfig {
  std::string host = "127.0.0.1";  // `listen = "HOST:PORT"`
  int port = 7070;
  std::string data = "mnema-data";           // folder; relative to the working directory
  std::string cors_origin;                   // "" none, "*", or one origin
  std::string tls_certificate;               // PEM file; with tls_key
  std::string tls_key;                       // PEM file
  std::map<std::string, ApiKeyConfig> keys;  // [server.keys.NAME]; none: loopback only, tenant "local"
};

struct LogConfig {
  std::string level = "info";   // debug | info | warning | error | off
  std::string format = "text";  // text | json
  std::string file;             // "" = stderr
};

struct InferenceConfig {
  std::string model;             // catalogue name or file; "" = smollm2-135m if an agent needs one; "none" = none
  std::string embedding_model;   // the same; "" = all-minilm-l6-v2 if recall or documents need one
  int threads = 0;               // 0 = one per core
  std::string backend = "auto";  // auto | scalar | avx2 | avx512
  std::string kv_type = "f16";   // f16 | int8
  std::int64_t kv_memory_bytes = std::int64_t{1} << 30;
  int context_length = 0;  // 0 = the model's
  int max_sequences = 16;
  int max_batched_tokens = 512;
  int speculation_tokens_max = 0;     // drafted ahead by prompt look-up; 0 = off
  int keep_alive_ms = 300'000;        // another model than the default is unloaded after this; 0 = never
  std::int64_t memory_bytes_max = 0;  // of all loaded models; 0 = no bound
  std::string models_directory;       // where models are kept; "" = the user's cache
};

struct MemoryConfig {
  std::vector<std::string> documents;                     // folders and files to read in
  int documents_reread_minutes = 0;                       // 0 = only at the start
  int recall_tokens = 1200;                               // share of the prompt for recalled text
  std::vector<std::string> task_headers = {"### Task:"};  // first lines of what clients ask for themselves
};

/// [agents.NAME]. What a C++ agent of the same name sets in code wins only where the file is silent.
struct AgentConfig {
  std::string model;                   // "" = [inference] model
  std::string system;                  // system prompt
  std::string key;                     // key template (runtime/events/key_template.hpp)
  std::vector<std::string> on;         // event types: "github.issues.*"
  std::vector<std::string> documents;  // public documents of this agent
  std::vector<std::string> choices;    // the answer is one of these
  std::string reply_to;                // connector that gets the outcome; "" = none
  bool facts = true;                   // stand in its prompts
  bool procedures = true;              // likewise, and are learned
  bool edit_blocks = false;            // by tools of the model
  double temperature = 0;
  int completion_tokens = 0;  // 0 = limits.completion_tokens_default
  int recall_tokens = -1;     // -1 = [memory] recall_tokens
  int first_token_ms = -1;    // -1 = the program's
  std::optional<std::int64_t> budget_tokens;
  std::optional<std::int64_t> budget_tool_calls;
  std::optional<int> budget_wall_ms;
  bool stateless = false;  // its keys may move to another node
  EventFlowConfig flow;    // what happens to its events before a turn
};

struct Config {
  ServerConfig server;
  LogConfig log;
  InferenceConfig inference;
  MemoryConfig memory;
  std::map<std::string, AgentConfig> agents;
  std::map<std::string, ConnectorConfig> connectors;
  std::map<std::string, SourceConfig> sources;
  Limits limits;
  std::string file;  // where it was read from; relative paths in it are as seen from the working directory
};

/// Errors: `kNotFound` (no such file), `kInvalidArgument` (every problem found, one per line).
[[nodiscard]] Result<Config> load_config(const std::string& file);
/// The same from memory; `file` is what errors call it.
[[nodiscard]] Result<Config> parse_config(std::string_view text, const std::string& file);

/// "HOST:PORT", "[::1]:PORT" or ":PORT". Errors: `kInvalidArgument`.
struct ListenAddress {
  std::string host;
  int port = 0;
};
[[nodiscard]] Result<ListenAddress> parse_listen(std::string_view text);
/// "1048576", "512 MiB", "2GB". Errors: `kInvalidArgument`.
[[nodiscard]] Result<std::int64_t> parse_bytes(std::string_view text);

}  // namespace mnema
