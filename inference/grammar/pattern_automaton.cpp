#include "inference/grammar/pattern_automaton.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "inference/grammar/character_nfa.hpp"
#include "runtime/base/pattern_syntax.hpp"

namespace mnema::grammar {
namespace {

constexpr std::size_t kStatesMax = 40'000;      // of one deterministic automaton
constexpr std::size_t kNfaStatesMax = 200'000;  // repetitions are unrolled
constexpr std::size_t kAllStatesMax = 120'000;  // of all automata on the way: each lookahead takes some

using Kind = PatternNode::Kind;

/// Builds back to front: each construct is given the state that follows it and returns the state that begins it.
class Builder {
 public:
  Result<CharacterAutomaton> run(const PatternNode& tree) {
    const int rest = nfa_.add(CharacterNfa::StateKind::kAcceptAll);
    const int body = build(tree, rest);
    RETURN_IF_ERROR(problem_);
    // The match may begin anywhere.
    const int start = nfa_.add(CharacterNfa::StateKind::kSplit, body);
    const int skip = nfa_.characters(all_code_points_but({}), start);
    nfa_.states[static_cast<std::size_t>(start)].other = skip;
    return determine(start);
  }

 private:
  Result<CharacterAutomaton> determine(int start) {
    std::optional<CharacterAutomaton> made = determinised(nfa_, start, std::min(kStatesMax, states_left_));
    if (!made) return fail(ErrorCode::kUnsupported, "the pattern needs too large an automaton");
    states_left_ -= made->states();
    return std::move(*made);
  }

  int refuse(const char* what) {
    if (problem_.ok()) problem_ = fail(ErrorCode::kUnsupported, std::string(what) + " cannot be enforced here");
    return 0;
  }

  int build(const PatternNode& node, int next) {
    if (!problem_.ok()) return 0;
    if (nfa_.states.size() > kNfaStatesMax) return refuse("a pattern of so many repetitions");
    switch (node.kind) {
      case Kind::kCharacters:
        return nfa_.characters(subtract(node.characters, {{0xD800, 0xDFFF}}), next);
      case Kind::kSequence:
        return build_sequence(node, next);
      case Kind::kAlternatives: {
        int start = build(node.children.back(), next);
        for (auto choice = node.children.rbegin() + 1; choice != node.children.rend(); ++choice) {
          const int other = build(*choice, next);
          start = nfa_.add(CharacterNfa::StateKind::kSplit, other, start);
        }
        return start;
      }
      case Kind::kRepeat:
        return build_repeat(node, next);
      case Kind::kGroup:
        return build(node.children.front(), next);
      case Kind::kBegin:
        return nfa_.add(CharacterNfa::StateKind::kBegin, next);
      case Kind::kEnd:
        return nfa_.add(CharacterNfa::StateKind::kEnd, next);
      case Kind::kWordBoundary:
        return nfa_.add(node.negated ? CharacterNfa::StateKind::kNoBoundary : CharacterNfa::StateKind::kBoundary, next);
      case Kind::kLookahead:
        return build_lookahead(node, next);
      case Kind::kLookbehind:
        return refuse("lookbehind");
      case Kind::kBackReference:
        return refuse("a back-reference");
    }
    return next;
  }

  int build_sequence(const PatternNode& node, int next) {
    // Behind a ^ and what reads nothing, a part stands at the beginning, and nowhere else.
    std::vector<bool> begins;
    bool begin = at_begin_, still = true;
    for (const PatternNode& part : node.children) {
      begins.push_back(still && begin);
      begin = begin || part.kind == Kind::kBegin;
      still = still && (part.kind == Kind::kBegin || part.kind == Kind::kLookahead);
    }
    const bool outer = at_begin_;
    for (std::size_t i = node.children.size(); i-- > 0;) {
      at_begin_ = begins[i];
      next = build(node.children[i], next);
    }
    at_begin_ = outer;
    return next;
  }

  int build_repeat(const PatternNode& node, int next) {
    const PatternNode& body = node.children.front();
    const bool outer = std::exchange(at_begin_, false);
    next = build_copies(node, body, next);
    at_begin_ = outer;
    return next;
  }

