#include "cli/serve_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <memory>

#include "agents/model_server.hpp"
#include "cli/exit_code.hpp"

namespace mnema {
namespace {

struct ServeFlags {
  ModelServerOptions options;
  std::string listen = "127.0.0.1:7070";
  std::string kv_type = "f16";
  long long kv_memory_mib = 1024;
};

/// "HOST:PORT", "[v6]:PORT" or a port alone. Errors: `kInvalidArgument`.
Status read_address(const std::string& text, ModelServerOptions& options) {
  const std::size_t colon = text.rfind(':');
  std::string_view port = colon == std::string::npos ? text : std::string_view(text).substr(colon + 1);
  if (colon != std::string::npos) options.host = text.substr(0, colon);
  if (options.host.starts_with('[') && options.host.ends_with(']'))
    options.host = options.host.substr(1, options.host.size() - 2);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), options.port);
  if (error == std::errc() && end == port.data() + port.size() && options.port >= 0 && options.port <= 65535) return {};
  return fail(ErrorCode::kInvalidArgument, "'" + text + "' is no address to listen on",
              "use HOST:PORT, e.g. 127.0.0.1:7070");
}

int serve(const ServeFlags& flags) {
  ModelServerOptions options = flags.options;
  if (const Status status = read_address(flags.listen, options); !status.ok())
    return report(status.error(), kExitUsage);
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
             model, flags.listen.substr(0, flags.listen.rfind(':')) + ":" + std::to_string(server.port()));
  server.run();
  return kExitOk;
}

}  // namespace

void add_serve_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("serve", "Serve a model over an OpenAI-compatible REST interface");
  const auto flags = std::make_shared<ServeFlags>();
  EngineOptions& engine = flags->options.engine;
  command->add_option("--model", engine.model, "Catalogue name or GGUF file")->capture_default_str();
  command->add_option("--listen", flags->listen, "HOST:PORT; port 0 = any free one")->capture_default_str();
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
  command->callback([flags, &exit_code] { exit_code = serve(*flags); });
}

}  // namespace mnema
