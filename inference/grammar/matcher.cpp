#include "inference/grammar/matcher.hpp"

#include <algorithm>

namespace mnema::grammar {
namespace {

constexpr int kBottom = -1;              // as a frame's return state: the text ends here
constexpr int kTail = -1;                // as a call's return state
constexpr int kEmptyStack = 0;           // the stack that holds nothing but kBottom
constexpr std::size_t kNodeBytes = 112;  // what a hash table takes for an entry beside its elements, about
/// A larger table of what one step has seen is released: emptying it would cost every later step.
constexpr std::size_t kSeenMax = 1 << 18;

std::size_t mix(std::size_t hash, std::size_t value) {
  return (hash ^ (value + 0x9e3779b97f4a7c15ULL)) * 0xbf58476d1ce4e5b9ULL;
}

}  // namespace

std::size_t Matcher::HashStack::operator()(const Stack& stack) const {
  std::size_t hash = stack.size();
  for (const Frame& frame : stack) {
    hash = mix(mix(hash, static_cast<std::size_t>(frame.return_state)), static_cast<std::size_t>(frame.below));
  }
  return hash;
}

std::size_t Matcher::HashSet::operator()(const Set& set) const {
  std::size_t hash = (set.complete ? 1 : 0) + (set.opens_distinct ? 2 : 0);
  for (const Place& place : set.places) {
    hash = mix(mix(hash, static_cast<std::size_t>(place.state)), static_cast<std::size_t>(place.stack));
  }
  return hash;
}

Matcher::Matcher(std::shared_ptr<const Automaton> automaton, std::size_t bytes_max)
    : automaton_(std::move(automaton)), bytes_max_(bytes_max), stack_of_rule_(automaton_->rule_start.size()) {
  intern(Stack{{kBottom, kBottom}});
  Set set;
  expand({automaton_->rule_start[static_cast<std::size_t>(automaton_->root)], kEmptyStack}, set);
  resolve_calls(set);
  start_ = intern(std::move(set));
}

Matcher::Matcher(const Matcher& other, Position start)
    : automaton_(other.automaton_), bytes_max_(other.bytes_max_), stack_of_rule_(automaton_->rule_start.size()) {
  Set set = *other.positions_[static_cast<std::size_t>(start)];
  std::vector<int> copy_of(other.stacks_.size(), -1);
  constexpr int kNeeded = -2;
  copy_of[kEmptyStack] = kNeeded;
  for (const Place& place : set.places) copy_of[static_cast<std::size_t>(place.stack)] = kNeeded;
  for (std::size_t stack = other.stacks_.size(); stack-- > 1;) {
    if (copy_of[stack] != kNeeded) continue;
    for (const Frame& frame : *other.stacks_[stack]) {
      if (frame.below != kBottom) copy_of[static_cast<std::size_t>(frame.below)] = kNeeded;
    }
  }
  for (std::size_t stack = 0; stack < other.stacks_.size(); ++stack) {
    if (copy_of[stack] != kNeeded) continue;
    Stack copy = *other.stacks_[stack];
    for (Frame& frame : copy) {
      if (frame.below != kBottom) frame.below = copy_of[static_cast<std::size_t>(frame.below)];
    }
    std::sort(copy.begin(), copy.end());
    copy_of[stack] = intern(std::move(copy));
  }
  for (Place& place : set.places) place.stack = copy_of[static_cast<std::size_t>(place.stack)];
  start_ = intern(std::move(set));
}

void Matcher::begin_operation() {
  visits_left_ = kVisitsMax;
  overflowed_ = false;
}

Position Matcher::step_slow(Position position, std::uint8_t byte) {
  overflowed_ = overflowed_ || too_much();
  if (overflowed_) return kDead;
  Set next;
  const Set& from = *positions_[static_cast<std::size_t>(position)];
  visits_left_ -= std::ssize(from.places) / 16;  // most of them are only looked at
  for (const Place& place : from.places) {
    const Automaton::State& state = automaton_->states[static_cast<std::size_t>(place.state)];
    if (automaton_->byte_sets[static_cast<std::size_t>(state.other)].test(byte))
      expand({state.next, place.stack}, next);
  }
  resolve_calls(next);
  overflowed_ = visits_left_ < 0;
  if (overflowed_) return kDead;
  const Position to = next.places.empty() && !next.complete ? kDead : intern(std::move(next));
  steps_[index_of(position, byte)] = to;
  return to;
}

/// Follows everything that reads no byte, down to the states that do.
void Matcher::expand(Place from, Set& out) {
  work_.assign(1, from);
  while (!work_.empty() && --visits_left_ >= 0) {
    const Place place = work_.back();
    work_.pop_back();
    const Automaton::State& state = automaton_->states[static_cast<std::size_t>(place.state)];
    if (state.kind == Automaton::StateKind::kBytes) {
      out.places.push_back(place);  // some more than once: `intern` takes equals together, at less cost than `seen_`
      continue;
    }
    const std::uint64_t key = static_cast<std::uint64_t>(static_cast<std::uint32_t>(place.state)) << 32 |
                              static_cast<std::uint32_t>(place.stack);
    if (!seen_.insert(key).second) continue;
    switch (state.kind) {
      case Automaton::StateKind::kBytes:
      case Automaton::StateKind::kDeadEnd:
        break;
      case Automaton::StateKind::kSplit:
        work_.push_back({state.other, place.stack});
        work_.push_back({state.next, place.stack});
        break;
      case Automaton::StateKind::kDistinct:
        out.opens_distinct = true;
        work_.push_back({state.next, place.stack});
        break;
      case Automaton::StateKind::kCall: {
        // A call at the end of a rule returns to where that rule returns: right recursion needs no stack.
        const bool tail = automaton_->states[static_cast<std::size_t>(state.next)].kind == Automaton::StateKind::kEnd;
        calls_.push_back({state.other, tail ? kTail : state.next, place.stack});
        work_.push_back({automaton_->rule_start[static_cast<std::size_t>(state.other)], ~state.other});
        if (automaton_->nullable[static_cast<std::size_t>(state.other)]) work_.push_back({state.next, place.stack});
        break;
      }
      case Automaton::StateKind::kEnd:
        if (place.stack < 0) break;  // began in this step: whoever called it has gone on, as it is nullable
        for (const Frame& frame : *stacks_[static_cast<std::size_t>(place.stack)]) {
          if (frame.return_state == kBottom)
            out.complete = true;
          else
            work_.push_back({frame.return_state, frame.below});
        }
        break;
    }
  }
}

/// All calls of this step are known: makes their stacks, callers' before those of what they call.
void Matcher::resolve_calls(Set& out) {
  if (seen_.bucket_count() > kSeenMax)
    seen_ = {};
  else
    seen_.clear();
  if (calls_.empty()) return;
  const auto rank = [&](const Call& call) { return automaton_->rank[static_cast<std::size_t>(call.rule)]; };
  std::sort(calls_.begin(), calls_.end(), [&](const Call& a, const Call& b) { return rank(a) > rank(b); });
  const auto resolved = [&](int stack) {
    return stack >= 0 ? stack : stack_of_rule_[static_cast<std::size_t>(~stack)];
  };
  for (std::size_t i = 0; i < calls_.size() && visits_left_ >= 0;) {
    const int rule = calls_[i].rule;
    Stack frames;
    for (; i < calls_.size() && calls_[i].rule == rule; ++i) {
      const int below = resolved(calls_[i].below);
      if (calls_[i].return_state == kTail) {
        const Stack& same = *stacks_[static_cast<std::size_t>(below)];
        visits_left_ -= std::ssize(same);
        frames.insert(frames.end(), same.begin(), same.end());
      } else {
        frames.push_back({calls_[i].return_state, below});
      }
    }
    std::sort(frames.begin(), frames.end());
    frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
    stack_of_rule_[static_cast<std::size_t>(rule)] = intern(std::move(frames));
  }
  calls_.clear();
  for (Place& place : out.places) place.stack = resolved(place.stack);
}

int Matcher::intern(Stack stack) {
  const auto [place, fresh] = by_stack_.try_emplace(std::move(stack), static_cast<int>(stacks_.size()));
  if (fresh) {
    stacks_.push_back(&place->first);
    bytes_ += kNodeBytes + place->first.size() * sizeof(Frame);
  }
  return place->second;
}

Position Matcher::intern(Set set) {
  std::sort(set.places.begin(), set.places.end());
  set.places.erase(std::unique(set.places.begin(), set.places.end()), set.places.end());
  const auto [place, fresh] = by_set_.try_emplace(std::move(set), static_cast<Position>(positions_.size()));
  if (fresh) {
    const auto classes = static_cast<std::size_t>(automaton_->classes);
    positions_.push_back(&place->first);
    steps_.resize(steps_.size() + classes, kUnknown);
    bytes_ += kNodeBytes + place->first.places.capacity() * sizeof(Place) + classes * sizeof(Position);
  }
  return place->second;
}

}  // namespace mnema::grammar
