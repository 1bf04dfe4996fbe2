// The contract of inference/backend.hpp, whole: a sequence's logits have the same bits alone and among others, however
// it is cut into chunks, on every number of threads, with its beginning computed now or taken from pages that another
// sequence left. On models that the test writes itself, for every instruction set and KV type; and on the catalogue's.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <random>

#include "inference/model/backend_cpu.hpp"
#include "tests/inference/model/sequence_runner.hpp"
#include "tests/inference/model/small_model.hpp"
#include "tests/support/paths.hpp"

namespace mnema {
namespace {

using testing::SequenceRunner;
using testing::TestSequence;

constexpr std::size_t kChunks[] = {1, 7, 32, 33, 128};
constexpr std::size_t kTokens = 140;  // two groups of pages, and Gemma's window within the last of them
constexpr int kOthers = 8;

std::vector<TokenId> random_tokens(std::size_t count, int vocabulary, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<TokenId> tokens(count);
  for (TokenId& token : tokens) token = static_cast<TokenId>(random() % static_cast<unsigned>(vocabulary));
  return tokens;
}

/// One request, and every way to compute it.
class Request {
 public:
  Request(std::shared_ptr<GgufFile> file, CpuBackendOptions options, std::size_t tokens, int logits_wanted)
      : file_(std::move(file)), options_(options), wanted_(logits_wanted) {
    options_.kv_memory_bytes = std::size_t{256} << 20;
    open(1);
    if (backend_ == nullptr) return;
    tokens_ = random_tokens(tokens, backend_->info().vocabulary, 1);
    expected_ = alone(32);
    const auto [least, most] = std::minmax_element(expected_.begin(), expected_.end());
    EXPECT_TRUE(std::isfinite(*least) && std::isfinite(*most) && *least < *most) << "the model says nothing";
  }

  /// The backend anew, with a pool of its own.
  void open(int threads) {
    backend_.reset();
    pool_ = std::make_unique<ThreadPool>(threads, false);
    Result<std::unique_ptr<Backend>> backend = load_cpu_backend(file_, options_, *pool_);
    ASSERT_TRUE(backend.ok()) << backend.error().text();
    backend_ = std::move(*backend);
  }

  std::vector<float> alone(std::size_t chunk) {
    SequenceRunner runner(*backend_);
    TestSequence sequence;
    return runner.feed(sequence, tokens_, chunk, wanted_);
  }

  /// In one batch with eight others, each at a place of its own in a prompt of its own. They come in turns before and
  /// after it in the batch.
  std::vector<float> among_others(std::size_t chunk) {
    SequenceRunner runner(*backend_);
    TestSequence mine, others[kOthers];
    std::vector<TokenId> texts[kOthers];
    for (int i = 0; i < kOthers; ++i) {
      texts[i] = random_tokens(tokens_.size() + 64, backend_->info().vocabulary, static_cast<unsigned>(100 + i));
      runner.feed(others[i], std::span(texts[i]).first(static_cast<std::size_t>(1 + 5 * i)), 64, 1);
    }
    std::vector<float> all;
    for (std::size_t begin = 0, round = 0; begin < tokens_.size(); begin += chunk, ++round) {
      const std::size_t count = std::min(chunk, tokens_.size() - begin), end = begin + count;
      const std::size_t first_wanted = tokens_.size() - static_cast<std::size_t>(wanted_);
      const int here = end > first_wanted ? static_cast<int>(end - std::max(begin, first_wanted)) : 0;
      std::vector<float> logits, ignored[kOthers];
      std::vector<SequenceStep> batch;
      for (int i = 0; i <= kOthers; ++i) {
        if (i == static_cast<int>(round % (kOthers + 1))) {
          batch.push_back(runner.step_of(mine, std::span(tokens_).subspan(begin, count), here, &logits));
        }
        if (i == kOthers) break;
        const std::size_t place = static_cast<std::size_t>(others[i].position);
        const std::size_t part = std::min<std::size_t>(i % 2 == 0 ? 1 : 3, texts[i].size() - place);
        if (part == 0) continue;
        batch.push_back(runner.step_of(others[i], std::span(texts[i]).subspan(place, part), 1, &ignored[i]));
        others[i].position += static_cast<int>(part);
      }
      const Status status = runner.run(batch);
      EXPECT_TRUE(status.ok());
      mine.position += static_cast<int>(count);
      all.insert(all.end(), logits.begin(), logits.end());
    }
    return all;
  }

  /// The first `pages` pages computed by another sequence, which then went on differently.
  std::vector<float> on_cached_pages(int pages, std::size_t chunk) {
    SequenceRunner runner(*backend_);
    const auto shared = static_cast<std::size_t>(pages * kPageTokens);
    std::vector<TokenId> other_text(tokens_.begin(), tokens_.begin() + static_cast<std::ptrdiff_t>(shared));
    const std::vector<TokenId> other_end = random_tokens(50, backend_->info().vocabulary, 7);
    other_text.insert(other_text.end(), other_end.begin(), other_end.end());
    TestSequence other, mine;
    runner.feed(other, other_text, 11, 1);
    mine.pages.assign(other.pages.begin(), other.pages.begin() + pages);
    mine.position = static_cast<int>(shared);
    return runner.feed(mine, std::span(tokens_).subspan(shared), chunk, wanted_);
  }

