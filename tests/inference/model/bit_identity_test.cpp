// The contract of inference/backend.hpp, whole: within a backend a sequence's logits have the same bits alone and in a
// batch, however it is cut into chunks, on one, two or three threads, and on pages that it computed itself or found in
// the cache. Small models of mixed weight types with and without a window; SmolLM2 where it is on this machine.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <numeric>

#include "inference/model/backend_cpu.hpp"
#include "tests/inference/model/sequence_runner.hpp"
#include "tests/inference/model/small_model.hpp"
#include "tests/support/paths.hpp"

namespace mnema {
namespace {

using testing::SequenceRunner;
using testing::SmallModelOptions;
using testing::TestSequence;

struct IdentityCase {
  std::string name;
  std::string architecture;  // empty: SmolLM2 from the cache
  QuantType type, other;
  InstructionSet isa;
  KvType kv;
};

std::vector<IdentityCase> cases() {
  std::vector<IdentityCase> list;
  for (InstructionSet isa : {InstructionSet::kScalar, InstructionSet::kAvx2, InstructionSet::kAvx512}) {
    if (static_cast<int>(isa) > static_cast<int>(best_instruction_set())) continue;
    for (KvType kv : {KvType::kF16, KvType::kInt8}) {
      const std::string suffix = "_" + std::string(name_of(isa)) + (kv == KvType::kF16 ? "_f16" : "_int8");
      list.push_back({"llama_Q4_1_F16" + suffix, "llama", QuantType::kQ4_1, QuantType::kF16, isa, kv});
      list.push_back({"qwen2_Q4_K_Q6_K" + suffix, "qwen2", QuantType::kQ4_K, QuantType::kQ6_K, isa, kv});
      list.push_back({"qwen3_Q8_0_Q2_K" + suffix, "qwen3", QuantType::kQ8_0, QuantType::kQ2_K, isa, kv});
      list.push_back({"gemma3_Q4_0_Q8_0" + suffix, "gemma3", QuantType::kQ4_0, QuantType::kQ8_0, isa, kv});
    }
    if (isa == best_instruction_set())
      list.push_back({"smollm2", "", QuantType::kQ4_1, QuantType::kQ4_1, isa, KvType::kF16});
  }
  return list;
}

constexpr int kWanted = 3;    // logits of the last tokens, so that more than one position is compared
constexpr int kTokens = 700;  // six groups of pages, long enough to be split between threads

/// One model on a pool of its own; how it is driven is what the tests vary.
struct Machine {
  std::unique_ptr<testing::ParsedFile> parsed;
  ThreadPool pool;
  std::unique_ptr<Backend> backend;

  Machine(const IdentityCase& of, int threads) : pool(threads, false) {
    CpuBackendOptions options;
    options.isa = of.isa;
    options.kv_type = of.kv;
    options.kv_memory_bytes = std::size_t{128} << 20;
    if (of.architecture.empty()) {
      backend = testing::load(testing::smollm2(), options, pool);
      return;
    }
    SmallModelOptions model;
    model.architecture = of.architecture;
    model.type = of.type;
    model.other = of.other;
    model.window = of.architecture == "gemma3" ? 200 : 0;
    model.window_pattern = 2;
    model.attention_soft_cap = of.architecture == "gemma3" ? 5 : 0;
    parsed = std::make_unique<testing::ParsedFile>(testing::small_model(model));
    if (!parsed->file.ok()) {
      ADD_FAILURE() << parsed->file.error().text();
      return;
    }
    Result<std::unique_ptr<Backend>> loaded = load_cpu_backend(*parsed->file, options, pool);
    if (!loaded.ok()) {
      ADD_FAILURE() << loaded.error().text();
      return;
    }
    backend = std::move(*loaded);
  }
};

class BitIdentity : public ::testing::TestWithParam<IdentityCase> {
 protected:
  void SetUp() override {
    if (GetParam().architecture.empty() && !std::filesystem::exists(testing::smollm2())) {
      GTEST_SKIP() << "SmolLM2 is not here; run `mnema models pull smollm2-135m`";
    }
    if (std::getenv("MNEMA_SANITIZED") != nullptr && GetParam().architecture.empty())
      GTEST_SKIP() << "the small models cover it under sanitizers";
    machine_ = std::make_unique<Machine>(GetParam(), 2);
    ASSERT_NE(machine_->backend, nullptr);
    tokens_ = testing::random_tokens(kTokens, machine_->backend->info().vocabulary, 11);
    // What all others must equal: alone, in chunks as large as a step takes, on two threads.
    SequenceRunner runner(*machine_->backend);
    TestSequence sequence;
    expected_ = runner.feed(sequence, tokens_, 512, kWanted);
  }

  void expect_same(std::span<const float> logits, const std::string& how) const {
    ASSERT_EQ(logits.size(), expected_.size()) << how;
    EXPECT_EQ(std::memcmp(logits.data(), expected_.data(), expected_.size() * sizeof(float)), 0) << how;
  }

