#include "inference/sampling/sampler.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "runtime/base/random.hpp"

namespace mnema {
namespace {

Sampler sampler_of(SamplingOptions options, std::uint64_t seed = 1, std::vector<TokenId> forbidden = {},
                   std::unique_ptr<TokenMask> mask = nullptr) {
  return {std::move(options), seed, std::move(forbidden), std::move(mask)};
}

TokenId chosen(Sampler& sampler, std::vector<float> logits) { return sampler.choose(logits); }

/// How often each token comes out of `draws` draws of a fresh context.
std::map<TokenId, double> shares(const SamplingOptions& options, const std::vector<float>& logits, int draws) {
  Sampler sampler = sampler_of(options, 7);
  std::map<TokenId, double> counts;
  for (int i = 0; i < draws; ++i) counts[chosen(sampler, logits)] += 1.0 / draws;
  return counts;
}

/// Allows what `allowed` lists; nothing may follow after `length` tokens.
class ListMask final : public TokenMask {
 public:
  ListMask(std::vector<TokenId> allowed, int length) : allowed_(std::move(allowed)), left_(length) {}
  void fill(std::span<std::uint64_t> words) override {
    for (const TokenId id : allowed_) words[static_cast<std::size_t>(id) / 64] |= std::uint64_t{1} << (id % 64);
  }
  bool allows(TokenId token) override { return std::find(allowed_.begin(), allowed_.end(), token) != allowed_.end(); }
  void accept(TokenId token) override {
    EXPECT_TRUE(allows(token)) << "a forbidden token was accepted";
    --left_;
  }
  bool finished() const override { return left_ <= 0; }
  std::unique_ptr<TokenMask> clone() const override { return std::make_unique<ListMask>(*this); }

 private:
  std::vector<TokenId> allowed_;
  int left_;
};

/// Nothing may come, and it is no end either.
class FailingMask final : public TokenMask {
 public:
  void fill(std::span<std::uint64_t>) override { status_ = mnema::fail(ErrorCode::kResourceExhausted, "too much"); }
  bool allows(TokenId) override { return status_.ok(); }
  void accept(TokenId) override {}
  bool finished() const override { return false; }
  Status status() const override { return status_; }
  std::unique_ptr<TokenMask> clone() const override { return std::make_unique<FailingMask>(*this); }

