// inference/chat/jinja_rendering.hpp
//
// The state of one rendering: what has been written, which names mean what, and how much of its bounds is used. The
// first error stops it: everything after does nothing.
//
// Threads: confined to the rendering.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "inference/chat/jinja_value.hpp"
#include "runtime/clock.hpp"
#include "runtime/result.hpp"

namespace mnema::jinja {

/// What a hostile template may use at most.
struct Bounds {
  long steps = 2'000'000;                           // statements, calls, elements walked over
  std::size_t work_bytes = std::size_t{1} << 30;    // bytes made, compared or looked through, all together
  std::size_t value_bytes = std::size_t{64} << 20;  // of one value, with all that is inside
  std::size_t output_bytes = std::size_t{64} << 20;
  int depth = 64;  // blocks, macros and filters inside one another; lists inside lists
};

enum class Flow { kOn, kBreak, kContinue };

struct Rendering {
  Bounds bounds;
  const Clock* clock = nullptr;  // for strftime_now; nullptr = there is no such function
  Text out;
  std::string error;  // the first one
  ErrorCode code = ErrorCode::kInvalidArgument;
  Flow flow = Flow::kOn;
  int line = 0;
  int depth = 0;
  long steps = 0;
  std::size_t work_bytes = 0;
  std::vector<Dict> scopes;  // built-in functions, the template's own, then the loops and macros we are in

  [[nodiscard]] bool stopped() const { return !error.empty() || flow != Flow::kOn; }
  Value fail(std::string what) {
    if (error.empty()) error = "line " + std::to_string(line) + ": " + std::move(what);
    return {};
  }
  Value exhausted(const char* what) {
    if (error.empty()) code = ErrorCode::kResourceExhausted;
    return fail(what);
  }
  /// Counts one step; false once there is an error.
  bool step() {
    if (++steps > bounds.steps) exhausted("the template takes too many steps");
    return error.empty();
  }
  /// Counts work; false once there is an error.
  bool work(std::size_t bytes) {
    work_bytes += bytes < bounds.work_bytes ? bytes : bounds.work_bytes + 1;
    if (work_bytes > bounds.work_bytes) exhausted("the template handles too much text");
    return error.empty();
  }
  /// A value that an operation has made: counted, and within the bounds of one value.
  Value made(Value value) {
    if (value.weight() > bounds.value_bytes) return exhausted("the template makes too large a value");
    if (value.depth() > bounds.depth) return exhausted("the template nests values too deeply");
    return work(value.own_weight()) ? value : Value();
  }
  void write(const Text& text) {
    if (out.size() + text.size() > bounds.output_bytes)
      exhausted("the template writes too much");
    else
      out.append(text);
  }
  /// Changes a name where it is known; nothing where it is not.
  void store(std::string_view name, const Value& value) {
    for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope) {
      if (scope->find(name) != nullptr) return scope->set(name, value);
    }
  }
  [[nodiscard]] Value look_up(std::string_view name) const {
    for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope) {
      if (const Value* found = scope->find(name)) return *found;
    }
    return {};
  }
};

/// One level deeper for as long as it lives; an error of the rendering where that is too deep.
class Depth {
 public:
  explicit Depth(Rendering& rendering) : rendering_(rendering) {
    if (++rendering_.depth > rendering_.bounds.depth) rendering_.exhausted("the template nests too deeply");
  }
  ~Depth() { --rendering_.depth; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  Rendering& rendering_;
};

}  // namespace mnema::jinja
