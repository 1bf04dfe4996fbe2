#include "inference/grammar/grammar_mask.hpp"

#include <algorithm>

#include "inference/grammar/plain_run.hpp"
#include "runtime/base/check.hpp"

namespace mnema::grammar {
namespace {

constexpr std::size_t kKnownMasksMax = 128;  // of ⌈vocabulary / 8⌉ bytes each: 2.4 MB for 150k tokens

void set_bit(std::span<std::uint64_t> words, TokenId token) {
  words[static_cast<std::size_t>(token) / 64] |= std::uint64_t{1} << (static_cast<std::size_t>(token) % 64);
}

/// Tries the tokens of the nodes from `begin` to `end`; a byte that leads nowhere skips all tokens behind it.
bool walk(const TokenTrie& trie, Matcher& matcher, Position start, std::span<std::uint64_t> allowed, std::size_t begin,
          std::size_t end) {
  bool any = false;
  std::vector<Position> at(static_cast<std::size_t>(trie.depth_max()) + 1);
  at[0] = start;
  const auto& nodes = trie.nodes();
  for (std::size_t i = begin; i < end;) {
    const TokenTrie::Node& node = nodes[i];
    const Position position = matcher.step(at[node.depth - 1U], node.byte);
    if (position == kDead) {
      i = node.next;
      continue;
    }
    at[node.depth] = position;
    for (std::uint32_t t = node.tokens; t < node.tokens_end; ++t) {
      set_bit(allowed, trie.tokens()[t]);
      any = true;
    }
    ++i;
  }
  return any;
}

bool walk(const TokenTrie& trie, Matcher& matcher, Position start, std::span<std::uint64_t> allowed) {
  return walk(trie, matcher, start, allowed, 0, trie.nodes().size());
}

/// Tries the tokens that begin with one of `firsts`, whatever is set for them.
bool walk_anew(const TokenTrie& trie, Matcher& matcher, Position start, std::span<std::uint64_t> allowed,
               const std::bitset<256>& firsts) {
  bool any = false;
  const auto& nodes = trie.nodes();
  for (std::size_t i = 0; i < nodes.size(); i = nodes[i].next) {
    if (!firsts.test(nodes[i].byte)) continue;
    // In preorder the tokens of a subtree lie together.
    const std::size_t end = nodes[i].next < nodes.size() ? nodes[nodes[i].next].tokens : trie.tokens().size();
    for (std::size_t t = nodes[i].tokens; t < end; ++t) {
      const auto token = static_cast<std::size_t>(trie.tokens()[t]);
      allowed[token / 64] &= ~(std::uint64_t{1} << (token % 64));
    }
    any = walk(trie, matcher, start, allowed, i, nodes[i].next) || any;
  }
  return any;
}

/// Sets what may follow `start`.
bool fill_unknown(const VocabularyTrie& vocabulary, Matcher& matcher, Position start,
                  std::span<std::uint64_t> allowed) {
  // Inside a string most of the vocabulary is allowed; only what is not plain text needs the walk.
  if (const std::optional<PlainRun> run = plain_run(matcher, start); run && !matcher.overflowed()) {
    if (const auto plain = vocabulary.plain_tokens(run->characters)) {
      const std::vector<std::uint64_t>& mask = plain->up_to[static_cast<std::size_t>(run->length)];
      std::copy(mask.begin(), mask.end(), allowed.begin());
      walk(plain->rest, matcher, start, allowed);
      walk_anew(vocabulary.all(), matcher, start, allowed, run->other_firsts);
      return std::any_of(allowed.begin(), allowed.end(), [](std::uint64_t word) { return word != 0; });
    }
  }
  return walk(vocabulary.all(), matcher, start, allowed);
}

}  // namespace

GrammarMask::GrammarMask(std::shared_ptr<SharedMatcher> shared)
    : shared_(std::move(shared)), text_(shared_->matcher.start()) {}

template <class Operation>
void GrammarMask::run(const Operation& operation) {
  for (const bool may_begin_anew : {true, false}) {
    std::shared_ptr<SharedMatcher> fresh;
    {
      const std::lock_guard lock(shared_->mutex);
      Matcher& matcher = shared_->matcher;
      matcher.begin_operation();
      operation(*shared_);
      if (!matcher.overflowed()) return;
      if (!matcher.full() || !may_begin_anew) break;
      fresh = std::make_shared<SharedMatcher>(Matcher(matcher, text_.position()), shared_->trie);
    }
    shared_ = std::move(fresh);
    text_.move_to(shared_->matcher.start());
  }
  status_ = fail(ErrorCode::kResourceExhausted, "the grammar takes too much work here to tell what may follow",
                 "make it less ambiguous, and its repetitions shorter");
}

bool GrammarMask::fill_known_or_walk(SharedMatcher& shared, std::span<std::uint64_t> allowed) const {
  const Position position = text_.position();
  const auto known = shared.known_masks.find(position);
  if (known != shared.known_masks.end()) {
    std::copy(known->second.begin(), known->second.end(), allowed.begin());
  } else {
    std::fill(allowed.begin(), allowed.end(), 0);
    if (shared.matcher.exhausted(position)) return false;
    const bool any = fill_unknown(*shared.trie, shared.matcher, position, allowed);
    if (any && !shared.matcher.overflowed() && shared.known_masks.size() < kKnownMasksMax)
      shared.known_masks.emplace(position, std::vector<std::uint64_t>(allowed.begin(), allowed.end()));
    if (!any) return false;
  }
  if (!shared.matcher.has_distinct()) return true;
  text_.forbid_repetitions(shared.trie->all(), shared.matcher, allowed);
  return std::any_of(allowed.begin(), allowed.end(), [](std::uint64_t word) { return word != 0; });
}

void GrammarMask::fill(std::span<std::uint64_t> allowed) {
  const VocabularyTrie& trie = *shared_->trie;
  CHECK(allowed.size() * 64 >= static_cast<std::size_t>(trie.vocabulary_size()), "the mask has a bit for every token");
  bool any = false, may_end = true;
  if (status_.ok() && !ended_) {
    run([&](SharedMatcher& shared) {
      any = fill_known_or_walk(shared, allowed);
      may_end = shared.matcher.complete(text_.position());
    });
    if (status_.ok() && !any && !may_end) {
      status_ = fail(ErrorCode::kInvalidArgument, "no token of this model goes on with the grammar here",
                     "let the grammar allow what the model can write");
    }
  }
  if (!any || !status_.ok()) std::fill(allowed.begin(), allowed.end(), 0);
  if (!may_end || !status_.ok()) return;
  for (const TokenId token : trie.end_of_generation()) set_bit(allowed, token);
}

bool GrammarMask::allows(TokenId token) {
  const VocabularyTrie& trie = *shared_->trie;
  if (!status_.ok() || token < 0 || token >= trie.vocabulary_size()) return false;
  const auto& ends = trie.end_of_generation();
  const bool is_end = std::find(ends.begin(), ends.end(), token) != ends.end();
  if (ended_) return is_end;
  bool allowed = false;
  run([&](SharedMatcher& shared) {
    if (is_end) {
      allowed = shared.matcher.complete(text_.position());
      return;
    }
    const std::string_view bytes = trie.bytes_of(token);
    const std::optional<GrammarText> next = bytes.empty() ? std::nullopt : text_.with(shared.matcher, bytes);
    allowed = next && next->can_go_on(shared.matcher);
  });
  return allowed && status_.ok();
}

void GrammarMask::accept(TokenId token) {
  const auto& ends = shared_->trie->end_of_generation();
  if (std::find(ends.begin(), ends.end(), token) != ends.end()) {
    ended_ = true;
    return;
  }
  std::optional<GrammarText> next;
  run([&](SharedMatcher& shared) { next = text_.with(shared.matcher, shared.trie->bytes_of(token)); });
  if (!status_.ok()) return;
  CHECK(next, "only an allowed token is accepted");
  text_ = std::move(*next);
}

bool GrammarMask::finished() const {
  if (ended_) return true;
  const std::lock_guard lock(shared_->mutex);
  return shared_->matcher.complete(text_.position()) && shared_->matcher.exhausted(text_.position());
}

std::unique_ptr<TokenMask> GrammarMask::clone() const {
  auto copy = std::make_unique<GrammarMask>(shared_);
  copy->text_ = text_;
  copy->ended_ = ended_;
  copy->status_ = status_;
  return copy;
}

}  // namespace mnema::grammar
