#include "cli/bench/embeddings_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "cli/bench/embeddings_bench.hpp"
#include "cli/bench/latency_json.hpp"
#include "cli/exit_code.hpp"

namespace mnema {
namespace {

struct EmbeddingsFlags {
  EmbeddingsBenchOptions options;
  bool json = false;
};

int run_embeddings(const EmbeddingsFlags& flags) {
  const SystemClock clock;
  const EmbeddingsBenchOptions& options = flags.options;
  const Result<EmbeddingsBenchResult> result = run_embeddings_bench(options, clock);
  if (!result.ok()) {
    const bool usage = result.error().code == ErrorCode::kInvalidArgument;
    return report(result.error(), usage ? kExitUsage : kExitModel);
  }
  if (flags.json) {
    const boost::json::object out{{"model", options.model},
                                  {"texts", options.texts},
                                  {"words", options.words},
                                  {"tokens_per_text", result->tokens_per_text},
                                  {"dimensions", result->dimensions},
                                  {"threads", options.threads},
                                  {"load_s", result->load_s},
                                  {"texts_per_s", result->texts_per_s},
                                  {"cpu_s_per_1000_texts", result->cpu_s_per_1000_texts},
                                  {"question", json_of(result->question)}};
    fmt::print("{}\n", boost::json::serialize(out));
    return kExitOk;
  }
  fmt::print("{}, {} dimensions, first vector after {:.2f} s\n", options.model, result->dimensions, result->load_s);
  fmt::print("{} texts of {:.1f} tokens   {:>7.0f} texts/s   {:.2f} s of CPU for 1,000\n", options.texts,
             result->tokens_per_text, result->texts_per_s, result->cpu_s_per_1000_texts);
  fmt::print("one question            p50 {:.2f} ms   p99 {:.2f} ms   max {:.2f} ms   of {}\n", result->question.p50_ms,
             result->question.p99_ms, result->question.max_ms, result->question.n);
  return kExitOk;
}

}  // namespace

void add_embeddings_bench(CLI::App& bench, int& exit_code) {
  CLI::App* embeddings =
      bench.add_subcommand("embeddings", "How fast texts become vectors, many at once and one that somebody waits for");
  const auto flags = std::make_shared<EmbeddingsFlags>();
  embeddings->add_option("--model", flags->options.model, "Catalogue name or folder of the encoder")
      ->capture_default_str();
  embeddings->add_option("--texts", flags->options.texts, "Texts at once")->capture_default_str();
  embeddings->add_option("--words", flags->options.words, "Words of a text")->capture_default_str();
  embeddings->add_option("--questions", flags->options.questions, "Texts one after the other")->capture_default_str();
  embeddings->add_option("--threads", flags->options.threads, "Compute threads; 0 = one per core")
      ->capture_default_str();
  embeddings->add_option("--backend", flags->options.backend, "auto, scalar, avx2 or avx512")->capture_default_str();
  embeddings->add_flag("--json", flags->json, "One JSON object on standard output");
  embeddings->callback([flags, &exit_code] { exit_code = run_embeddings(*flags); });
}

}  // namespace mnema
