#include "cli/bench/embeddings_bench.hpp"

#include <array>
#include <future>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "cli/bench/process_usage.hpp"
#include "inference/local_engine.hpp"
#include "runtime/base/random.hpp"
#include "runtime/exec/thread_pool_executor.hpp"

namespace mnema {
namespace {

/// Texts of common words, none like another.
std::vector<std::string> made_texts(int count, int words, unsigned seed) {
  constexpr std::array kWords{"the",   "order",  "was",   "sent",  "from",    "our",     "warehouse", "on",
                              "march", "and",    "has",   "not",   "arrived", "yet",     "customer",  "asks",
                              "for",   "refund", "of",    "both",  "kettles", "because", "one",       "lid",
                              "is",    "broken", "after", "seven", "days",    "in",      "Hamburg",   "please"};
  std::mt19937 stream(seed);
  std::vector<std::string> texts(static_cast<std::size_t>(count));
  for (std::string& text : texts) {
    for (int i = 0; i < words; ++i) text += (i > 0 ? " " : "") + std::string(kWords[stream() % kWords.size()]);
  }
  return texts;
}

class Bench {
 public:
  Bench(const EmbeddingsBenchOptions& options, const Clock& clock) : options_(options), clock_(clock) {
    EngineOptions engine;
    engine.embedding_model = options.model;
    engine.threads = options.threads;
    engine.backend = options.backend;
    engine.keep_alive_ms = 0;
    engine_ = std::make_unique<LocalEngine>(engine, LocalEngine::Executors{compute_, prepare_},
                                            cpu_model_loader(engine, limits_), clock_, random_, limits_);
  }
  ~Bench() {
    engine_->stop();
    for (ThreadPoolExecutor* pool : {&compute_, &prepare_, &replies_}) pool->stop();
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  Result<EmbeddingsBenchResult> run() {
    EmbeddingsBenchResult result;
    const MonotonicTime opened = clock_.monotonic_now();
    ASSIGN_OR_RETURN(const Embeddings first, embed({"probe"}, EmbeddingRequest::Kind::kPassage));
    result.load_s = seconds_since(opened);
    result.dimensions = static_cast<int>(first.vectors.front().size());
    constexpr int kAtOnce = 256;  // as many as memory's queue asks for, and few enough to be let in
    double seconds = 0, cpu = 0;
    int tokens = 0;
    for (int begin = 0; begin < options_.texts; begin += kAtOnce) {
      const int count = std::min(kAtOnce, options_.texts - begin);
      std::vector<std::string> texts = made_texts(count, options_.words, static_cast<unsigned>(begin + 1));
      const std::map<std::string, long long> cpu_before = cpu_ns_by_thread();
      const MonotonicTime asked = clock_.monotonic_now();
      ASSIGN_OR_RETURN(const Embeddings made, embed(std::move(texts), EmbeddingRequest::Kind::kPassage));
      seconds += seconds_since(asked);
      for (const auto& [name, us] : cpu_us_since(cpu_before)) cpu += us / 1e6;
      tokens += made.tokens;
    }
    result.texts_per_s = options_.texts / seconds;
    result.tokens_per_text = static_cast<double>(tokens) / options_.texts;
    result.cpu_s_per_1000_texts = 1000 * cpu / options_.texts;
    std::vector<Duration> waits;
    for (const std::string& question : made_texts(options_.questions, options_.words, 0)) {
      const MonotonicTime asked = clock_.monotonic_now();
      ASSIGN_OR_RETURN(const Embeddings made, embed({question}, EmbeddingRequest::Kind::kQuestion));
      waits.push_back(clock_.monotonic_now() - asked);
    }
    result.question = latency_of(std::move(waits));
    return result;
  }

 private:
  double seconds_since(MonotonicTime begin) const {
    return std::chrono::duration<double>(clock_.monotonic_now() - begin).count();
  }
  Result<Embeddings> embed(std::vector<std::string> texts, EmbeddingRequest::Kind kind) {
    EmbeddingRequest request;
    request.model = options_.model;
    for (std::string& text : texts) request.inputs.emplace_back(std::move(text));
    request.kind = kind;
    request.priority = kind == EmbeddingRequest::Kind::kQuestion ? Priority::kInteractive : Priority::kBackground;
    std::promise<Result<Embeddings>> done;
    engine_->embed(std::move(request), replies_, [&done](Result<Embeddings> made) { done.set_value(std::move(made)); });
    return done.get_future().get();
  }

  const EmbeddingsBenchOptions& options_;
  const Clock& clock_;
  const Limits limits_;
  SystemRandom random_;
  ThreadPoolExecutor compute_{"compute", 1};
  ThreadPoolExecutor prepare_{"prepare", 1};
  ThreadPoolExecutor replies_{"replies", 1};
  std::unique_ptr<LocalEngine> engine_;
};

}  // namespace

Result<EmbeddingsBenchResult> run_embeddings_bench(const EmbeddingsBenchOptions& options, const Clock& clock) {
  if (options.texts < 1 || options.words < 1 || options.questions < 1) {
    return fail(ErrorCode::kInvalidArgument, "nothing to measure: --texts, --words and --questions begin at 1");
  }
  return Bench(options, clock).run();
}

}  // namespace mnema
