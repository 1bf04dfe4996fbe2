#include "inference/grammar/rule_calls.hpp"

namespace mnema::grammar {
namespace {

using StateKind = Automaton::StateKind;

std::size_t index(int i) { return static_cast<std::size_t>(i); }

/// [states]: from which the end of their rule can be reached; `through_bytes`: by any text, else by the empty one.
std::vector<bool> reaching_end(const Automaton& automaton, bool through_bytes) {
  const std::vector<Automaton::State>& states = automaton.states;
  // For each state, those that it may help to reach the end, as a linked list of (state, next entry).
  struct Entry {
    int state;
    int next;
  };
  std::vector<int> dependents(states.size(), -1);
  std::vector<Entry> entries;
  const auto depends = [&](std::size_t state, int on) {
    entries.push_back({static_cast<int>(state), dependents[index(on)]});
    dependents[index(on)] = static_cast<int>(entries.size()) - 1;
  };
  std::vector<bool> reaches(states.size(), false);
  std::vector<int> work;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const Automaton::State& state = states[i];
    if (state.kind == StateKind::kEnd) {
      reaches[i] = true;
      work.push_back(static_cast<int>(i));
    } else if (state.kind == StateKind::kBytes) {
      if (through_bytes && automaton.byte_sets[index(state.other)].any()) depends(i, state.next);
    } else if (state.kind == StateKind::kDistinct) {
      depends(i, state.next);
    } else if (state.kind != StateKind::kDeadEnd) {
      depends(i, state.next);
      depends(i, state.kind == StateKind::kCall ? automaton.rule_start[index(state.other)] : state.other);
    }
  }
  while (!work.empty()) {
    const int done = work.back();
    work.pop_back();
    for (int at = dependents[index(done)]; at >= 0; at = entries[index(at)].next) {
      const std::size_t i = index(entries[index(at)].state);
      const Automaton::State& state = states[i];
      const bool calls = state.kind == StateKind::kCall;
      if (reaches[i] ||
          (calls && (!reaches[index(state.next)] || !reaches[index(automaton.rule_start[index(state.other)])])))
        continue;
      reaches[i] = true;
      work.push_back(static_cast<int>(i));
    }
  }
  return reaches;
}

class CallsBeforeBytes {
 public:
  explicit CallsBeforeBytes(Automaton& automaton)
      : automaton_(automaton), mark_(automaton.rule_start.size(), Mark::kNew), seen_(automaton.states.size(), false) {}

  int rank() {
    for (std::size_t rule = 0; rule < mark_.size(); ++rule) {
      if (const int found = visit(static_cast<int>(rule)); found >= 0) return found;
    }
    return -1;
  }

 private:
  enum class Mark : char { kNew, kOpen, kDone };
  struct Visit {
    int rule;
    std::vector<int> calls;
    std::size_t next = 0;
  };

  void open(int rule, std::vector<Visit>& path) {
    mark_[index(rule)] = Mark::kOpen;
    path.push_back({rule, calls_of(rule), 0});
  }

  int visit(int root) {
    std::vector<Visit> path;
    if (mark_[index(root)] == Mark::kNew) open(root, path);
    while (!path.empty()) {
      Visit& top = path.back();
      if (top.next == top.calls.size()) {
        mark_[index(top.rule)] = Mark::kDone;
        automaton_.rank[index(top.rule)] = ranked_++;
        path.pop_back();
        continue;
      }
      const int rule = top.calls[top.next++];
      if (mark_[index(rule)] == Mark::kOpen) return rule;
      if (mark_[index(rule)] == Mark::kNew) open(rule, path);
    }
    return -1;
  }

  /// What a rule may call before it has read a byte. Each rule has states of its own, so each is seen once.
  std::vector<int> calls_of(int rule) {
    std::vector<int> calls, work{automaton_.rule_start[index(rule)]};
    while (!work.empty()) {
      const int at = work.back();
      work.pop_back();
      if (seen_[index(at)]) continue;
      seen_[index(at)] = true;
      const Automaton::State& state = automaton_.states[index(at)];
      if (state.kind == StateKind::kSplit) work.insert(work.end(), {state.next, state.other});
      if (state.kind == StateKind::kDistinct) work.push_back(state.next);
      if (state.kind != StateKind::kCall) continue;
      calls.push_back(state.other);
      if (automaton_.nullable[index(state.other)]) work.push_back(state.next);
    }
    return calls;
  }

  Automaton& automaton_;
  std::vector<Mark> mark_;
  std::vector<bool> seen_;  // [states]
  int ranked_ = 0;
};

}  // namespace

void close_dead_ends(Automaton& automaton) {
  const std::vector<bool> alive = reaching_end(automaton, true);
  for (std::size_t i = 0; i < alive.size(); ++i) {
    if (!alive[i]) automaton.states[i].kind = StateKind::kDeadEnd;
  }
}

int rank_rules(Automaton& automaton) {
  const std::vector<bool> ends = reaching_end(automaton, false);
  automaton.nullable.clear();
  for (const int start : automaton.rule_start) automaton.nullable.push_back(ends[index(start)]);
  automaton.rank.assign(automaton.rule_start.size(), 0);
  return CallsBeforeBytes(automaton).rank();
}

}  // namespace mnema::grammar
