#include "cli/serve_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "agents/host.hpp"
#include "cli/exit_code.hpp"
#include "cli/serve/serve_flags.hpp"
#include "examples/quickstart.hpp"

namespace mnema {
namespace {

int serve_agents(const ServeFlags& flags) {
  Result<Config> config = load_config(flags.config);
  if (!config.ok()) return report(config.error(), kExitConfig);
  if (const Status applied = apply(flags, *config); !applied.ok()) return report(applied.error(), kExitUsage);
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
  Result<ModelServerOptions> options = model_server_options(flags);
  if (!options.ok()) return report(options.error(), kExitUsage);
  const std::string host = options->host;
  const std::string model = options->engine.model;
  ModelServer server(std::move(*options));
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
             model, host + ":" + std::to_string(server.port()));
  server.run();
  return kExitOk;
}

}  // namespace

void add_serve_command(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("serve", "Serve agents, or a bare model, over an OpenAI-compatible REST interface");
  const auto flags = std::make_shared<ServeFlags>();
  add_serve_flags(*command, *flags);
  command->callback([flags, &exit_code] { exit_code = flags->config.empty() ? serve(*flags) : serve_agents(*flags); });
}

}  // namespace mnema
