// inference/chat/jinja_rendering.hpp
//
// The state of one rendering: what has been written, which names mean what, and how much of its bounds is used. The
// first error stops it: everything after does nothing.
//
// Threads: confined to the rendering.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "inference/chat/jinja_value.hpp"
#include "runtime/base/limits.hpp"

namespace mnema::jinja {

/// What a hostile template may use at most (runtime/base/limits.hpp). One rule for time and memory: whatever reads or
/// makes something pays a step for it, and one more for each 256 bytes of text.
struct Bounds {
  long steps = Limits{}.template_steps_max;
  std::size_t output_bytes = kTextBytesMax;
  int depth = Limits{}.template_depth_max;

  [[nodiscard]] static Bounds from(const Limits& limits) {
    return {limits.template_steps_max, static_cast<std::size_t>(limits.template_output_bytes_max),
            limits.template_depth_max};
  }
};

enum class Flow { kOn, kBreak, kContinue };

struct Rendering {
  Bounds bounds;
  std::string out;
  std::string error;       // the first one
  bool exhausted = false;  // the error is a bound that was passed
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
  Value exhaust(std::string what) {
    exhausted = exhausted || error.empty();
    return fail(std::move(what));
  }
  /// Counts steps; false once a bound is passed or anything else went wrong.
  bool step(std::size_t count = 1) {
    steps += static_cast<long>(std::min<std::size_t>(count, 1U << 30));
    if (steps > bounds.steps) exhaust("the template takes too many steps");
    return error.empty();
  }
  /// Pays for reading `text`, or for looking for `needle` in it.
  bool reads(std::string_view text, std::string_view needle = {}) {
    return step(1 + text.size() / 256 * (1 + needle.size() / 256));
  }
  /// Adds to a text that is being made, and pays for it; false once it is too long.
  bool add(std::string& text, std::string_view more) {
    if (text.size() + more.size() > bounds.output_bytes) exhaust("the template writes too much");
    if (!step(more.size() / 256)) return false;
    text += more;
    return true;
  }
  void write(std::string_view text) { add(out, text); }
  /// What `{{ value }}` prints, paid for: that of a list may be long however short the question is that needs it.
  [[nodiscard]] std::string text_of(const Value& value) {
    std::string text = error.empty() ? value.text() : std::string();
    return reads(text) ? text : std::string();
  }
  /// A text that was made, paid for.
  Value made(std::string text) {
    if (text.size() > bounds.output_bytes) return exhaust("the template writes too much");
    return reads(text) ? Value(std::move(text)) : Value();
  }
  [[nodiscard]] Value look_up(std::string_view name) {
    for (auto scope = scopes.rbegin(); scope != scopes.rend() && step(scope->members.size() / 16); ++scope) {
      if (const Value* found = scope->find(name)) return *found;
    }
    return {};
  }
};

}  // namespace mnema::jinja
