#include "inference/grammar/matcher.hpp"

#include <algorithm>

namespace mnema::grammar {
namespace {

constexpr int kBottom = -1;  // the empty return stack

std::size_t mix(std::size_t hash, std::size_t value) {
  return (hash ^ (value + 0x9e3779b97f4a7c15ULL)) * 0xbf58476d1ce4e5b9ULL;
}

}  // namespace

std::size_t Matcher::HashFrame::operator()(const Frame& frame) const {
  return mix(static_cast<std::size_t>(frame.return_state), static_cast<std::size_t>(frame.below));
}

std::size_t Matcher::HashSet::operator()(const Set& set) const {
  std::size_t hash = set.complete ? 1 : 0;
  for (const Place& place : set.places) {
    hash = mix(mix(hash, static_cast<std::size_t>(place.state)), static_cast<std::size_t>(place.stack));
  }
  return hash;
}

Matcher::Matcher(std::shared_ptr<const Automaton> automaton) : automaton_(std::move(automaton)) {
  Set set;
  seen_.clear();
  expand({automaton_->rule_start[static_cast<std::size_t>(automaton_->root)], kBottom}, set);
  start_ = intern(std::move(set));
}

Position Matcher::step_slow(Position position, std::uint8_t byte) {
  Set next;
  seen_.clear();
  for (std::size_t i = 0; i < positions_[static_cast<std::size_t>(position)].places.size(); ++i) {
    const Place place = positions_[static_cast<std::size_t>(position)].places[i];
    const Automaton::State& state = automaton_->states[static_cast<std::size_t>(place.state)];
    if (automaton_->byte_sets[static_cast<std::size_t>(state.other)].test(byte))
      expand({state.next, place.stack}, next);
  }
  const Position to = next.places.empty() && !next.complete ? kDead : intern(std::move(next));
  steps_[index_of(position, byte)] = to;
  return to;
}

/// Follows everything that reads no byte, down to the states that do.
void Matcher::expand(Place from, Set& out) {
  work_.assign(1, from);
  while (!work_.empty()) {
    const Place place = work_.back();
    work_.pop_back();
    const std::uint64_t key = static_cast<std::uint64_t>(static_cast<std::uint32_t>(place.state)) << 32 |
                              static_cast<std::uint32_t>(place.stack);
    if (!seen_.emplace(key, 0).second) continue;
    const Automaton::State& state = automaton_->states[static_cast<std::size_t>(place.state)];
    switch (state.kind) {
      case Automaton::StateKind::kBytes:
        out.places.push_back(place);
        break;
      case Automaton::StateKind::kSplit:
        work_.push_back({state.other, place.stack});
        work_.push_back({state.next, place.stack});
        break;
      case Automaton::StateKind::kCall: {
        // A call at the end of a rule returns to where that rule returns: right recursion needs no stack.
        const bool tail = automaton_->states[static_cast<std::size_t>(state.next)].kind == Automaton::StateKind::kEnd;
        const int stack = tail ? place.stack : push(state.next, place.stack);
        work_.push_back({automaton_->rule_start[static_cast<std::size_t>(state.other)], stack});
        break;
      }
      case Automaton::StateKind::kEnd:
        if (place.stack == kBottom) {
          out.complete = true;
        } else {
          const Frame frame = frames_[static_cast<std::size_t>(place.stack)];
          work_.push_back({frame.return_state, frame.below});
        }
        break;
    }
  }
}

int Matcher::push(int return_state, int below) {
  const Frame frame{return_state, below};
  const auto [place, fresh] = by_frame_.try_emplace(frame, static_cast<int>(frames_.size()));
  if (fresh) frames_.push_back(frame);
  return place->second;
}

Position Matcher::intern(Set set) {
  std::sort(set.places.begin(), set.places.end());
  const auto [place, fresh] = by_set_.try_emplace(std::move(set), static_cast<Position>(positions_.size()));
  if (fresh) {
    Known known;
    known.places = place->first.places;
    known.complete = place->first.complete;
    positions_.push_back(std::move(known));
    steps_.resize(steps_.size() + static_cast<std::size_t>(automaton_->classes), kUnknown);
  }
  return place->second;
}

}  // namespace mnema::grammar
