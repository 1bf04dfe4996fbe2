#include "cli/bench_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "cli/bench/answers_command.hpp"
#include "cli/bench/embeddings_command.hpp"
#include "cli/bench/events_command.hpp"
#include "cli/bench/memory_command.hpp"
#include "cli/bench/vectors_command.hpp"
#include "cli/exit_code.hpp"
#include "inference/engine_bench.hpp"
#include "inference/loading/catalogue.hpp"

namespace mnema {
namespace {

struct EngineFlags {
  EngineBenchOptions options;
  std::string kv_type = "f16";
  bool json = false;
};

boost::json::object json_of(const EngineBenchOptions& options, const EngineBenchResult& r) {
  return {{"model", options.model},
          {"backend", r.backend},
          {"threads", r.threads},
          {"prompt_tokens", options.prompt_tokens},
          {"gen_tokens", options.gen_tokens},
          {"depth", options.depth},
          {"streams", options.streams},
          {"prefill_tokens_per_s", r.prefill_tokens_per_s},
          {"decode_tokens_per_s", r.decode_tokens_per_s},
          {"integer_peak_fraction", r.integer_peak_fraction},
          {"bandwidth_fraction", r.bandwidth_fraction},
          {"integer_peak_gops", r.integer_peak_gops},
          {"memory_bandwidth_gb_per_s", r.memory_bandwidth_gb_per_s},
          {"load_s", r.load_s},
          {"file_bytes", r.file_bytes},
          {"weight_bytes_resident", r.weight_bytes_resident},
          {"weight_bytes_mapped", r.weight_bytes_mapped}};
}

void print_text(const EngineBenchOptions& options, const EngineBenchResult& r) {
  fmt::print("{} on {}, {} threads, loaded in {:.2f} s\n", options.model, r.backend, r.threads, r.load_s);
  fmt::print("prefill {:>5} tokens   {:>9.1f} tokens/s   {:>3.0f} % of {:.0f} int8 GOPS\n", options.prompt_tokens,
             r.prefill_tokens_per_s, 100 * r.integer_peak_fraction, r.integer_peak_gops);
  fmt::print("decode  {:>5} tokens   {:>9.1f} tokens/s   {:>3.0f} % of {:.1f} GB/s   ({} streams, depth {})\n",
             options.gen_tokens, r.decode_tokens_per_s, 100 * r.bandwidth_fraction, r.memory_bandwidth_gb_per_s,
             options.streams, options.depth);
}

int run_engine(const EngineFlags& flags) {
  EngineBenchOptions options = flags.options;
  options.kv_type = flags.kv_type == "int8" ? KvType::kInt8 : KvType::kF16;
  const Result<std::string> path = resolve_model(options.model, default_models_folder());
  if (!path.ok()) return report(path.error(), kExitModel);
  EngineBenchOptions with_path = options;
  with_path.model = *path;
  const SystemClock clock;
  const Result<EngineBenchResult> result = run_engine_bench(with_path, clock);
  if (!result.ok())
    return report(result.error(), result.error().code == ErrorCode::kInvalidArgument ? kExitUsage : kExitModel);
  if (flags.json) {
    fmt::print("{}\n", boost::json::serialize(json_of(options, *result)));
  } else {
    print_text(options, *result);
  }
  return kExitOk;
}

}  // namespace

void add_bench_command(CLI::App& app, int& exit_code) {
  CLI::App* bench = app.add_subcommand("bench", "Measure this machine");
  bench->require_subcommand(1);
  add_events_bench(*bench, exit_code);
  add_answers_bench(*bench, exit_code);
  add_memory_bench(*bench, exit_code);
  add_vectors_bench(*bench, exit_code);
  add_embeddings_bench(*bench, exit_code);
  CLI::App* engine = bench->add_subcommand("engine", "Prefill and decode rates of a model");
  const auto flags = std::make_shared<EngineFlags>();
  engine->add_option("--model", flags->options.model, "Catalogue name or GGUF file")->default_val("smollm2-135m");
  engine->add_option("--prompt-tokens", flags->options.prompt_tokens, "Tokens of the prompt")->capture_default_str();
  engine->add_option("--gen-tokens", flags->options.gen_tokens, "Tokens to decode")->capture_default_str();
  engine->add_option("--threads", flags->options.threads, "Compute threads; 0 = one per core")->capture_default_str();
  engine->add_option("--depth", flags->options.depth, "Positions in the KV before decode begins")
      ->capture_default_str();
  engine->add_option("--streams", flags->options.streams, "Sequences decoded side by side")->capture_default_str();
  engine->add_option("--backend", flags->options.backend, "auto, scalar, avx2 or avx512")->capture_default_str();
  engine->add_option("--kv-type", flags->kv_type, "f16 or int8")
      ->check(CLI::IsMember({"f16", "int8"}))
      ->capture_default_str();
  engine->add_flag("--json", flags->json, "One JSON object on standard output");
  engine->callback([flags, &exit_code] { exit_code = run_engine(*flags); });
}

}  // namespace mnema