 private:
  Status status_;
};

TEST(Sampler, ChoosesNothingOnceItsConstraintHasFailed) {
  Sampler sampler = sampler_of({}, 1, {}, std::make_unique<FailingMask>());
  EXPECT_TRUE(sampler.status().ok());
  std::vector<float> logits{1, 2, 3};
  EXPECT_EQ(sampler.choose(logits), -1);
  ASSERT_FALSE(sampler.status().ok());
  EXPECT_EQ(sampler.status().error().code, ErrorCode::kResourceExhausted);
}

TEST(Sampler, WithoutTemperatureTakesTheLikeliestAndOfEqualsTheFirst) {
  Sampler sampler = sampler_of({});
  EXPECT_EQ(chosen(sampler, {1, 5, 2, 4, 0, -3}), 1);
  EXPECT_EQ(chosen(sampler, {1, 2, 7, 7, 7, 0, 0}), 2);
  EXPECT_EQ(chosen(sampler, {0, 0, 0, 0, 9}), 4);
}

TEST(Sampler, ASeedGivesTheSameTokensEveryTime) {
  SamplingOptions options;
  options.temperature = 1.5F;
  const std::vector<float> logits(50, 0.0F);
  std::vector<TokenId> first, again, other;
  Sampler a = sampler_of(options, 11), b = sampler_of(options, 11), c = sampler_of(options, 12);
  for (int i = 0; i < 40; ++i) {
    first.push_back(chosen(a, logits));
    again.push_back(chosen(b, logits));
    other.push_back(chosen(c, logits));
  }
  EXPECT_EQ(first, again);
  EXPECT_NE(first, other);
}

TEST(Sampler, DrawsInTheProportionsOfTheSoftmax) {
  SamplingOptions options;
  options.temperature = 2;
  const std::vector<float> logits = {0, 2, 4};  // after the temperature: 0, 1, 2
  const double sum = 1 + std::exp(1.0) + std::exp(2.0);
  auto found = shares(options, logits, 40'000);
  EXPECT_NEAR(found[0], 1 / sum, 0.01);
  EXPECT_NEAR(found[1], std::exp(1.0) / sum, 0.01);
  EXPECT_NEAR(found[2], std::exp(2.0) / sum, 0.01);
}

TEST(Sampler, TopKKeepsTheKLikeliest) {
  SamplingOptions options;
  options.temperature = 10;
  options.top_k = 2;
  const auto found = shares(options, {1, 9, 2, 8, 3}, 2000);
  EXPECT_EQ(found.size(), 2U);
  EXPECT_TRUE(found.contains(1) && found.contains(3));
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  SamplingOptions options;
  options.temperature = 1;
  options.top_p = 0.75F;
  // Probabilities 0.5, 0.3, 0.15, 0.05: the first two are the fewest that reach 0.75.
  const auto found = shares(options, {std::log(0.05F), std::log(0.5F), std::log(0.15F), std::log(0.3F)}, 4000);
  EXPECT_EQ(found.size(), 2U);
  EXPECT_TRUE(found.contains(1) && found.contains(3));
}

TEST(Sampler, TopPReachesIntoTheUnlikelyWhereTheMassIsThere) {
  SamplingOptions options;
  options.temperature = 1;
  options.top_p = 0.9F;
  // One likely token and a tail of thousands, each below 1/1000 of it, that together weigh twice as much.
  std::vector<float> logits(4001, std::log(0.0005F));
  logits[0] = 0;
  const auto found = shares(options, logits, 3000);
  EXPECT_NEAR(found.at(0), 1 / 2.7, 0.04);  // the tail is cut at 0.9 of 3
  EXPECT_GT(found.size(), 500U);
}

TEST(Sampler, MinPDropsWhatIsMuchLessLikelyThanTheBest) {
  SamplingOptions options;
  options.temperature = 1;
  options.min_p = 0.2F;
  const auto found = shares(options, {std::log(1.0F), std::log(0.25F), std::log(0.15F), std::log(0.01F)}, 4000);
  EXPECT_EQ(found.size(), 2U);
  EXPECT_TRUE(found.contains(0) && found.contains(1));
}

TEST(Sampler, ChoosesAmongTheBestWhatItChoosesFromAll) {
  SamplingOptions greedy, likely;
  likely.temperature = 0.8F;
  likely.min_p = 0.05F;
  SamplingOptions few = likely;
  few.top_k = 40;
  SamplingOptions one = likely;
  one.top_k = 1;
  for (const SamplingOptions& options : {greedy, likely, few, one}) {
    Sampler from_all = sampler_of(options, 3), from_best = sampler_of(options, 3);
    ASSERT_TRUE(std::isfinite(from_all.margin()));
    SeededRandom random(5);
    for (int draw = 0; draw < 300; ++draw) {
      std::vector<float> logits(500);
      for (float& logit : logits) logit = static_cast<float>(random.below(1000)) / 50;
      const float floor = *std::max_element(logits.begin(), logits.end()) - from_best.margin();
      std::vector<TokenLogit> best;
      for (std::size_t id = 0; id < logits.size(); ++id) {
        if (logits[id] >= floor - static_cast<float>(draw % 3)) best.push_back({static_cast<TokenId>(id), logits[id]});
      }
      ASSERT_EQ(from_best.choose_among(best), chosen(from_all, logits));
    }
  }
}

TEST(Sampler, ATemperatureOfNextToNothingIsGreedy) {
  for (const float temperature : {1e-40F, 1e-38F, 1e-7F}) {
    SamplingOptions options;
    options.temperature = temperature;
    options.min_p = 0.1F;
    Sampler from_best = sampler_of(options), from_all = sampler_of(options);
    EXPECT_EQ(from_best.margin(), 0);
    const std::vector<TokenLogit> best = {{3, 1.5F}, {8, 2.5F}, {9, 2.5F}};
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(from_best.choose_among(best), 8);
      EXPECT_EQ(chosen(from_all, {0, 7, 1, 7}), 1);
    }
  }
}

TEST(Sampler, ChoosesATokenThatIsThereAlsoWhereNoLogitIsANumber) {
  SamplingOptions options;
  options.temperature = 1;
  options.min_p = 0.1F;
  const float infinite = std::numeric_limits<float>::infinity();
  for (const float logit : {infinite, -infinite, std::nanf("")}) {
    Sampler from_best = sampler_of(options), from_all = sampler_of(options);
    const std::vector<TokenLogit> best = {{3, logit}, {8, logit}};
    EXPECT_EQ(from_best.choose_among(best), 3);
    const TokenId id = chosen(from_all, {logit, logit, logit});
    EXPECT_TRUE(id >= 0 && id < 3);
  }
}

TEST(Sampler, TheLikeliestStaysWhateverMinPAsks) {
  SamplingOptions options;
  options.temperature = 1;
  options.min_p = 2;
  Sampler sampler = sampler_of(options);
  EXPECT_EQ(chosen(sampler, {1, 3, 2}), 1);
}

TEST(Sampler, NeedsAllLogitsWhereSingleOnesAreMovedReportedOrSummed) {
  SamplingOptions options;
  EXPECT_EQ(sampler_of(options).margin(), 0);
  EXPECT_FALSE(std::isfinite(sampler_of(options, 1, {7}).margin()));
  EXPECT_FALSE(
      std::isfinite(sampler_of(options, 1, {}, std::make_unique<ListMask>(std::vector<TokenId>{1}, 1)).margin()));
  options.logprobs_top = 0;
  EXPECT_FALSE(std::isfinite(sampler_of(options).margin()));
  options = {};
  options.frequency_penalty = 0.1F;
  EXPECT_FALSE(std::isfinite(sampler_of(options).margin()));
  options = {};
  options.logit_bias = {{3, 1.0F}};
  EXPECT_FALSE(std::isfinite(sampler_of(options).margin()));
  options = {};
  options.temperature = 1;
  options.top_p = 0.9F;
  options.min_p = 0.1F;
  EXPECT_FALSE(std::isfinite(sampler_of(options).margin()));
}

TEST(Sampler, PenaltiesCountTheTokensInTheWindowOnly) {
  SamplingOptions options;
  options.presence_penalty = 1.5F;
  options.penalty_window_tokens = 2;
  Sampler sampler = sampler_of(options);
  const std::vector<TokenId> context = {0, 3, 3};
  sampler.note_context(context);
  EXPECT_EQ(chosen(sampler, {1.0F, 0.5F, 0.0F, 2.0F}), 0) << "0 is out of the window, 3 is in it";
  EXPECT_EQ(chosen(sampler, {1.0F, 0.9F, 0.0F, 2.0F}), 1) << "3 and the chosen 0 are in it now";
}

TEST(Sampler, TheFrequencyPenaltyGrowsWithEachRepetition) {
  SamplingOptions options;
  options.frequency_penalty = 0.5F;
  Sampler sampler = sampler_of(options);
  std::vector<TokenId> out;
  for (int i = 0; i < 5; ++i) out.push_back(chosen(sampler, {1.2F, 0.0F}));
  EXPECT_EQ(out, (std::vector<TokenId>{0, 0, 0, 1, 0}));
}

TEST(Sampler, TheRepetitionPenaltyPushesBothSignsDown) {
  SamplingOptions options;
  options.repetition_penalty = 2;
  Sampler positive = sampler_of(options), negative = sampler_of(options);
  const std::vector<TokenId> context = {0};
  positive.note_context(context);
  negative.note_context(context);
  EXPECT_EQ(chosen(positive, {3, 2}), 1);
  EXPECT_EQ(chosen(negative, {-2, -3}), 1);
}

TEST(Sampler, ABiasIsAddedAndMinusHundredForbids) {
  SamplingOptions options;
  options.logit_bias = {{0, -100}, {2, 3}, {99, 5}};
  Sampler sampler = sampler_of(options);
  EXPECT_EQ(chosen(sampler, {1000, 2, 0}), 2);
  EXPECT_EQ(chosen(sampler, {1000, 4, 0}), 1);
}

TEST(Sampler, NeverChoosesAForbiddenToken) {
  SamplingOptions options;
  options.temperature = 3;
  Sampler sampler = sampler_of(options, 5, {1});
  for (int i = 0; i < 200; ++i) EXPECT_NE(chosen(sampler, {0, 9, 0}), 1);
}

TEST(Sampler, TheConstraintHoldsUnderEveryOption) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SeededRandom random(seed);
    SamplingOptions options;
    options.temperature = static_cast<float>(random.below(3));
    options.top_k = static_cast<int>(random.below(5));
    options.top_p = 0.3F + 0.7F * static_cast<float>(random.unit());
    options.logit_bias = {{5, -100}, {70, 50}};
    Sampler sampler = sampler_of(options, seed, {}, std::make_unique<ListMask>(std::vector<TokenId>{5, 66}, 100));
    std::vector<float> logits(130);
    for (float& logit : logits) logit = static_cast<float>(random.unit() * 20);
    EXPECT_EQ(chosen(sampler, logits), 66) << "5 is allowed but forbidden by its bias";
  }
}

