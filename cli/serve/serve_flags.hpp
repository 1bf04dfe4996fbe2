// cli/serve/serve_flags.hpp
//
// The flags of `mnema serve`, and what each changes: a configuration (the flag wins over the file), or the options of a
// bare model. No flag is ever without effect: one that a bare model has no use for is refused by its name.
//
// Threads: plain values, pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/host/model_server.hpp"
#include "runtime/config/config.hpp"

namespace CLI {
class App;
}

namespace mnema {

/// None or empty: not on the command line.
struct ServeFlags {
  std::string config;
  std::optional<std::string> model;
  std::optional<std::string> listen;
  std::optional<std::string> data;
  std::vector<std::string> documents;
  std::optional<int> threads;
  std::optional<std::string> backend;
  std::optional<std::string> kv_type;
  std::optional<long long> kv_memory_mib;
  std::optional<int> context;
  std::optional<int> max_sequences;
  std::optional<std::string> cors_origin;
};

/// Adds the flags to the sub-command; they are written when it parses.
void add_serve_flags(CLI::App& command, ServeFlags& flags);

/// Puts what was given over `config`. Errors: `kInvalidArgument` (an address that is none).
[[nodiscard]] Status apply(const ServeFlags& flags, Config& config);

/// Of a bare model: with the defaults, where nothing was given. Errors: `kInvalidArgument`, also for a flag that only a
/// configuration has a use for.
[[nodiscard]] Result<ModelServerOptions> model_server_options(const ServeFlags& flags);

}  // namespace mnema
