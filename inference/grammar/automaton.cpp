#include "inference/grammar/automaton.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "inference/grammar/rule_calls.hpp"
#include "inference/grammar/utf8_ranges.hpp"

namespace mnema::grammar {
namespace {

/// Expressions visited for each state that there may be: repeating what adds few states must end too.
constexpr int kWorkPerState = 16;

/// Builds back to front: each construct is given the state that follows it and returns the state that begins it.
class Compiler {
 public:
  Compiler(const Rules& rules, int states_max)
      : rules_(rules), states_max_(states_max), work_left_(std::int64_t{kWorkPerState} * states_max) {}

  Status run(Automaton& out) {
    automaton_ = &out;
    for (const Rules::Rule& rule : rules_.rules) {
      if (!rule.body) {
        return fail(ErrorCode::kInvalidArgument, "grammar: rule '" + rule.name + "' is used but not defined");
      }
      const int end = add(Automaton::StateKind::kEnd, -1, -1);
      out.rule_start.push_back(build(*rule.body, end));
      if (full_) {
        return fail(ErrorCode::kInvalidArgument,
                    "grammar: more than " + std::to_string(states_max_) + " states, or as much work, at rule '" +
                        rule.name + "'",
                    "use smaller bounds in repetitions");
      }
    }
    out.root = rules_.root;
    return {};
  }

 private:
  int add(Automaton::StateKind kind, int next, int other) {
    if (static_cast<int>(automaton_->states.size()) >= states_max_) {
      full_ = true;
      return 0;
    }
    automaton_->states.push_back({kind, next, other});
    return static_cast<int>(automaton_->states.size()) - 1;
  }

  int bytes(const ByteSet& set, int next) {
    const auto [place, fresh] = sets_.try_emplace(set, static_cast<int>(automaton_->byte_sets.size()));
    if (fresh) automaton_->byte_sets.push_back(set);
    return add(Automaton::StateKind::kBytes, next, place->second);
  }

  int build(const Node& node, int next) {
    full_ = full_ || --work_left_ < 0;
    if (full_) return 0;
    switch (node.kind) {
      case Node::Kind::kLiteral: {
        for (auto byte = node.literal.rbegin(); byte != node.literal.rend(); ++byte) {
          next = bytes(ByteSet().set(static_cast<std::uint8_t>(*byte)), next);
        }
        return next;
      }
      case Node::Kind::kCharacters:
        return build_characters(node.characters, next);
      case Node::Kind::kSequence: {
        for (auto part = node.children.rbegin(); part != node.children.rend(); ++part) next = build(**part, next);
        return next;
      }
      case Node::Kind::kAlternatives: {
        std::vector<int> starts;
        for (const Expression& choice : node.children) starts.push_back(build(*choice, next));
        return any_of(starts);
      }
      case Node::Kind::kRepeat:
        return build_repeat(node, next);
      case Node::Kind::kRule:
        return add(Automaton::StateKind::kCall, next, node.rule);
      case Node::Kind::kStates:
        return build_states(node, next);
      case Node::Kind::kDistinct:
        automaton_->has_distinct = true;
        return add(Automaton::StateKind::kDistinct, next, -1);
    }
    return next;
  }

  int any_of(const std::vector<int>& starts) {
    if (starts.empty()) return bytes(ByteSet(), 0);  // matches nothing
    int start = starts.back();
    for (auto choice = starts.rbegin() + 1; choice != starts.rend(); ++choice) {
      start = add(Automaton::StateKind::kSplit, *choice, start);
    }
    return start;
  }

  int build_characters(const std::vector<CodePointRange>& ranges, int next) {
    // All one-byte characters become a single state; longer ones share their tails through `tails`.
    ByteSet single;
    std::vector<int> starts;
    std::unordered_map<std::string, int> tails;
    for (const CodePointRange& range : ranges) {
      full_ = full_ || --work_left_ < 0;
      if (full_) return 0;
      for (const std::vector<ByteRange>& sequence : utf8_sequences(range.first, range.last)) {
        if (sequence.size() == 1) {
          for (int byte = sequence[0].first; byte <= sequence[0].last; ++byte)
            single.set(static_cast<std::size_t>(byte));
          continue;
        }
        int state = next;
        std::string key;
        for (std::size_t i = sequence.size(); i-- > 0;) {
          key += static_cast<char>(sequence[i].first);
          key += static_cast<char>(sequence[i].last);
          if (const auto known = tails.find(key); known != tails.end()) {
            state = known->second;
            continue;
          }
          ByteSet set;
          for (int byte = sequence[i].first; byte <= sequence[i].last; ++byte) set.set(static_cast<std::size_t>(byte));
          state = bytes(set, state);
          tails.emplace(key, state);
        }
        starts.push_back(state);
      }
    }
    if (single.any()) starts.push_back(bytes(single, next));
    return any_of(starts);
  }

