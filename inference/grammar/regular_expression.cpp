#include "inference/grammar/regular_expression.hpp"

#include <map>

#include "inference/grammar/character_nfa.hpp"
#include "runtime/base/check.hpp"

namespace mnema::grammar {
namespace {

constexpr std::size_t kStatesMax = 20'000;

int build(CharacterNfa& nfa, const Node& node, int next) {
  switch (node.kind) {
    case Node::Kind::kLiteral: {
      const std::u32string text = decode_utf8(node.literal).value_or(std::u32string());
      for (auto c = text.rbegin(); c != text.rend(); ++c) next = nfa.characters({{*c, *c}}, next);
      return next;
    }
    case Node::Kind::kCharacters:
      return nfa.characters(node.characters, next);
    case Node::Kind::kSequence:
      for (auto part = node.children.rbegin(); part != node.children.rend(); ++part) next = build(nfa, **part, next);
      return next;
    case Node::Kind::kAlternatives: {
      if (node.children.empty()) return nfa.characters({}, next);
      int start = build(nfa, *node.children.back(), next);
      for (auto choice = node.children.rbegin() + 1; choice != node.children.rend(); ++choice) {
        const int other = build(nfa, **choice, next);
        start = nfa.add(CharacterNfa::StateKind::kSplit, other, start);
      }
      return start;
    }
    case Node::Kind::kRepeat: {
      const Node& body = *node.children.front();
      if (node.repeat_max < 0) {
        const int loop = nfa.add(CharacterNfa::StateKind::kSplit, -1, next);
        nfa.states[static_cast<std::size_t>(loop)].next = build(nfa, body, loop);
        next = loop;
      } else {
        const int end = next;
        for (int i = node.repeat_min; i < node.repeat_max; ++i) {
          const int start = build(nfa, body, next);
          if (start == next) break;
          next = nfa.add(CharacterNfa::StateKind::kSplit, start, end);
        }
      }
      for (int i = 0; i < node.repeat_min; ++i) next = build(nfa, body, next);
      return next;
    }
    case Node::Kind::kRule:
    case Node::Kind::kStates:
      break;
  }
  CHECK(false, "an expression that becomes an automaton has no rules");
  return next;
}

}  // namespace

std::optional<CharacterAutomaton> automaton_of(const Expression& expression) {
  CharacterNfa nfa;
  const int end = nfa.add(CharacterNfa::StateKind::kAccept);
  return determinised(nfa, build(nfa, *expression, end), kStatesMax);
}

Expression expression_of(const CharacterAutomaton& automaton) {
  std::vector<Node::State> made(automaton.states());
  for (std::size_t state = 0; state < automaton.states(); ++state) {
    made[state].accepting = automaton.accepting[state];
    std::map<std::int32_t, CodePointRanges> ranges_to;
    for (std::size_t c = 0; c < automaton.classes.size(); ++c) {
      const std::int32_t to = automaton.step(state, c);
      if (to < 0) continue;
      CodePointRanges& ranges = ranges_to[to];
      ranges.insert(ranges.end(), automaton.classes[c].begin(), automaton.classes[c].end());
    }
    for (auto& [to, ranges] : ranges_to) made[state].edges.push_back({characters(std::move(ranges)), to});
  }
  return automaton.empty() ? never() : states(std::move(made));
}

}  // namespace mnema::grammar
