// bench/embeddings_beside_stream.cpp
//
// How long the tokens of one decoding stream are apart, alone and while 2,048 texts of one request become vectors, and
// how long a query of one text takes beside both. Everything in one engine, as a server has it.
//
//   embeddings_beside_stream --model smollm2-135m --encoder all-minilm-l6-v2 --words 40
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "inference/local_engine.hpp"
#include "runtime/base/random.hpp"
#include "runtime/exec/thread_pool_executor.hpp"

namespace {

using namespace mnema;

struct Options {
  std::string model = "smollm2-135m";
  std::string encoder = "all-minilm-l6-v2";
  int tokens = 400;
  int texts = 2048;
  int words = 40;  // of each text
};

std::string text_of(int number, int words) {
  constexpr const char* kWords[] = {"order", "warehouse", "ship", "customer", "late", "Hamburg", "answer", "mail"};
  std::string text;
  for (int i = 0; i < words; ++i) text += std::string(kWords[static_cast<std::size_t>(number * 7 + i * 3) % 8]) + " ";
  return text + std::to_string(number);
}

/// Runs what is posted at once: what is measured is when a token is returned, not when another thread gets a core.
class AtOnce final : public Executor {
 public:
  void post(std::function<void()> work) override { work(); }
  void post_after(Duration, std::function<void()> work) override { work(); }
};

double percentile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(part * static_cast<double>(values.size())))];
}

/// Milliseconds between the tokens of one answer.
std::vector<double> stream(LocalEngine& engine, const Options& options) {
  GenerateRequest request;
  request.prompt.raw_text = "Once upon a time";
  request.tokens_max = options.tokens;
  request.ignore_end_of_sequence = true;
  request.sampling.logprobs_top = 0;  // a delta for every token
  std::vector<double> gaps;
  std::promise<void> done;
  std::optional<std::chrono::steady_clock::time_point> last;
  GenerationCallbacks callbacks;
  callbacks.on_delta = [&](const Delta&) {
    const auto now = std::chrono::steady_clock::now();
    if (last) gaps.push_back(std::chrono::duration<double, std::milli>(now - *last).count());
    last = now;
  };
  callbacks.on_done = [&](const Result<Completion>&) { done.set_value(); };
  AtOnce at_once;
  engine.generate(std::move(request), at_once, std::move(callbacks));
  done.get_future().wait();
  return gaps;
}

void print(const char* what, const std::vector<double>& gaps) {
  fmt::print("{:<28} p50 {:6.2f} ms   p99 {:6.2f} ms   longest {:6.2f} ms   ({} gaps)\n", what, percentile(gaps, 0.5),
             percentile(gaps, 0.99), percentile(gaps, 1), gaps.size());
}

void run(const Options& options) {
  SystemClock clock;
  SystemRandom random;
  const Limits limits;
  EngineOptions engine_options;
  engine_options.model = options.model;
  engine_options.embedding_model = options.encoder;
  ThreadPoolExecutor compute("compute", 1), background("prepare", 2), reply("reply", 1);
  LocalEngine engine(engine_options, {compute, background}, cpu_model_loader(engine_options, limits), clock, random,
                     limits);
  const auto embed = [&](int count, Priority priority) {
    std::vector<std::string> texts;
    for (int i = 0; i < count; ++i) texts.push_back(text_of(i, options.words));
    auto done = std::make_shared<std::promise<Result<Embeddings>>>();
    std::future<Result<Embeddings>> vectors = done->get_future();
    engine.embed("default", std::move(texts), priority, reply,
                 [done](Result<Embeddings> result) { done->set_value(std::move(result)); });
    return vectors;
  };
  const auto ms_since = [](std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  };
  if (const Result<Embeddings> warm = embed(8, Priority::kEvent).get(); !warm.ok()) {
    fmt::print("{}\n", warm.error().text());
    return;
  }
  static_cast<void>(stream(engine, options));
  auto begin = std::chrono::steady_clock::now();
  static_cast<void>(embed(options.texts / 8, Priority::kEvent).get());
  fmt::print("{} texts of {} words alone: {:.0f} ms\n", options.texts / 8, options.words, ms_since(begin));
  print("stream alone", stream(engine, options));
  std::future<Result<Embeddings>> many = embed(options.texts, Priority::kEvent);
  std::vector<double> queries;
  std::atomic<bool> over = false;
  std::thread asking([&] {
    while (!over) {
      const auto asked = std::chrono::steady_clock::now();
      static_cast<void>(embed(1, Priority::kInteractive).get());
      queries.push_back(ms_since(asked));
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  });
  const std::vector<double> gaps = stream(engine, options);
  const bool all_the_time = many.wait_for(std::chrono::seconds(0)) == std::future_status::timeout;
  over = true;
  asking.join();
  print(all_the_time ? "stream beside texts" : "stream beside too few texts", gaps);
  fmt::print("query of one text beside them: p50 {:.2f} ms, longest {:.2f} ms ({} queries)\n", percentile(queries, 0.5),
             percentile(queries, 1), queries.size());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Tokens of a stream beside embeddings");
  Options options;
  app.add_option("--model", options.model, "catalogue name or file");
  app.add_option("--encoder", options.encoder, "catalogue name or folder");
  app.add_option("--tokens", options.tokens, "of the stream");
  app.add_option("--texts", options.texts, "in one request");
  app.add_option("--words", options.words, "in one text");
  CLI11_PARSE(app, argc, argv);
  run(options);
  return 0;
}
