#include "cli/serve/serve_flags.hpp"

#include <CLI/CLI.hpp>

namespace mnema {
namespace {

/// Writes `from` to `to`, if it was given.
template <class T, class U>
void put(const std::optional<T>& from, U& to) {
  if (from) to = *from;
}

}  // namespace

void add_serve_flags(CLI::App& command, ServeFlags& flags) {
  command.add_option("--config", flags.config, "Serve the agents of this TOML file; without it, a bare model");
  command.add_option("--model", flags.model, "Catalogue name or GGUF file (default smollm2-135m)");
  command.add_option("--listen", flags.listen, "HOST:PORT; port 0 = any free one (default 127.0.0.1:7070)");
  command.add_option("--data", flags.data, "Data folder; with --config only");
  command.add_option("--docs", flags.documents, "Folders of documents to read; with --config only");
  command.add_option("--threads", flags.threads, "Compute threads; 0 = one per core (default 0)")
      ->check(CLI::Range(0, 256));
  command.add_option("--backend", flags.backend, "auto, scalar, avx2 or avx512 (default auto)")
      ->check(CLI::IsMember({"auto", "scalar", "avx2", "avx512"}));
  command.add_option("--kv-type", flags.kv_type, "f16 or int8 (default f16)")->check(CLI::IsMember({"f16", "int8"}));
  command.add_option("--kv-memory-mib", flags.kv_memory_mib, "Memory for KV pages (default 1024)")
      ->check(CLI::Range(1LL, 1LL << 20));
  command.add_option("--context", flags.context, "Longest context; 0 = the model's (default 0)")
      ->check(CLI::Range(0, 1 << 22));
  command.add_option("--max-sequences", flags.max_sequences, "Sequences computed side by side (default 16)")
      ->check(CLI::Range(1, 1024));
  command.add_option("--cors-origin", flags.cors_origin, "Origin that browsers may call from; * = any (default none)");
  command.footer("With --config, a flag wins over what the file says.");
}

Status apply(const ServeFlags& flags, Config& config) {
  if (flags.listen) {
    ASSIGN_OR_RETURN(const ListenAddress address, parse_listen(*flags.listen));
    config.server.host = address.host;
    config.server.port = address.port;
  }
  put(flags.data, config.server.data);
  put(flags.cors_origin, config.server.cors_origin);
  if (!flags.documents.empty()) config.memory.documents = flags.documents;
  InferenceConfig& inference = config.inference;
  put(flags.model, inference.model);
  put(flags.threads, inference.threads);
  put(flags.backend, inference.backend);
  put(flags.kv_type, inference.kv_type);
  put(flags.context, inference.context_length);
  put(flags.max_sequences, inference.max_sequences);
  if (flags.kv_memory_mib) inference.kv_memory_bytes = *flags.kv_memory_mib << 20;
  return {};
}

Result<ModelServerOptions> model_server_options(const ServeFlags& flags) {
  for (const auto& [name, given] :
       {std::pair{"--data", flags.data.has_value()}, {"--docs", !flags.documents.empty()}}) {
    if (!given) continue;
    return fail(ErrorCode::kInvalidArgument, std::string(name) + " is for agents, and a bare model is served",
                "serve a configuration with --config FILE, or leave the flag out");
  }
  ModelServerOptions options;
  ASSIGN_OR_RETURN(const ListenAddress address, parse_listen(flags.listen.value_or("127.0.0.1:7070")));
  options.host = address.host;
  options.port = address.port;
  put(flags.cors_origin, options.cors_origin);
  EngineOptions& engine = options.engine;
  if (flags.model && !flags.model->empty()) engine.model = *flags.model;
  put(flags.threads, engine.threads);
  put(flags.backend, engine.backend);
  put(flags.context, engine.context_length);
  put(flags.max_sequences, engine.max_sequences);
  if (flags.kv_type) engine.kv_type = *flags.kv_type == "int8" ? KvType::kInt8 : KvType::kF16;
  if (flags.kv_memory_mib) engine.kv_memory_bytes = *flags.kv_memory_mib << 20;
  return options;
}

}  // namespace mnema
