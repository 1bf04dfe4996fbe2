// inference/grammar/matcher.hpp
//
// Runs an automaton over bytes. The set of places where the text so far may stand (state, return stack) is one
// interned position; steps from position to position are remembered, so a walk over the whole vocabulary costs one
// table look-up per byte once a position is known. Return stacks are shared trees, so nested input costs its depth.
//
// Threads: not safe; GrammarMask guards it with its mutex.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "inference/grammar/automaton.hpp"

namespace mnema::grammar {

using Position = std::int32_t;
inline constexpr Position kDead = -1;

class Matcher {
 public:
  explicit Matcher(std::shared_ptr<const Automaton> automaton);

  [[nodiscard]] Position start() const { return start_; }
  /// Where `byte` leads from `position`, or kDead. Precondition: position is alive.
  [[nodiscard]] Position step(Position position, std::uint8_t byte) {
    const Position next = steps_[index_of(position, byte)];
    return next != kUnknown ? next : step_slow(position, byte);
  }
  /// The text so far is complete.
  [[nodiscard]] bool complete(Position position) const {
    return positions_[static_cast<std::size_t>(position)].complete;
  }
  /// Nothing may follow.
  [[nodiscard]] bool exhausted(Position position) const {
    return positions_[static_cast<std::size_t>(position)].places.empty();
  }
  /// Positions known so far; each takes some hundred bytes.
  [[nodiscard]] std::size_t positions() const { return positions_.size(); }

 private:
  static constexpr Position kUnknown = -2;
  /// A state that reads a byte, and the stack of rules to return to.
  struct Place {
    int state;
    int stack;
    bool operator==(const Place&) const = default;
    auto operator<=>(const Place&) const = default;
  };
  struct Known {
    std::vector<Place> places;  // sorted
    bool complete = false;
  };
  struct Frame {
    int return_state;
    int below;
    bool operator==(const Frame&) const = default;
  };
  struct HashFrame {
    std::size_t operator()(const Frame& frame) const;
  };
  struct Set {
    std::vector<Place> places;
    bool complete = false;
    bool operator==(const Set&) const = default;
  };
  struct HashSet {
    std::size_t operator()(const Set& set) const;
  };

  [[nodiscard]] std::size_t index_of(Position position, std::uint8_t byte) const {
    return static_cast<std::size_t>(position) * static_cast<std::size_t>(automaton_->classes) +
           automaton_->class_of_byte[byte];
  }
  Position step_slow(Position position, std::uint8_t byte);
  void expand(Place place, Set& out);
  Position intern(Set set);
  int push(int return_state, int below);

  std::shared_ptr<const Automaton> automaton_;
  std::vector<Known> positions_;
  std::vector<Position> steps_;  // [positions, classes]
  std::unordered_map<Set, Position, HashSet> by_set_;
  std::vector<Frame> frames_;
  std::unordered_map<Frame, int, HashFrame> by_frame_;
  std::vector<Place> work_;                      // scratch of `expand`
  std::unordered_map<std::uint64_t, int> seen_;  // scratch: (state, stack) already expanded in this step
  Position start_ = kDead;
};

}  // namespace mnema::grammar