  int build_copies(const PatternNode& node, const PatternNode& body, int next) {
    if (node.repeat_max < 0) {
      const int loop = nfa_.add(CharacterNfa::StateKind::kSplit, -1, next);
      ++loops_;
      const int start = build(body, loop);
      --loops_;
      nfa_.states[static_cast<std::size_t>(loop)].next = start;
      next = loop;
    } else {
      const int end = next;  // every optional copy may leave to the same place
      for (int i = node.repeat_min; i < node.repeat_max && problem_.ok(); ++i) {
        const int start = build(body, next);
        if (start == next) break;  // the body reads nothing: once is as good as often
        next = nfa_.add(CharacterNfa::StateKind::kSplit, start, end);
      }
    }
    for (int i = 0; i < node.repeat_min && problem_.ok(); ++i) {
      const int start = build(body, next);
      if (start == next) break;
      next = start;
    }
    return next;
  }

  /// What follows is known to the end, as all is built back to front: both together are one automaton, put in place.
  int build_lookahead(const PatternNode& node, int next) {
    if (loops_ > 0) return refuse("lookahead inside a repetition");
    if (!at_begin_ && depends_on_before(next)) return refuse("^ or a word boundary behind a lookahead");
    const Result<CharacterAutomaton> follows = determine(next);
    if (!follows.ok()) return problem_ = follows.error(), 0;
    const int rest = nfa_.add(CharacterNfa::StateKind::kAcceptAll);
    const int inside = build(node.children.front(), rest);
    if (!problem_.ok()) return 0;
    if (!at_begin_ && depends_on_before(inside)) return refuse("^ or a word boundary inside a lookahead");
    const Result<CharacterAutomaton> seen = determine(inside);
    if (!seen.ok()) return problem_ = seen.error(), 0;
    const std::optional<CharacterAutomaton> both =
        intersection(*follows, node.negated ? complement(*seen) : *seen, std::min(kStatesMax, states_left_));
    if (!both) return refuse("so large a lookahead");
    states_left_ -= both->states();
    return embed(*both);
  }

  /// Whether what stands before `start` decides on what it accepts.
  [[nodiscard]] bool depends_on_before(int start) const {
    std::vector<bool> seen(nfa_.states.size(), false);
    std::vector<int> work{start};
    while (!work.empty()) {
      const int at = work.back();
      work.pop_back();
      if (at < 0 || seen[static_cast<std::size_t>(at)]) continue;
      seen[static_cast<std::size_t>(at)] = true;
      const CharacterNfa::State& state = nfa_.states[static_cast<std::size_t>(at)];
      using StateKind = CharacterNfa::StateKind;
      if (state.kind == StateKind::kBegin || state.kind == StateKind::kBoundary || state.kind == StateKind::kNoBoundary)
        return true;
      work.push_back(state.next);
      if (state.kind == StateKind::kSplit) work.push_back(state.other);
    }
    return false;
  }

  int embed(const CharacterAutomaton& automaton) {
    using StateKind = CharacterNfa::StateKind;
    if (automaton.empty()) return nfa_.characters({}, 0);
    const int end = nfa_.add(StateKind::kEnd, nfa_.add(StateKind::kAccept));
    std::vector<int> entry(automaton.states());
    for (int& state : entry) state = nfa_.add(StateKind::kSplit, -1, -1);
    for (std::size_t state = 0; state < automaton.states(); ++state) {
      int chain = automaton.accepting[state] ? end : -1;
      std::map<std::int32_t, CodePointRanges> ranges_to;
      for (std::size_t c = 0; c < automaton.classes.size(); ++c) {
        const std::int32_t to = automaton.step(state, c);
        if (to < 0) continue;
        CodePointRanges& ranges = ranges_to[to];
        ranges.insert(ranges.end(), automaton.classes[c].begin(), automaton.classes[c].end());
      }
      for (auto& [to, ranges] : ranges_to) {
        const int edge = nfa_.characters(normalised(std::move(ranges)), entry[static_cast<std::size_t>(to)]);
        chain = chain < 0 ? edge : nfa_.add(StateKind::kSplit, edge, chain);
      }
      nfa_.states[static_cast<std::size_t>(entry[state])].next = chain;
      nfa_.states[static_cast<std::size_t>(entry[state])].other = chain;
    }
    return entry[0];
  }

  CharacterNfa nfa_;
  Status problem_;
  std::size_t states_left_ = kAllStatesMax;
  int loops_ = 0;
  bool at_begin_ = false;  // what is built now stands at the beginning of the string, and nowhere else
};

}  // namespace

Result<CharacterAutomaton> automaton_of_pattern(std::string_view pattern) {
  ASSIGN_OR_RETURN(const PatternNode tree, parse_pattern(pattern));
  return Builder().run(tree);
}

}  // namespace mnema::grammar
