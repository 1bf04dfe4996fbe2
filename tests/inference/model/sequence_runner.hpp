// tests/inference/model/sequence_runner.hpp
//
// The least scheduler that can drive a backend: sequences with page tables of their own, fed in chunks.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "inference/backend.hpp"
#include "inference/formats/gguf.hpp"
#include "inference/kernels/thread_pool.hpp"
#include "inference/model/backend_cpu.hpp"

namespace mnema::testing {

/// One sequence on a backend. Pages are taken from the front of the store by a counter that all sequences share.
struct TestSequence {
  std::vector<PageId> pages;
  int position = 0;
};

class SequenceRunner {
 public:
  explicit SequenceRunner(Backend& backend) : backend_(backend) {}

  /// Gives `sequence` pages for `tokens` more positions.
  void reserve(TestSequence& sequence, std::size_t tokens) {
    std::size_t end = static_cast<std::size_t>(sequence.position) + tokens;
    while (sequence.pages.size() * kPageTokens < end) {
      ASSERT_LT(next_page_, backend_.page_store().pages_total()) << "the test's KV memory is too small";
      sequence.pages.push_back(next_page_++);
    }
  }

  /// A step entry for `tokens` of `sequence`; call `ran` after the step.
  SequenceStep step_of(TestSequence& sequence, std::span<const TokenId> tokens, int logits_wanted,
                       std::vector<float>* logits) {
    reserve(sequence, tokens.size());
    SequenceStep step;
    step.tokens = tokens;
    step.position = sequence.position;
    step.pages = sequence.pages;
    step.logits_wanted = logits_wanted;
    step.logits = logits;
    return step;
  }

  Status run(std::span<SequenceStep> batch) {
    Status status;
    backend_.step(batch, [&status](Status done) { status = std::move(done); });
    return status;
  }

  /// Runs `tokens` of one sequence in chunks and returns the logits of the last `wanted` of them, [wanted, vocabulary].
  std::vector<float> feed(TestSequence& sequence, std::span<const TokenId> tokens, std::size_t chunk, int wanted) {
    std::vector<float> all;
    for (std::size_t begin = 0; begin < tokens.size(); begin += chunk) {
      std::span<const TokenId> part = tokens.subspan(begin, std::min(chunk, tokens.size() - begin));
      std::size_t end = begin + part.size(), first_wanted = tokens.size() - static_cast<std::size_t>(wanted);
      int wanted_here = end > first_wanted ? static_cast<int>(end - std::max(begin, first_wanted)) : 0;
      std::vector<float> logits;
      SequenceStep step = step_of(sequence, part, wanted_here, &logits);
      Status status = run({&step, 1});
      EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().text());
      sequence.position += static_cast<int>(part.size());
      all.insert(all.end(), logits.begin(), logits.end());
    }
    return all;
  }

  /// Forgets all sequences.
  void reset() { next_page_ = 0; }

 private:
  Backend& backend_;
  PageId next_page_ = 0;
};

/// Loads a model or fails the test with the loader's own words.
inline std::unique_ptr<Backend> load(const std::string& path, const CpuBackendOptions& options, ThreadPool& pool) {
  Result<std::shared_ptr<GgufFile>> file = GgufFile::open(path);
  if (!file.ok()) {
    ADD_FAILURE() << file.error().text();
    return nullptr;
  }
  Result<std::unique_ptr<Backend>> backend = load_cpu_backend(*file, options, pool);
  if (!backend.ok()) {
    ADD_FAILURE() << backend.error().text();
    return nullptr;
  }
  return std::move(*backend);
}

/// Natural logarithm of softmax.
inline std::vector<double> log_softmax(std::span<const float> logits) {
  double top = *std::max_element(logits.begin(), logits.end()), sum = 0;
  for (float logit : logits) sum += std::exp(static_cast<double>(logit) - top);
  std::vector<double> result;
  result.reserve(logits.size());
  for (float logit : logits) result.push_back(static_cast<double>(logit) - top - std::log(sum));
  return result;
}

}  // namespace mnema::testing