  std::unique_ptr<Machine> machine_;
  std::vector<TokenId> tokens_;
  std::vector<float> expected_;
};

INSTANTIATE_TEST_SUITE_P(Backends, BitIdentity, ::testing::ValuesIn(cases()),
                         [](const auto& of) { return of.param.name; });

TEST_P(BitIdentity, ChunksDoNotMatter) {
  for (std::size_t chunk : {33, 128, 257}) {
    SequenceRunner runner(*machine_->backend);
    TestSequence sequence;
    expect_same(runner.feed(sequence, tokens_, chunk, kWanted), "chunks of " + std::to_string(chunk));
  }
  // The end of the prompt token by token, as decoding does it.
  SequenceRunner runner(*machine_->backend);
  TestSequence sequence;
  const std::span<const TokenId> tokens(tokens_);
  std::vector<float> logits = runner.feed(sequence, tokens.first(kTokens - 40), 512, 1);
  logits = runner.feed(sequence, tokens.last(40), 1, kWanted);
  expect_same(logits, "40 single tokens at the end");
}

TEST_P(BitIdentity, ThreadsDoNotMatter) {
  for (int threads : {1, 3}) {
    Machine machine(GetParam(), threads);
    ASSERT_NE(machine.backend, nullptr);
    EXPECT_EQ(machine.backend->info().fingerprint, machine_->backend->info().fingerprint);
    SequenceRunner runner(*machine.backend);
    TestSequence sequence;
    const std::span<const TokenId> tokens(tokens_);
    std::vector<float> logits = runner.feed(sequence, tokens.first(kTokens - 5), 300, 1);
    logits = runner.feed(sequence, tokens.last(5), 1, kWanted);
    expect_same(logits, std::to_string(threads) + " threads");
  }
}

TEST_P(BitIdentity, TheOtherSevenOfABatchDoNotMatter) {
  SequenceRunner runner(*machine_->backend);
  const int vocabulary = machine_->backend->info().vocabulary;
  constexpr std::size_t kSequences = 8, kOurs = 5;
  std::vector<std::vector<TokenId>> prompts;
  for (unsigned s = 0; s < kSequences; ++s)
    prompts.push_back(s == kOurs ? tokens_ : testing::random_tokens(90 + 83 * s, vocabulary, 100 + s));
  std::vector<TestSequence> sequences(kSequences);
  std::vector<float> last, collected;
  // Every step: a chunk of another size from each sequence that still has tokens; the shorter ones decode beside.
  for (std::size_t round = 0; static_cast<std::size_t>(sequences[kOurs].position) < tokens_.size(); ++round) {
    std::vector<SequenceStep> batch;
    std::vector<std::size_t> who;
    for (std::size_t s = 0; s < kSequences; ++s) {
      const auto done = static_cast<std::size_t>(sequences[s].position);
      const std::size_t chunk = std::min(prompts[s].size() - done, 1 + (round * 37 + s * 11) % 61);
      if (chunk == 0) continue;
      const std::size_t end = done + chunk, first_wanted = tokens_.size() - kWanted;
      const bool ours = s == kOurs && end > first_wanted;
      const int wanted = ours ? static_cast<int>(end - std::max(done, first_wanted)) : s % 2 == 0 ? 1 : 0;
      batch.push_back(
          runner.step_of(sequences[s], std::span(prompts[s]).subspan(done, chunk), wanted, ours ? &last : nullptr));
      who.push_back(s);
    }
    const Status status = runner.run(batch);
    ASSERT_TRUE(status.ok()) << status.error().text();
    for (std::size_t i = 0; i < batch.size(); ++i)
      sequences[who[i]].position += static_cast<int>(batch[i].tokens.size());
    collected.insert(collected.end(), last.begin(), last.end());
    last.clear();
  }
  expect_same(collected, "in a batch of 8");
}

TEST_P(BitIdentity, CachedPagesDoNotMatter) {
  SequenceRunner runner(*machine_->backend);
  const std::span<const TokenId> tokens(tokens_);
  // Another sequence computed the prefix, with another continuation behind it, and keeps its pages.
  for (std::size_t shared : {kPageTokens * 1, kPageTokens * 4, kPageTokens * 13}) {
    TestSequence first;
    (void)runner.feed(first, tokens.first(shared), 70, 1);
    (void)runner.feed(first, tokens.first(50), 50, 1);
    TestSequence second;
    second.position = static_cast<int>(shared);
    second.pages.assign(first.pages.begin(), first.pages.begin() + static_cast<std::ptrdiff_t>(shared / kPageTokens));
    expect_same(runner.feed(second, tokens.subspan(shared), 512, kWanted), std::to_string(shared) + " cached tokens");
  }
  // A fork in the middle of a page: full pages shared, the last one copied.
  TestSequence first;
  (void)runner.feed(first, tokens.first(333), 512, 1);
  const int shared = 301, full = shared / kPageTokens;
  TestSequence second;
  second.pages.assign(first.pages.begin(), first.pages.begin() + full);
  runner.make_room(first, kPageTokens * 2);  // a page behind `first` that nobody has written
  const PageId fresh = first.pages.back();
  machine_->backend->page_store().copy(first.pages[static_cast<std::size_t>(full)], fresh, shared % kPageTokens);
  second.pages.push_back(fresh);
  second.position = shared;
  expect_same(runner.feed(second, tokens.subspan(static_cast<std::size_t>(shared)), 512, kWanted), "forked");
}

TEST_P(BitIdentity, WhatAPageHeldBeforeDoesNotMatter) {
  SequenceRunner runner(*machine_->backend);
  TestSequence other;
  (void)runner.feed(other, testing::random_tokens(kTokens, machine_->backend->info().vocabulary, 12), 512, 1);
  runner.reset();
  TestSequence sequence;
  expect_same(runner.feed(sequence, tokens_, 512, kWanted), "used pages");
}

}  // namespace
}  // namespace mnema
