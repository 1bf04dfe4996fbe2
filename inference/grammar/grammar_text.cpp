#include "inference/grammar/grammar_text.hpp"

#include <vector>

namespace mnema::grammar {
namespace {

constexpr int kLookAheadDepthMax = 1'000;

/// Looks for a way on that makes every open element different from those before it.
class LookAhead {
 public:
  LookAhead(Matcher& matcher, std::string& text, int tries) : matcher_(matcher), text_(text), tries_left_(tries) {}

  bool finds_way(Position position, const DistinctElements& elements, int depth = 0) {
    if (elements.quiet() || depth > kLookAheadDepthMax) return true;
    const std::bitset<256> repeating = elements.repeating_bytes();
    for (int byte = 0xff; byte >= 0x20; --byte) {
      if (repeating.test(static_cast<std::size_t>(byte)) || byte == '"' || byte == '\\') continue;
      if (matcher_.step(position, static_cast<std::uint8_t>(byte)) != kDead) return true;
    }
    struct Way {
      char byte;
      Position position;
      DistinctElements elements;
    };
    std::vector<Way> ways;
    for (int byte = 0xff; byte >= 0x20; --byte) {
      if (byte == ' ' && !elements.in_string()) continue;  // blanks may be left out everywhere
      if (!repeating.test(static_cast<std::size_t>(byte)) && byte != '"' && byte != '\\') continue;
      const Position to = matcher_.step(position, static_cast<std::uint8_t>(byte));
      if (to == kDead) continue;
      if (--tries_left_ < 0) return true;
      Way way{static_cast<char>(byte), to, elements};
      text_.push_back(way.byte);
      const bool taken = way.elements.take(matcher_.opens_distinct(to), text_);
      text_.pop_back();
      if (!taken) continue;
      if (way.elements.quiet()) return true;
      ways.push_back(std::move(way));
    }
    for (const Way& way : ways) {
      text_.push_back(way.byte);
      const bool found = finds_way(way.position, way.elements, depth + 1);
      text_.pop_back();
      if (found) return true;
    }
    return false;
  }
  int tries_left() const { return tries_left_; }

 private:
  Matcher& matcher_;
  std::string& text_;
  int tries_left_;
};

}  // namespace

std::optional<GrammarText> GrammarText::with(Matcher& matcher, std::string_view bytes) const {
  std::optional<GrammarText> next(*this);
  for (const char byte : bytes) {
    next->position_ = matcher.step(next->position_, static_cast<std::uint8_t>(byte));
    if (next->position_ == kDead) return std::nullopt;
    if (!matcher.has_distinct()) continue;
    next->text_.push_back(byte);
    if (!next->elements_.take(matcher.opens_distinct(next->position_), next->text_)) return std::nullopt;
  }
  next->elements_.settle(next->text_);
  return next;
}

bool GrammarText::can_go_on(Matcher& matcher) const {
  std::string text = text_;
  return LookAhead(matcher, text, kLookAheadMax).finds_way(position_, elements_);
}

void GrammarText::forbid_repetitions(const TokenTrie& trie, Matcher& matcher, std::span<std::uint64_t> allowed) const {
  if (!matcher.has_distinct()) return;
  struct At {
    Position position;
    DistinctElements elements;
    bool quiet;
    std::bitset<256> repeating;  // where it is not quiet
  };
  const auto at_of = [](Position position, DistinctElements elements) {
    const bool quiet = elements.quiet();
    std::bitset<256> repeating;
    if (!quiet) repeating = elements.repeating_bytes();
    return At{position, std::move(elements), quiet, repeating};
  };
  const auto forbid = [&](std::uint32_t begin, std::uint32_t end) {
    for (std::uint32_t t = begin; t < end; ++t) {
      const auto token = static_cast<std::size_t>(trie.tokens()[t]);
      allowed[token / 64] &= ~(std::uint64_t{1} << (token % 64));
    }
  };
  const auto any_allowed = [&](const TokenTrie::Node& node) {
    for (std::uint32_t t = node.tokens; t < node.tokens_end; ++t) {
      const auto token = static_cast<std::size_t>(trie.tokens()[t]);
      if ((allowed[token / 64] >> (token % 64) & 1) != 0) return true;
    }
    return false;
  };
  std::vector<At> path{at_of(position_, elements_)};
  std::string text = text_;
  const auto& nodes = trie.nodes();
  int tries_left = kLookAheadsMax;
  for (std::size_t i = 0; i < nodes.size();) {
    const TokenTrie::Node& node = nodes[i];
    path.resize(node.depth, path.front());
    text.resize(text_.size() + node.depth - 1U);
    const At& parent = path.back();
    // What differs stays so up to the next comma, and only what may be equal needs a look.
    const bool in_string = parent.elements.in_string();
    const TokenTrie::Commas commas = parent.elements.idle() ? TokenTrie::kBracketThenComma
                                     : in_string            ? TokenTrie::kQuoteThenComma
                                                            : TokenTrie::kComma;
    const bool repeats =
        !parent.quiet && (!in_string || parent.repeating.test(node.byte) || node.byte == '"' || node.byte == '\\');
    if (!repeats && (node.commas & commas) == 0) {
      i = node.next;
      continue;
    }
    const Position position = matcher.step(parent.position, node.byte);
    if (position == kDead) {
      i = node.next;
      continue;
    }
    DistinctElements elements = parent.elements;
    text.push_back(static_cast<char>(node.byte));
    if (!elements.take(matcher.opens_distinct(position), text)) {
      forbid(node.tokens,
             node.next < nodes.size() ? nodes[node.next].tokens : static_cast<std::uint32_t>(trie.tokens().size()));
      i = node.next;
      continue;
    }
    path.push_back(at_of(position, std::move(elements)));
    if (!path.back().quiet && tries_left > 0 && any_allowed(node)) {
      LookAhead ahead(matcher, text, std::min(kLookAheadMax, tries_left));
      const int before = ahead.tries_left();
      if (!ahead.finds_way(position, path.back().elements)) forbid(node.tokens, node.tokens_end);
      tries_left -= before - std::max(0, ahead.tries_left());
    }
    ++i;
  }
}

}  // namespace mnema::grammar
