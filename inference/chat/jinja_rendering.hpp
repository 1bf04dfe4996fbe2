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

namespace mnema::jinja {

/// What a hostile template may use at most.
struct Bounds {
  long steps = 2'000'000;
  std::size_t output_bytes = std::size_t{64} << 20;
  int depth = 100;
};

enum class Flow { kOn, kBreak, kContinue };

struct Rendering {
  Bounds bounds;
  std::string out;
  std::string error;  // the first one
  Flow flow = Flow::kOn;
  int line = 0;
  int depth = 0;
  long steps = 0;
  std::vector<Dict> scopes;  // the innermost last

  [[nodiscard]] bool stopped() const { return !error.empty() || flow != Flow::kOn; }
  Value fail(std::string what) {
    if (error.empty()) error = "line " + std::to_string(line) + ": " + std::move(what);
    return {};
  }
  /// Counts one step; false once a bound is passed.
  bool step() {
    if (++steps > bounds.steps) fail("the template takes too many steps");
    return error.empty();
  }
  void write(std::string_view text) {
    if (out.size() + text.size() > bounds.output_bytes)
      fail("the template writes too much");
    else
      out += text;
  }
  [[nodiscard]] Value look_up(std::string_view name) const {
    for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope) {
      if (const Value* found = scope->find(name)) return *found;
    }
    return {};
  }
};

}  // namespace mnema::jinja
