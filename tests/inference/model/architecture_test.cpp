// Every architecture and every feature of one, against the model written down plainly in reference_forward.hpp.
#include <gtest/gtest.h>

#include "inference/model/backend_cpu.hpp"
#include "tests/inference/model/reference_forward.hpp"
#include "tests/inference/model/sequence_runner.hpp"
#include "tests/inference/model/small_model.hpp"

namespace mnema {
namespace {

using testing::SequenceRunner;
using testing::SmallModelOptions;
using testing::TestSequence;

struct ArchitectureCase {
  const char* name;
  SmallModelOptions model;
};

SmallModelOptions model_of(const char* architecture) {
  SmallModelOptions options;
  options.architecture = architecture;
  return options;
}

std::vector<ArchitectureCase> cases() {
  std::vector<ArchitectureCase> list;
  list.push_back({"llama", model_of("llama")});
  list.push_back({"llama_with_rope_factors", model_of("llama")});
  list.back().model.rope_factors = true;
  list.push_back({"llama_with_linear_rope_scaling", model_of("llama")});
  list.back().model.linear_factor = 4;
  list.push_back({"llama_with_half_of_each_head_rotated", model_of("llama")});
  list.back().model.rotated = 16;
  list.push_back({"qwen2_with_biases", model_of("qwen2")});
  list.push_back({"qwen2_with_an_output_matrix", model_of("qwen2")});
  list.back().model.own_output = true;
  list.push_back({"qwen3_with_head_norms", model_of("qwen3")});
  list.push_back({"gemma3_with_a_window", model_of("gemma3")});
  list.back().model.window = 40;
  list.back().model.window_pattern = 2;
  list.push_back({"gemma3_with_rope_scaling_of_global_layers", model_of("gemma3")});
  list.back().model.window = 33;
  list.back().model.window_pattern = 3;
  list.back().model.linear_factor = 8;
  list.push_back({"gemma3_with_soft_caps", model_of("gemma3")});
  list.back().model.window = 64;
  list.back().model.attention_soft_cap = 2;
  list.back().model.logit_soft_cap = 3;
  return list;
}

class Architecture : public ::testing::TestWithParam<ArchitectureCase> {};

INSTANTIATE_TEST_SUITE_P(Small, Architecture, ::testing::ValuesIn(cases()),
                         [](const auto& of) { return std::string(of.param.name); });

TEST_P(Architecture, EqualsTheReferenceOnEveryInstructionSet) {
  const SmallModelOptions& model = GetParam().model;
  const testing::GgufBytes bytes = testing::small_model(model);
  const std::vector<TokenId> tokens = testing::random_tokens(140, model.vocabulary, 3);
  const std::vector<std::vector<double>> expected = testing::Reference(model, bytes).logits(tokens);
  double spread = 0;
  for (double value : expected.back()) spread += value * value;
  spread = std::sqrt(spread / model.vocabulary);

  for (InstructionSet isa : {InstructionSet::kScalar, InstructionSet::kAvx2, InstructionSet::kAvx512}) {
    if (static_cast<int>(isa) > static_cast<int>(best_instruction_set())) continue;
    testing::ParsedFile parsed(bytes);
    ASSERT_TRUE(parsed.file.ok()) << parsed.file.error().text();
    ThreadPool pool(2, false);
    CpuBackendOptions options;
    options.isa = isa;
    options.kv_memory_bytes = std::size_t{4} << 20;
    Result<std::unique_ptr<Backend>> backend = load_cpu_backend(*parsed.file, options, pool);
    ASSERT_TRUE(backend.ok()) << backend.error().text();
    EXPECT_EQ((*backend)->info().architecture, model.architecture);
    EXPECT_EQ((*backend)->info().vocabulary, model.vocabulary);
    SequenceRunner runner(**backend);
    TestSequence sequence;
    const std::vector<float> logits = runner.feed(sequence, tokens, 50, static_cast<int>(tokens.size()));
    ASSERT_EQ(logits.size(), tokens.size() * static_cast<std::size_t>(model.vocabulary));
    double worst = 0;
    for (std::size_t at = 0; at < tokens.size(); ++at) {
      for (std::size_t i = 0; i < expected[at].size(); ++i)
        worst = std::max(worst, std::abs(logits[at * expected[at].size() + i] - expected[at][i]));
    }
    EXPECT_LT(worst / spread, 2e-3) << name_of(isa);
  }
}

// Features must matter in the models above, else they would pass without them.
TEST(Architecture, EveryOptionChangesTheLogits) {
  const std::vector<TokenId> tokens = testing::random_tokens(140, 160, 3);
  const auto logits_of = [&](const SmallModelOptions& model) {
    const testing::GgufBytes bytes = testing::small_model(model);
    return testing::Reference(model, bytes).logits(tokens).back();
  };
  std::map<std::string, std::vector<double>> plain;
  for (const char* architecture : {"llama", "gemma3"}) plain[architecture] = logits_of(model_of(architecture));
  for (const ArchitectureCase& each : cases()) {
    if (each.name == each.model.architecture || !plain.contains(each.model.architecture)) continue;
    const std::vector<double> with = logits_of(each.model), &without = plain[each.model.architecture];
    double largest = 0;
    for (std::size_t i = 0; i < with.size(); ++i) largest = std::max(largest, std::abs(with[i] - without[i]));
    EXPECT_GT(largest, 0.05) << each.name;
  }
}

}  // namespace
}  // namespace mnema