  void expect_same(const std::vector<float>& logits, const std::string& way) const {
    ASSERT_EQ(logits.size(), expected_.size()) << way;
    const auto [mine, theirs] = std::mismatch(logits.begin(), logits.end(), expected_.begin(),
                                              [](float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0; });
    EXPECT_TRUE(mine == logits.end()) << backend_->info().name << " " << backend_->page_store().layout_id() << ", "
                                      << way << ": logit " << mine - logits.begin() << " differs by "
                                      << (mine == logits.end() ? 0 : *mine - *theirs);
  }

  [[nodiscard]] bool ready() const { return backend_ != nullptr && !expected_.empty(); }
  /// Pages of the prompt that can be cached while all wanted logits are still computed.
  [[nodiscard]] int cacheable_pages() const { return (static_cast<int>(tokens_.size()) - wanted_) / kPageTokens; }

 private:
  std::shared_ptr<GgufFile> file_;
  CpuBackendOptions options_;
  int wanted_;
  std::vector<TokenId> tokens_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Backend> backend_;
  std::vector<float> expected_;
};

struct Case {
  const char* architecture;
  InstructionSet isa;
  KvType kv_type;
};

class BitIdentity : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (GetParam().isa > best_instruction_set()) GTEST_SKIP() << "this processor has no " << name_of(GetParam().isa);
    if (is_scalar() && std::getenv("MNEMA_SANITIZED") != nullptr)
      GTEST_SKIP() << "sanitizers are too slow for the scalar kernels";
  }
  [[nodiscard]] static bool is_scalar() { return GetParam().isa == InstructionSet::kScalar; }
  Request request() {
    CpuBackendOptions options;
    options.isa = GetParam().isa;
    options.kv_type = GetParam().kv_type;
    model_ = testing::small_model(GetParam().architecture, is_scalar() ? 2 : 3);
    return Request(model_.file, options, kTokens, 12);
  }
  testing::SmallModel model_;
};

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const char* architecture : {"llama", "gemma3"}) {
    for (const InstructionSet isa : {InstructionSet::kScalar, InstructionSet::kAvx2, InstructionSet::kAvx512}) {
      for (const KvType type : {KvType::kF16, KvType::kInt8}) cases.push_back({architecture, isa, type});
    }
  }
  return cases;
}

std::string name_of_case(const ::testing::TestParamInfo<Case>& of) {
  return std::string(of.param.architecture) + "_" + std::string(name_of(of.param.isa)) +
         (of.param.kv_type == KvType::kF16 ? "_f16" : "_int8");
}

INSTANTIATE_TEST_SUITE_P(SmallModels, BitIdentity, ::testing::ValuesIn(all_cases()), name_of_case);

TEST_P(BitIdentity, HoldsForEveryChunkingAndNumberOfThreads) {
  Request request = this->request();
  ASSERT_TRUE(request.ready());
  for (const int threads : {1, 2, 3}) {
    if (is_scalar() && threads != 2) continue;  // the reference is one thread in chunks of 32
    request.open(threads);
    for (const std::size_t chunk : kChunks) {
      request.expect_same(request.alone(chunk),
                          "chunks of " + std::to_string(chunk) + ", " + std::to_string(threads) + " threads");
    }
  }
}

TEST_P(BitIdentity, HoldsAmongEightOthers) {
  Request request = this->request();
  ASSERT_TRUE(request.ready());
  for (const int threads : {1, 2}) {
    if (is_scalar() && threads != 2) continue;
    request.open(threads);
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{33}, std::size_t{128}}) {
      if (chunk == 1 && is_scalar()) continue;
      request.expect_same(request.among_others(chunk), "eight others, chunks of " + std::to_string(chunk) + ", " +
                                                           std::to_string(threads) + " threads");
    }
  }
}

TEST_P(BitIdentity, HoldsOnPagesThatAnotherSequenceLeft) {
  Request request = this->request();
  ASSERT_TRUE(request.ready());
  request.open(2);
  for (int pages = 1; pages <= request.cacheable_pages(); ++pages) {
    request.expect_same(request.on_cached_pages(pages, pages % 2 == 0 ? 7 : 33), std::to_string(pages) + " pages");
  }
}

struct ModelCase {
  const char* name;
  std::string file;
};

class BitIdentityOfModel : public ::testing::TestWithParam<ModelCase> {};

INSTANTIATE_TEST_SUITE_P(Models, BitIdentityOfModel,
                         ::testing::Values(ModelCase{"smollm2", testing::smollm2()},
                                           ModelCase{"qwen_coder", testing::qwen_coder()},
                                           ModelCase{"gemma3", testing::gemma3()}),
                         [](const auto& of) { return std::string(of.param.name); });

TEST_P(BitIdentityOfModel, HoldsInEveryWayToComputeARequest) {
  if (std::getenv("MNEMA_SANITIZED") != nullptr) GTEST_SKIP() << "sanitizers are too slow for the real models";
  Result<std::shared_ptr<GgufFile>> file = GgufFile::open(GetParam().file);
  if (!file.ok()) GTEST_SKIP() << "NOT CHECKED on " << GetParam().name << ": " << file.error().text();
  for (const KvType type : {KvType::kF16, KvType::kInt8}) {
    CpuBackendOptions options;
    options.kv_type = type;
    Request request(*file, options, 140, 4);
    ASSERT_TRUE(request.ready());
    request.expect_same(request.alone(33), "chunks of 33, 1 thread");
    request.open(2);
    request.expect_same(request.alone(1), "chunks of 1, 2 threads");
    request.expect_same(request.alone(128), "chunks of 128, 2 threads");
    request.expect_same(request.among_others(7), "eight others, 2 threads");
    request.expect_same(request.on_cached_pages(3, 33), "3 cached pages, 2 threads");
  }
}

}  // namespace
}  // namespace mnema
