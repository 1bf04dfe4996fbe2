// inference/grammar/matcher.hpp
//
// Runs an automaton over bytes. The set of places where the text so far may stand (state, return stack) is one
// interned position; steps from position to position are remembered, so a walk over the whole vocabulary costs one
// table look-up per byte once a position is known.
//
// Return stacks are one shared graph: calls of a rule at the same byte share a stack, whoever made them, so an
// ambiguous grammar has as many places as rules and depth, not as there are ways to read the text. A stack is a set of
// frames, each of which says where to go on and with which stack below.
//
// Every operation is given so much work, and the whole so many bytes. Beyond them `step` gives kDead and `overflowed`
// says so: the answer means nothing then, and nothing wrong has been remembered.
//
// Threads: not safe; GrammarMask guards it with its mutex.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "inference/grammar/automaton.hpp"

namespace mnema::grammar {

using Position = std::int32_t;
inline constexpr Position kDead = -1;

class Matcher {
 public:
  /// Some 25,000 positions of a usual grammar; every sequence may come to have a matcher of its own.
  static constexpr std::size_t kBytesMax = 16 << 20;
  /// Places looked at in one operation: less than a tenth of a second, in which the whole batch waits.
  static constexpr std::int64_t kVisitsMax = 1'000'000;

  explicit Matcher(std::shared_ptr<const Automaton> automaton, std::size_t bytes_max = kBytesMax);
  /// Begins where `other` stands at `start`, and knows nothing else yet.
  Matcher(const Matcher& other, Position start);
  Matcher(Matcher&&) = default;  // what it points to stays where it is
  Matcher(const Matcher&) = delete;

  [[nodiscard]] Position start() const { return start_; }
  /// Where `byte` leads from `position`, or kDead. Precondition: position is alive.
  [[nodiscard]] Position step(Position position, std::uint8_t byte) {
    const Position next = steps_[index_of(position, byte)];
    return next != kUnknown ? next : step_slow(position, byte);
  }
  /// The text so far is complete.
  [[nodiscard]] bool complete(Position position) const {
    return positions_[static_cast<std::size_t>(position)]->complete;
  }
  /// The last byte opened an array or object whose elements must differ (Node::Kind::kDistinct), under one reading of
  /// the text at least.
  [[nodiscard]] bool opens_distinct(Position position) const {
    return positions_[static_cast<std::size_t>(position)]->opens_distinct;
  }
  /// Some array or object of the grammar is such.
  [[nodiscard]] bool has_distinct() const { return automaton_->has_distinct; }
  /// Nothing may follow.
  [[nodiscard]] bool exhausted(Position position) const {
    return positions_[static_cast<std::size_t>(position)]->places.empty();
  }

  /// Before each operation (a mask, a token): grants its work anew.
  void begin_operation();
  /// The operation needed more than it may have.
  [[nodiscard]] bool overflowed() const { return overflowed_; }
  /// It can learn nothing more; one begun anew at the same place can.
  [[nodiscard]] bool full() const { return bytes_ > bytes_max_; }

  [[nodiscard]] std::size_t positions() const { return positions_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  static constexpr Position kUnknown = -2;
  /// A state that reads a byte, and the stack to return to. While a step is being made, the stack of a rule that it
  /// calls is written ~rule: who else calls it is not known before the end.
  struct Place {
    int state;
    int stack;
    bool operator==(const Place&) const = default;
    auto operator<=>(const Place&) const = default;
  };
  struct Set {
    std::vector<Place> places;  // sorted
    bool complete = false;
    bool opens_distinct = false;
    bool operator==(const Set&) const = default;
  };
  /// Where a rule returns to, and what is below; kBottom = the text ends there.
  struct Frame {
    int return_state;
    int below;
    bool operator==(const Frame&) const = default;
    auto operator<=>(const Frame&) const = default;
  };
  using Stack = std::vector<Frame>;  // sorted
  /// A call made in this step. kTail: it returns to where its caller returns.
  struct Call {
    int rule;
    int return_state;
    int below;
  };
  struct HashSet {
    std::size_t operator()(const Set& set) const;
  };
  struct HashStack {
    std::size_t operator()(const Stack& stack) const;
  };

  [[nodiscard]] std::size_t index_of(Position position, std::uint8_t byte) const {
    return static_cast<std::size_t>(position) * static_cast<std::size_t>(automaton_->classes) +
           automaton_->class_of_byte[byte];
  }
  Position step_slow(Position position, std::uint8_t byte);
  void expand(Place place, Set& out);
  void resolve_calls(Set& out);
  Position intern(Set set);
  int intern(Stack stack);
  [[nodiscard]] bool too_much() const { return visits_left_ < 0 || full(); }

  std::shared_ptr<const Automaton> automaton_;
  std::size_t bytes_max_;
  std::unordered_map<Set, Position, HashSet> by_set_;
  std::vector<const Set*> positions_;  // keys of by_set_
  std::vector<Position> steps_;        // [positions, classes]
  std::unordered_map<Stack, int, HashStack> by_stack_;
  std::vector<const Stack*> stacks_;  // keys of by_stack_; each stands after those below it
  std::size_t bytes_ = 0;
  std::int64_t visits_left_ = std::numeric_limits<std::int64_t>::max();  // finding the start is bounded by the states
  bool overflowed_ = false;
  Position start_ = kDead;
  // Scratch of one step.
  std::vector<Place> work_;
  std::unordered_set<std::uint64_t> seen_;  // (state, stack) already expanded
  std::vector<Call> calls_;
  std::vector<int> stack_of_rule_;  // [rules]: of those called in this step
};

}  // namespace mnema::grammar
