#include "inference/sampling/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr TokenId kNone = -1;  // the constraint has failed: whoever asked looks at `status`
/// Below it no other token could be drawn but an equal of the best, and its inverse would be no number one day.
constexpr float kLeastTemperature = 1e-6F;
/// Tokens less likely than e⁻²⁰ of the best cannot be drawn; sorting them all would cost more than the model.
constexpr float kLeastLogRatio = 20;
/// Tokens at least so likely, beside the best, are sorted first.
constexpr float kLikelyRatio = 1e-3F;

TokenId best_of(std::span<const float> logits) {
  // Four running maxima: one chain of comparisons would wait for itself.
  float best[4] = {kNever, kNever, kNever, kNever};
  std::size_t i = 0;
  for (; i + 4 <= logits.size(); i += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) best[lane] = std::max(best[lane], logits[i + lane]);
  }
  float top = std::max(std::max(best[0], best[1]), std::max(best[2], best[3]));
  for (; i < logits.size(); ++i) top = std::max(top, logits[i]);
  const auto found = std::find(logits.begin(), logits.end(), top);
  return found == logits.end() ? 0 : static_cast<TokenId>(found - logits.begin());
}

}  // namespace

Sampler::Sampler(SamplingOptions options, std::uint64_t seed, std::vector<TokenId> forbidden,
                 std::unique_ptr<TokenMask> mask)
    : options_(std::move(options)),
      inverse_temperature_(options_.temperature >= kLeastTemperature ? 1 / options_.temperature : 0),
      seed_(seed),
      forbidden_(std::move(forbidden)),
      mask_(std::move(mask)) {}

void Sampler::note_context(std::span<const TokenId> tokens) {
  const auto window = static_cast<std::size_t>(std::max(0, options_.penalty_window_tokens));
  const std::span<const TokenId> newest = tokens.subspan(tokens.size() - std::min(tokens.size(), window));
  context_.insert(context_.end(), newest.begin(), newest.end());
  if (context_.size() > window) context_.erase(context_.begin(), context_.end() - static_cast<std::ptrdiff_t>(window));
}

std::size_t Sampler::allowed_prefix(std::span<const TokenId> draft) const {
  if (mask_ == nullptr) return draft.size();
  const std::unique_ptr<TokenMask> trial = mask_->clone();
  std::size_t count = 0;
  while (count < draft.size() && !trial->finished() && trial->allows(draft[count])) trial->accept(draft[count++]);
  return count;
}

ChosenToken Sampler::describe(std::span<const float> logits, TokenId id, int top) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit - highest));
  const double shift = highest + std::log(sum);
  ChosenToken token;
  token.id = id;
  token.logprob = static_cast<float>(logits[static_cast<std::size_t>(id)] - shift);
  if (top > 0) {
    std::vector<TokenId> order(logits.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<TokenId>(i);
    const auto count = std::min<std::ptrdiff_t>(top, static_cast<std::ptrdiff_t>(order.size()));
    std::partial_sort(order.begin(), order.begin() + count, order.end(), [&](TokenId a, TokenId b) {
      const float x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
      return x != y ? x > y : a < b;
    });
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      const TokenId other = order[static_cast<std::size_t>(i)];
      token.top.emplace_back(other, static_cast<float>(logits[static_cast<std::size_t>(other)] - shift));
    }
  }
  return token;
}

bool Sampler::penalises() const {
  return options_.repetition_penalty != 1.0F || options_.presence_penalty != 0 || options_.frequency_penalty != 0;
}

void Sampler::penalise(std::span<float> logits) const {
  if (!penalises()) return;
  const bool repetition = options_.repetition_penalty != 1.0F;
  std::unordered_map<TokenId, int> counts;
  for (const TokenId id : context_) ++counts[id];
  for (const auto& [id, count] : counts) {
    if (id < 0 || static_cast<std::size_t>(id) >= logits.size()) continue;
    float& logit = logits[static_cast<std::size_t>(id)];
    if (repetition) logit = logit > 0 ? logit / options_.repetition_penalty : logit * options_.repetition_penalty;
    logit -= options_.presence_penalty + options_.frequency_penalty * static_cast<float>(count);
  }
}

void Sampler::apply_mask(std::span<float> logits) {
  allowed_.assign((logits.size() + 63) / 64, 0);
  mask_->fill(allowed_);
  for (std::size_t word = 0; word < allowed_.size(); ++word) {
    const std::uint64_t bits = allowed_[word];
    if (bits == ~std::uint64_t{0}) continue;
    const std::size_t end = std::min(logits.size(), (word + 1) * 64);
    for (std::size_t i = word * 64; i < end; ++i) {
      if ((bits >> (i % 64) & 1) == 0) logits[i] = kNever;
    }
  }
}