  int build_states(const Node& node, int next) {
    // Each state is first a place holder: edges lead to and fro.
    std::vector<int> entries;
    for (std::size_t i = 0; i < node.states.size() && !full_; ++i)
      entries.push_back(add(Automaton::StateKind::kSplit, -1, -1));
    if (node.states.empty()) return any_of({});
    std::vector<int> ways;
    for (std::size_t i = 0; i < node.states.size() && !full_; ++i) {
      ways.clear();
      for (const Node::Edge& edge : node.states[i].edges)
        ways.push_back(build(*edge.on, entries[static_cast<std::size_t>(edge.to)]));
      if (node.states[i].accepting) ways.push_back(next);
      if (full_) return 0;
      // The first ways hang together, the last one beside them.
      const int last = ways.empty() ? any_of({}) : ways.back();
      if (ways.size() > 1) ways.pop_back();
      const int first = ways.empty() ? last : any_of(ways);
      automaton_->states[static_cast<std::size_t>(entries[i])].next = first;
      automaton_->states[static_cast<std::size_t>(entries[i])].other = last;
    }
    return full_ ? 0 : entries[0];
  }

  int build_repeat(const Node& node, int next) {
    const Node& body = *node.children.front();
    if (node.repeat_max < 0) {
      const int loop = add(Automaton::StateKind::kSplit, -1, next);
      const int start = build(body, loop);
      if (full_) return 0;
      automaton_->states[static_cast<std::size_t>(loop)].next = start;
      next = loop;
    } else {
      const int end = next;  // every optional copy may leave to the same place
      for (int i = node.repeat_min; i < node.repeat_max && !full_; ++i) {
        const int start = build(body, next);
        if (start == next) break;  // the body reads nothing: once is as good as often
        next = add(Automaton::StateKind::kSplit, start, end);
      }
    }
    for (int i = 0; i < node.repeat_min && !full_; ++i) {
      const int start = build(body, next);
      if (start == next) break;  // the body reads nothing: once is as good as often
      next = start;
    }
    return next;
  }

  struct HashSet {
    std::size_t operator()(const ByteSet& set) const { return std::hash<ByteSet>()(set); }
  };
  const Rules& rules_;
  const int states_max_;
  Automaton* automaton_ = nullptr;
  std::unordered_map<ByteSet, int, HashSet> sets_;
  std::int64_t work_left_;
  bool full_ = false;
};

void classify_bytes(Automaton& automaton) {
  automaton.class_of_byte.fill(0);
  automaton.classes = 1;
  for (const ByteSet& set : automaton.byte_sets) {
    if (automaton.classes == 256) return;
    // A class that lies on both sides of the set is split: its part inside becomes a new one.
    std::array<int, 256> inside{};
    std::array<bool, 256> has_outside{};
    for (std::size_t byte = 0; byte < 256; ++byte) has_outside[automaton.class_of_byte[byte]] |= !set.test(byte);
    for (std::size_t byte = 0; byte < 256; ++byte) {
      std::uint8_t& its_class = automaton.class_of_byte[byte];
      if (!set.test(byte) || !has_outside[its_class]) continue;
      int& part = inside[its_class];
      if (part == 0) part = automaton.classes++;
      its_class = static_cast<std::uint8_t>(part);
    }
  }
}

}  // namespace

Result<Automaton> Automaton::compile(const Rules& rules, const Limits& limits) {
  if (static_cast<int>(rules.rules.size()) > limits.grammar_rules_max) {
    return fail(ErrorCode::kInvalidArgument,
                "grammar: more than " + std::to_string(limits.grammar_rules_max) + " rules");
  }
  Automaton automaton;
  RETURN_IF_ERROR(Compiler(rules, limits.grammar_states_max).run(automaton));
  close_dead_ends(automaton);
  if (automaton.states[static_cast<std::size_t>(automaton.rule_start[static_cast<std::size_t>(automaton.root)])].kind ==
      Automaton::StateKind::kDeadEnd) {
    return fail(ErrorCode::kInvalidArgument,
                "grammar: rule '" + rules.rules[static_cast<std::size_t>(automaton.root)].name + "' allows no text",
                "look for a class without characters, and for a rule that never ends without itself");
  }
  if (const int rule = rank_rules(automaton); rule >= 0) {
    return fail(ErrorCode::kInvalidArgument,
                "grammar: rule '" + rules.rules[static_cast<std::size_t>(rule)].name + "' is left-recursive",
                "write the repetition with * or +, or recurse on the right");
  }
  classify_bytes(automaton);
  return automaton;
}

}  // namespace mnema::grammar