TEST(Sampler, TheConstraintWinsWhereTheBiasForbidsAllItAllows) {
  SamplingOptions options;
  options.logit_bias = {{5, -100}};
  Sampler sampler = sampler_of(options, 1, {}, std::make_unique<ListMask>(std::vector<TokenId>{5}, 1));
  EXPECT_FALSE(sampler.finished());
  EXPECT_EQ(chosen(sampler, std::vector<float>(100, 0)), 5);
  EXPECT_TRUE(sampler.finished());
}

TEST(Sampler, LogprobsAreTheModelsOwnWhateverIsDoneToTheLogits) {
  SamplingOptions options;
  options.logprobs_top = 2;
  options.logit_bias = {{0, -100}};
  Sampler sampler = sampler_of(options);
  EXPECT_EQ(chosen(sampler, {std::log(0.5F), std::log(0.2F), std::log(0.3F)}), 2);
  EXPECT_NEAR(sampler.last().logprob, std::log(0.3), 1e-5);
  ASSERT_EQ(sampler.last().top.size(), 2U);
  EXPECT_EQ(sampler.last().top[0].first, 0);
  EXPECT_NEAR(sampler.last().top[0].second, std::log(0.5), 1e-5);
  EXPECT_EQ(sampler.last().top[1].first, 2);
}

}  // namespace
}  // namespace mnema
