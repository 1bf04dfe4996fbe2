#include "cli/serve_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "agents/host.hpp"
#include "agents/model_server.hpp"
#include "cli/exit_code.hpp"
#include "examples/quickstart.hpp"

namespace mnema {
namespace {

struct ServeFlags {
  ModelServerOptions options;
  std::string config;
  std::string listen;  // "" = what the configuration says, else 127.0.0.1:7070
  std::string data;
  std::vector<std::string> documents;
  std::string kv_type = "f16";
  long long kv_memory_mib = 1024;
};

/// A configuration and what the command line says over it.
int serve_agents(const ServeFlags& flags) {
  Result<Config> config = load_config(flags.config);
  if (!config.ok()) return report(config.error(), kExitConfig);
  if (!flags.listen.empty()) {
    const Result<ListenAddress> address = parse_listen(flags.listen);
    if (!address.ok()) return report(address.error(), kExitUsage);
    config->server.host = address->host;
    config->server.port = address->port;
  }
  if (!flags.data.empty()) config->server.data = flags.data;
  if (!flags.documents.empty()) config->memory.documents = flags.documents;
  if (!flags.options.engine.model.empty()) config->inference.model = flags.options.engine.model;
  Host host;
  if (config->agents.count("assistant") != 0) declare_assistant(host);
  if (config->agents.count("triage") != 0) declare_triage(host);
  if (const auto failed = host.open(std::move(*config))) {
    switch (failed->part) {
      case Host::Part::kModel:
        return report(failed->error, kExitModel);
      case Host::Part::kData:
        return report(failed->error, kExitDatabase);
      case Host::Part::kAddress:
        return report(failed->error, kExitPortInUse);
      case Host::Part::kStopped:
        return kExitOk;
      case Host::Part::kConfig:
      case Host::Part::kConnectors:
        return report(failed->error, kExitConfig);
    }
  }
  fmt::print(stderr,
             "mnema serves {0} on http://{1}. Try:\n\n"
             "  curl http://{1}/v1/models\n"
             "  curl http://{1}/v1/chat/completions -H 'Content-Type: application/json' \\\n"
             "    -d '{{\"model\": \"assistant\", \"messages\": [{{\"role\": \"user\", \"content\": "
             "\"What is the mailbox?\"}}]}}'\n"
             "  examples/webhook.sh \"Crash when saving\" \"It crashes.\"     # wakes triage, if it is configured\n\n",
             flags.config, host.address());
  host.run();
  return kExitOk;
}

int serve(const ServeFlags& flags) {
  ModelServerOptions options = flags.options;
  const std::string listen = flags.listen.empty() ? "127.0.0.1:7070" : flags.listen;
  const Result<ListenAddress> address = parse_listen(listen);
  if (!address.ok()) return report(address.error(), kExitUsage);
  options.host = address->host;
  options.port = address->port;
  if (options.engine.model.empty()) options.engine.model = EngineOptions().model;
  options.engine.kv_type = flags.kv_type == "int8" ? KvType::kInt8 : KvType::kF16;
  options.engine.kv_memory_bytes = flags.kv_memory_mib << 20;
  const std::string model = options.engine.model;
  ModelServer server(std::move(options));
  if (const Status status = server.open(); !status.ok()) {
    return report(status.error(), status.error().code == ErrorCode::kInvalidArgument ? kExitUsage : kExitModel);
  }
  if (const Status status = server.listen(); !status.ok()) {
    return report(status.error(), status.error().code == ErrorCode::kUnavailable ? kExitPortInUse : kExitUsage);
  }
  fmt::print(stderr,
             "mnema serves {0} on http://{1}\n\n"
             "  curl http://{1}/v1/chat/completions -H 'Content-Type: application/json' \\\n"
             "    -d '{{\"model\": \"default\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'\n\n",
             model, address->host + ":" + std::to_string(server.port()));
  server.run();
  return kExitOk;
}

}  // namespace

void add_serve_command(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("serve", "Serve agents, or a bare model, over an OpenAI-compatible REST interface");
  const auto flags = std::make_shared<ServeFlags>();
  EngineOptions& engine = flags->options.engine;
  engine.model.clear();
  command->add_option("--config", flags->config, "Serve the agents of this TOML file; without it, a bare model");
  command->add_option("--model", engine.model, "Catalogue name or GGUF file (default smollm2-135m)");
  command->add_option("--listen", flags->listen, "HOST:PORT; port 0 = any free one (default 127.0.0.1:7070)");
  command->add_option("--data", flags->data, "Data folder, instead of the configuration's");
  command->add_option("--docs", flags->documents, "Folders of documents to read, instead of the configuration's");
  command->add_option("--threads", engine.threads, "Compute threads; 0 = one per core")
      ->capture_default_str()
      ->check(CLI::Range(0, 256));
  command->add_option("--backend", engine.backend, "auto, scalar, avx2 or avx512")->capture_default_str();
  command->add_option("--kv-type", flags->kv_type, "f16 or int8")
      ->check(CLI::IsMember({"f16", "int8"}))
      ->capture_default_str();
  command->add_option("--kv-memory-mib", flags->kv_memory_mib, "Memory for KV pages")
      ->capture_default_str()
      ->check(CLI::Range(1LL, 1LL << 20));
  command->add_option("--context", engine.context_length, "Longest context; 0 = the model's")
      ->capture_default_str()
      ->check(CLI::Range(0, 1 << 22));
  command->add_option("--max-sequences", engine.max_sequences, "Sequences computed side by side")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  command->add_option("--cors-origin", flags->options.cors_origin, "Origin that browsers may call from; * = any");
  command->callback([flags, &exit_code] { exit_code = flags->config.empty() ? serve(*flags) : serve_agents(*flags); });
}

}  // namespace mnema
