// inference/chat/jinja_rendering.hpp
//
// The state of one rendering: what has been written, which names mean what, and how much of its bounds is used. The
// first error stops it: everything after does nothing.
//
// Threads:   confined to the rendering.
// Invariant: `scope` is the innermost of a chain of scopes that ends at the template's own.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "inference/chat/jinja_value.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"

namespace mnema::jinja {

/// What is longer is cut while it is written, and then refused by whoever wanted it.
inline constexpr std::size_t kTextBytesMax = Limits{}.template_output_bytes_max;

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

/// The names that a loop, a macro or another block has for itself. A macro keeps the scope it was made in.
struct Scope {
  Scope* parent = nullptr;
  std::vector<std::pair<std::string, Value>> names;
  bool captured = false;  // a macro was made in it or inside it

  [[nodiscard]] const Value* find(std::string_view name) const {
    for (const auto& [key, value] : names) {
      if (key == name) return &value;
    }
    return nullptr;
  }
};

struct Rendering {
  Bounds bounds;
  std::string out;
  std::string error;       // the first one
  bool exhausted = false;  // the error is a bound that was passed
  Flow flow = Flow::kOn;
  int line = 0;
  int depth = 0;
  long steps = 0;
  std::optional<Time> now;                      // what strftime_now shows; absent: there is no such function
  const Dict* context = nullptr;                // what the caller of the rendering gives
  Scope root;                                   // what the template sets outside of every block
  Scope* scope = &root;                         // the innermost
  std::vector<std::unique_ptr<Scope>> kept;     // left, but captured
  std::vector<std::weak_ptr<Object>> mutables;  // namespaces: the only things that can come to hold themselves

  Rendering() = default;
  Rendering(const Rendering&) = delete;
  Rendering& operator=(const Rendering&) = delete;
  ~Rendering() {
    List held;
    for (const std::weak_ptr<Object>& weak : mutables) {
      if (const std::shared_ptr<Object> object = weak.lock()) object->release(held);
    }
  }

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
  [[nodiscard]] std::string text_of(const Value& value);
  /// A text that was made, paid for.
  Value made(std::string text, bool is_markup = false) {
    if (text.size() > bounds.output_bytes) return exhaust("the template writes too much");
    if (!reads(text)) return {};
    return is_markup ? Value::markup(std::move(text)) : Value(std::move(text));
  }

  [[nodiscard]] Value look_up(const std::string& name);
  void set(const std::string& name, Value value) {
    if (!step(scope->names.size() / 16)) return;
    for (auto& [key, old] : scope->names) {
      if (key == name) {
        old = std::move(value);
        return;
      }
    }
    scope->names.emplace_back(name, std::move(value));
  }
};

/// A scope of its own for as long as this lives, below `parent` (the present one if nullptr).
class ScopeGuard {
 public:
  explicit ScopeGuard(Rendering& rendering, Scope* parent = nullptr)
      : rendering_(rendering), before_(rendering.scope), own_(std::make_unique<Scope>()) {
    own_->parent = parent != nullptr ? parent : before_;
    rendering_.scope = own_.get();
  }
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;
  ~ScopeGuard() {
    rendering_.scope = before_;
    keep();
  }
  /// Begins it anew: nothing that was set in it is left.
  void restart() {
    if (own_->captured) {
      Scope* parent = own_->parent;
      keep();
      own_ = std::make_unique<Scope>();
      own_->parent = parent;
      rendering_.scope = own_.get();
    }
    own_->names.clear();
  }

 private:
  void keep() {
    if (own_ == nullptr || !own_->captured) return;
    rendering_.step(16);
    rendering_.kept.push_back(std::move(own_));
  }

  Rendering& rendering_;
  Scope* before_;
  std::unique_ptr<Scope> own_;
};

/// Counts `weight` levels for as long as this lives; an error of the template once they are too many.
class DepthGuard {
 public:
  DepthGuard(Rendering& rendering, int weight, const char* what) : rendering_(rendering), weight_(weight) {
    if ((rendering_.depth += weight_) > rendering_.bounds.depth) rendering_.exhaust(what);
  }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;
  ~DepthGuard() { rendering_.depth -= weight_; }

 private:
  Rendering& rendering_;
  int weight_;
};

}  // namespace mnema::jinja
