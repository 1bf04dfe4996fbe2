// bench/accuracy_by_type.cpp
//
// What each quantisation costs in accuracy: files of one model in several types against a reference file of it, over
// the golden texts. At every position of every text: mean |difference| of the log-probabilities of the reference's ten
// likeliest tokens, and how often the likeliest token is the same. Both run in our engine, f16 KV.
//
//   accuracy_by_type --golden tests/data/golden/smollm2-135m.json --reference F16.gguf Q8_0.gguf Q4_0.gguf ...
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <fstream>
#include <iterator>
#include <numeric>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "inference/formats/gguf.hpp"
#include "inference/kernels/thread_pool.hpp"
#include "inference/model/backend_cpu.hpp"

namespace {

using namespace mnema;

constexpr int kTop = 10;
constexpr std::size_t kChunkTokens = 128;

using Text = std::vector<TokenId>;

/// What the reference says at one position.
struct Expectation {
  TokenId tokens[kTop];  // likeliest first
  double logprobs[kTop];
};

/// How far a file is from the reference.
struct Distance {
  double difference_sum = 0;
  int agreeing = 0;
  int positions = 0;
};

Text ids_of(const boost::json::value& array) {
  Text ids;
  for (const boost::json::value& id : array.as_array()) ids.push_back(id.to_number<TokenId>());
  return ids;
}

/// The golden prompts with their golden continuations, and the long text.
std::vector<Text> texts_of(const std::string& path) {
  std::ifstream stream(path);
  const std::string json((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  const boost::json::value golden = boost::json::parse(json);
  std::vector<Text> texts{ids_of(golden.at("long").at("ids"))};
  for (const boost::json::value& entry : golden.at("next_token").as_array()) {
    texts.push_back(ids_of(entry.at("prompt_ids")));
    for (const boost::json::value& step : entry.at("steps").as_array()) {
      texts.back().push_back(step.at("id").to_number<TokenId>());
    }
  }
  return texts;
}

double log_of_sum(std::span<const float> logits) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - top);
  return top + std::log(sum);
}

Expectation expectation_of(std::span<const float> logits) {
  std::vector<TokenId> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto likelier = [&](TokenId a, TokenId b) {
    return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
  };
  std::partial_sort(order.begin(), order.begin() + kTop, order.end(), likelier);
  const double total = log_of_sum(logits);
  Expectation expectation;
  for (int i = 0; i < kTop; ++i) {
    expectation.tokens[i] = order[static_cast<std::size_t>(i)];
    expectation.logprobs[i] =
        static_cast<double>(logits[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])]) - total;
  }
  return expectation;
}

void compare(const Expectation& expected, std::span<const float> logits, Distance& distance) {
  const double total = log_of_sum(logits);
  for (int i = 0; i < kTop; ++i) {
    const double logprob = static_cast<double>(logits[static_cast<std::size_t>(expected.tokens[i])]) - total;
    distance.difference_sum += std::fabs(logprob - expected.logprobs[i]);
  }
  const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
  distance.agreeing += best == expected.tokens[0] ? 1 : 0;
  ++distance.positions;
}

/// Runs every text through the model and gives `visit` the logits of each position, in order.
template <class Visit>
Status visit_logits(const std::string& path, const std::vector<Text>& texts, ThreadPool& pool, Visit&& visit) {
  ASSIGN_OR_RETURN(const std::shared_ptr<GgufFile> file, GgufFile::open(path));
  CpuBackendOptions options;
  options.kv_memory_bytes = std::size_t{1} << 30;
  ASSIGN_OR_RETURN(const std::unique_ptr<Backend> backend, load_cpu_backend(file, options, pool));
  const auto vocabulary = static_cast<std::size_t>(backend->info().vocabulary);
  for (const Text& text : texts) {
    std::vector<PageId> pages((text.size() + kPageTokens - 1) / kPageTokens);
    std::iota(pages.begin(), pages.end(), 0);
    for (std::size_t at = 0; at < text.size(); at += kChunkTokens) {
      SequenceStep step;
      std::vector<float> logits;
      step.tokens = std::span(text).subspan(at, std::min(kChunkTokens, text.size() - at));
      step.position = static_cast<int>(at);
      step.pages = pages;
      step.logits_wanted = static_cast<int>(step.tokens.size());
      step.logits = &logits;
      Status status;
      backend->step({&step, 1}, [&status](Status done) { status = std::move(done); });
      RETURN_IF_ERROR(status);
      for (std::size_t i = 0; i < step.tokens.size(); ++i) visit(std::span(logits).subspan(i * vocabulary, vocabulary));
    }
  }
  return {};
}

Status run(const std::string& golden, const std::string& reference, const std::vector<std::string>& files) {
  const std::vector<Text> texts = texts_of(golden);
  ThreadPool pool(std::max(1, static_cast<int>(std::thread::hardware_concurrency())), false);
  std::vector<Expectation> expected;
  RETURN_IF_ERROR(visit_logits(reference, texts, pool,
                               [&](std::span<const float> logits) { expected.push_back(expectation_of(logits)); }));
  fmt::print("{} positions of {} texts against {}\n", expected.size(), texts.size(), reference);
  for (const std::string& path : files) {
    Distance distance;
    RETURN_IF_ERROR(visit_logits(path, texts, pool, [&](std::span<const float> logits) {
      compare(expected[static_cast<std::size_t>(distance.positions)], logits, distance);
    }));
    fmt::print("mean |dlogprob| {:.4f}   top-1 {:5.1f} %   {}\n", distance.difference_sum / kTop / distance.positions,
               100.0 * distance.agreeing / distance.positions, path);
    std::fflush(stdout);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Files of one model in several types against a reference file", "accuracy_by_type"};
  std::string golden, reference;
  std::vector<std::string> files;
  app.add_option("--golden", golden, "tests/data/golden/MODEL.json")->required()->check(CLI::ExistingFile);
  app.add_option("--reference", reference, "The model in F16")->required();
  app.add_option("files", files, "The same model in other types")->required();
  CLI11_PARSE(app, argc, argv);
  const Status status = run(golden, reference, files);
  if (status.ok()) return 0;
  fmt::print(stderr, "accuracy_by_type: {}\n  hint: {}\n", status.error().message, status.error().hint);
  return 1;
}