TokenId Sampler::choose(std::span<float> logits) {
  if (options_.logprobs_top >= 0) raw_.assign(logits.begin(), logits.end());
  for (const TokenId id : forbidden_) {
    if (id >= 0 && static_cast<std::size_t>(id) < logits.size()) logits[static_cast<std::size_t>(id)] = kNever;
  }
  for (const auto& [id, bias] : options_.logit_bias) {
    if (id < 0 || static_cast<std::size_t>(id) >= logits.size()) continue;
    logits[static_cast<std::size_t>(id)] = bias <= -100 ? kNever : logits[static_cast<std::size_t>(id)] + bias;
  }
  penalise(logits);
  if (mask_ != nullptr) apply_mask(logits);
  if (!status().ok()) return kNone;
  TokenId id = is_greedy() ? best_of(logits) : draw_from(logits);
  if (mask_ != nullptr) {
    // Bias may have forbidden everything that the constraint allows: the constraint wins, it fails closed.
    if (!mask_->allows(id)) {
      for (std::size_t word = 0; word < allowed_.size(); ++word) {
        if (allowed_[word] == 0) continue;
        id = static_cast<TokenId>(word * 64 + static_cast<std::size_t>(__builtin_ctzll(allowed_[word])));
        break;
      }
    }
    if (!mask_->status().ok()) return kNone;
    mask_->accept(id);
    if (!mask_->status().ok()) return kNone;
  }
  if (options_.logprobs_top >= 0)
    last_ = describe(raw_, id, options_.logprobs_top);
  else
    last_ = ChosenToken{id, 0, {}};
  note_context({&id, 1});
  return id;
}

float Sampler::margin() const {
  // Whatever moves single logits may lift one from anywhere.
  const bool moved = mask_ != nullptr || !forbidden_.empty() || !options_.logit_bias.empty() || penalises();
  if (moved || options_.logprobs_top >= 0) return -kNever;
  if (is_greedy()) return 0;
  // A little more than what min-p keeps: how it rounds must not matter.
  if (options_.min_p > 0 && options_.top_p >= 1) return 0.01F - options_.temperature * std::log(options_.min_p);
  return -kNever;
}

TokenId Sampler::choose_among(std::span<const TokenLogit> best) {
  const auto highest =
      std::max_element(best.begin(), best.end(), [](const auto& a, const auto& b) { return a.logit < b.logit; });
  TokenId id = highest == best.end() ? 0 : highest->id;  // none: the logits are no numbers
  if (!is_greedy() && highest != best.end()) {
    candidates_.clear();
    for (const TokenLogit& token : best) add_candidate(token.id, token.logit, highest->logit);
    if (!candidates_.empty()) id = draw();
  }
  last_ = ChosenToken{id, 0, {}};
  note_context({&id, 1});
  return id;
}

void Sampler::add_candidate(TokenId id, float logit, float highest) {
  const float scaled = (logit - highest) * inverse_temperature_;
  if (scaled >= -kLeastLogRatio) candidates_.emplace_back(scaled, id);
}

TokenId Sampler::draw_from(std::span<const float> logits) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  candidates_.clear();
  for (std::size_t i = 0; i < logits.size(); ++i) add_candidate(static_cast<TokenId>(i), logits[i], highest);
  return candidates_.empty() ? best_of(logits) : draw();
}

TokenId Sampler::draw() {
  const auto likelier = [](const Candidate& a, const Candidate& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  };
  if (options_.top_k > 0) {  // sorted also when all stay: a draw must not depend on how many there were
    const auto end = candidates_.begin() + std::min<std::ptrdiff_t>(options_.top_k, std::ssize(candidates_));
    std::partial_sort(candidates_.begin(), end, candidates_.end(), likelier);
    candidates_.erase(end, candidates_.end());
  }
  double sum = 0;
  for (auto& [weight, id] : candidates_) {
    weight = std::exp(weight);
    sum += weight;
  }
  // The best has weight 1, so min-p is a bound on the weight itself; the best stays whatever the bound.
  const float least = std::min(options_.min_p, 1.0F);
  if (least > 0) std::erase_if(candidates_, [least](const Candidate& c) { return c.first < least; });
  std::size_t kept = candidates_.size();
  if (options_.top_p < 1) {
    const double wanted = options_.top_p * sum;
    // Sorts the candidates before `end`; how many of them it takes to reach `wanted`, 0 = they do not.
    const auto reach = [&](std::vector<Candidate>::iterator end) -> std::size_t {
      std::sort(candidates_.begin(), end, likelier);
      double reached = 0;
      for (auto at = candidates_.begin(); at != end; ++at) {
        reached += at->first;
        if (reached >= wanted) return static_cast<std::size_t>(at - candidates_.begin()) + 1;
      }
      return 0;
    };
    // Sorting a whole vocabulary takes longer than a step of a small model; the likely ones are nearly always enough.
    kept = reach(std::partition(candidates_.begin(), candidates_.end(),
                                [](const Candidate& c) { return c.first >= kLikelyRatio; }));
    if (kept == 0) kept = reach(candidates_.end());
    if (kept == 0) kept = candidates_.size();
  }
  double total = 0;
  for (std::size_t i = 0; i < kept; ++i) total += candidates_[i].first;
  double at = next_unit() * total;
  for (std::size_t i = 0; i < kept; ++i) {
    at -= candidates_[i].first;
    if (at < 0) return candidates_[i].second;
  }
  return candidates_[kept - 1].second;
}

double Sampler::next_unit() {
  // SplitMix64's output function over a counter (S. Vigna).
  std::uint64_t z = seed_ + ++draws_ * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1.0p-53;
}

}  // namespace mnema
