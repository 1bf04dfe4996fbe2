// Loops, and the `loop` that their bodies see. Elements are computed as they are wanted: a filter sees what earlier
// turns of the body have changed, as in Jinja.
#include "inference/chat/jinja_blocks.hpp"
#include "inference/chat/jinja_iteration.hpp"
#include "inference/chat/jinja_operators.hpp"
#include "inference/chat/jinja_parameters.hpp"

namespace mnema::jinja {
namespace {

class LoopState final : public Object, public std::enable_shared_from_this<LoopState> {
 public:
  LoopState(std::shared_ptr<const Loop> loop, Walk walk, Scope* scope, std::int64_t depth)
      : loop_(std::move(loop)), walk_(std::move(walk)), scope_(scope), depth_(depth) {}

  /// The next element; becomes the present one.
  std::optional<Value> advance(Rendering& r) {
    std::optional<Value> element = has_next_ ? std::move(next_) : wanted(r);
    has_next_ = false;
    if (!element) return std::nullopt;
    ++index_;
    previous_ = std::move(current_);
    current_ = *element;
    return element;
  }
  /// No elements any more: the scope that its filter needs is about to go.
  void end() {
    ended_ = true;
    scope_ = nullptr;
  }

  [[nodiscard]] std::string_view type_name() const override { return "loop"; }
  [[nodiscard]] bool callable() const override { return true; }
  Value call(Rendering& r, const Arguments& arguments) override {
    const Parameters given(r, "loop", arguments, {"iterable"}, 1);
    if (!given.ok()) return {};
    if (!loop_->recursive || ended_) return r.fail("the loop must be marked recursive to be called");
    const DepthGuard depth(r, kMacroDepth, "loops call one another too deeply");
    std::string before = std::move(r.out);
    r.out.clear();
    Scope* const inner = r.scope;
    r.scope = scope_;
    run_loop(loop_, r, *given[0], depth_ + 1);
    r.scope = inner;
    std::swap(before, r.out);
    return r.made(std::move(before));
  }
  std::optional<Value> attribute(Rendering& r, std::string_view name) override;
  void release(List& into) override {
    walk_.release(into);
    for (Value* value : {&previous_, &current_, &changed_}) into.push_back(std::move(*value));
    if (next_) into.push_back(std::move(*next_));
    for (Value& value : listed_) into.push_back(std::move(value));
  }

  Value cycle(Rendering& r, const Arguments& arguments) const {
    if (arguments.positional.empty()) return r.fail("cycle needs something to cycle through");
    return arguments.positional[static_cast<std::size_t>(index_) % arguments.positional.size()];
  }
  Value changed(Rendering& r, const Arguments& arguments) {
    const Value now = Value::tuple(arguments.positional);
    if (was_asked_ && equal(r, changed_, now)) return false;
    was_asked_ = true;
    changed_ = now;
    return true;
  }

 private:
  /// The next element that the filter lets through.
  std::optional<Value> wanted(Rendering& r) {
    while (!ended_ && r.error.empty()) {
      std::optional<Value> element;
      if (listed_at_ < listed_.size())
        element = listed_[listed_at_++];
      else if (!is_listed_)
        element = walk_.next(r);
      if (!element || is_listed_ || !loop_->filter) return element;
      const ScopeGuard own(r, scope_);
      loop_->target.assign(r, *element);
      if (r.error.empty() && loop_->filter(r).truth()) return element;
    }
    return std::nullopt;
  }
  const std::optional<Value>& peek(Rendering& r) {
    if (!has_next_) next_ = wanted(r);
    has_next_ = true;
    return next_;
  }
  std::int64_t length(Rendering& r) {
    if (length_ < 0 && !loop_->filter && walk_.length()) length_ = static_cast<std::int64_t>(*walk_.length());
    if (length_ < 0) {  // everything that is left has to be looked at
      List rest;
      while (std::optional<Value> element = wanted(r)) rest.push_back(std::move(*element));
      length_ = static_cast<std::int64_t>(rest.size()) + index_ + 1 + (has_next_ && next_ ? 1 : 0);
      listed_ = std::move(rest);
      listed_at_ = 0;
      is_listed_ = true;
    }
    return length_;
  }

  std::shared_ptr<const Loop> loop_;
  Walk walk_;
  Scope* scope_;  // around the loop; nullptr once it has ended
  std::int64_t depth_;
  std::int64_t index_ = -1, length_ = -1;
  Value previous_, current_;
  std::optional<Value> next_;  // looked at ahead of time
  bool has_next_ = false;
  List listed_;  // what is left, once all of it had to be looked at
  std::size_t listed_at_ = 0;
  bool is_listed_ = false;
  bool ended_ = false;
  Value changed_;
  bool was_asked_ = false;
};

/// loop.cycle and loop.changed.
class LoopMethod final : public Object {
 public:
  LoopMethod(std::shared_ptr<LoopState> loop, bool cycles) : loop_(std::move(loop)), cycles_(cycles) {}
  [[nodiscard]] std::string_view type_name() const override { return "method"; }
  [[nodiscard]] bool callable() const override { return true; }
  Value call(Rendering& r, const Arguments& arguments) override {
    return cycles_ ? loop_->cycle(r, arguments) : loop_->changed(r, arguments);
  }

 private:
  std::shared_ptr<LoopState> loop_;
  bool cycles_;
};

std::optional<Value> LoopState::attribute(Rendering& r, std::string_view name) {
  if (name == "index") return index_ + 1;
  if (name == "index0") return index_;
  if (name == "first") return index_ == 0;
  if (name == "last") return !peek(r);
  if (name == "length") return length(r);
  if (name == "revindex") return length(r) - index_;
  if (name == "revindex0") return length(r) - index_ - 1;
  if (name == "previtem") return index_ > 0 ? previous_ : Value::undefined("there is no previous item");
  if (name == "nextitem") return peek(r).value_or(Value::undefined("there is no next item"));
  if (name == "depth") return depth_ + 1;
  if (name == "depth0") return depth_;
  if (name == "cycle" || name == "changed") return Value::make<LoopMethod>(shared_from_this(), name == "cycle");
  return std::nullopt;
}

}  // namespace

void run_loop(const std::shared_ptr<const Loop>& loop, Rendering& r, const Value& elements, std::int64_t depth) {
  if (!r.error.empty()) return;
  const Value state = Value::make<LoopState>(loop, Walk(elements), r.scope, depth);
  auto& running = static_cast<LoopState&>(*state.object());
  bool completed = false;  // a turn that went through: else no turn counts, as in Jinja
  {
    ScopeGuard own(r);
    Scope* const around = r.scope->parent;
    while (r.error.empty()) {
      Scope* const inner = r.scope;
      r.scope = around;
      const std::optional<Value> element = running.advance(r);
      r.scope = inner;
      if (!element || !r.error.empty()) break;
      own.restart();
      r.set("loop", state);
      loop->target.assign(r, *element);
      run(loop->body, r);
      const Flow flow = std::exchange(r.flow, Flow::kOn);
      completed = completed || flow == Flow::kOn;
      if (flow == Flow::kBreak) break;
    }
    running.end();
  }
  if (!completed && r.error.empty() && !loop->otherwise.empty()) {
    const ScopeGuard own(r);
    run(loop->otherwise, r);
  }
}

}  // namespace mnema::jinja
