#include "inference/chat/jinja_functions.hpp"

#include <algorithm>

#include "inference/chat/jinja_iteration.hpp"
#include "inference/chat/jinja_parameters.hpp"
#include "inference/chat/jinja_printing.hpp"
#include "inference/chat/jinja_time.hpp"

namespace mnema::jinja {
namespace {

class Namespace final : public Object {
 public:
  explicit Namespace(Dict members) : members_(std::move(members)) {}
  [[nodiscard]] std::string_view type_name() const override { return "namespace"; }
  [[nodiscard]] std::string shown(Rendering& r) const override {
    const DepthGuard depth(r, 1, "a namespace that holds itself cannot be printed");
    return r.error.empty() ? "<Namespace " + representation(r, Dict(members_)) + ">" : std::string();
  }
  std::optional<Value> attribute(Rendering& r, std::string_view name) override {
    const Value* found = r.step(members_.members.size() / 16) ? members_.find(name) : nullptr;
    return found == nullptr ? std::nullopt : std::optional<Value>(*found);
  }
  void set(Rendering& r, const std::string& name, const Value& value) {
    if (name.starts_with('_')) r.fail("a namespace cannot have '" + name + "': names with _ in front are refused");
    if (r.step(members_.members.size() / 16)) members_.set(name, value);
  }
  void release(List& into) override {
    for (auto& [name, value] : members_.members) into.push_back(std::move(value));
    members_.members.clear();
  }

 private:
  Dict members_;
};

/// A function without state.
class Function final : public Object {
 public:
  using Body = Value (*)(Rendering&, const Arguments&);
  Function(std::string name, Body body) : name_(std::move(name)), body_(body) {}
  [[nodiscard]] std::string_view type_name() const override { return "function"; }
  [[nodiscard]] bool callable() const override { return true; }
  [[nodiscard]] std::string shown(Rendering&) const override { return "<function " + name_ + ">"; }
  Value call(Rendering& r, const Arguments& arguments) override { return body_(r, arguments); }

 private:
  std::string name_;
  Body body_;
};

class Joiner final : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  [[nodiscard]] std::string_view type_name() const override { return "joiner"; }
  [[nodiscard]] bool callable() const override { return true; }
  Value call(Rendering& r, const Arguments& arguments) override {
    if (!Parameters(r, "joiner", arguments, {}).ok()) return {};
    return std::exchange(used_, true) ? separator_ : Value("");
  }
  std::optional<Value> attribute(Rendering&, std::string_view name) override {
    if (name == "sep") return separator_;
    return name == "used" ? std::optional<Value>(used_) : std::nullopt;
  }
  void release(List& into) override { into.push_back(std::move(separator_)); }

 private:
  Value separator_;
  bool used_ = false;
};

class Cycler final : public Object, public std::enable_shared_from_this<Cycler> {
 public:
  explicit Cycler(List items) : items_(std::move(items)) {}
  [[nodiscard]] std::string_view type_name() const override { return "cycler"; }
  std::optional<Value> attribute(Rendering& r, std::string_view name) override;
  void release(List& into) override { std::move(items_.begin(), items_.end(), std::back_inserter(into)); }

  Value take() {
    Value value = items_[at_];
    at_ = (at_ + 1) % items_.size();
    return value;
  }
  void reset() { at_ = 0; }

 private:
  List items_;
  std::size_t at_ = 0;
};

/// cycler.next and cycler.reset.
class CyclerMethod final : public Object {
 public:
  CyclerMethod(std::shared_ptr<Cycler> cycler, bool resets) : cycler_(std::move(cycler)), resets_(resets) {}
  [[nodiscard]] std::string_view type_name() const override { return "method"; }
  [[nodiscard]] bool callable() const override { return true; }
  Value call(Rendering& r, const Arguments& arguments) override {
    if (!Parameters(r, "cycler", arguments, {}).ok()) return {};
    if (!resets_) return cycler_->take();
    cycler_->reset();
    return None{};
  }

 private:
  std::shared_ptr<Cycler> cycler_;
  bool resets_;
};

std::optional<Value> Cycler::attribute(Rendering&, std::string_view name) {
  if (name == "current") return items_[at_];
  if (name == "pos") return at_;
  if (name == "items") return Value::tuple(items_);
  if (name == "next" || name == "reset") return Value::make<CyclerMethod>(shared_from_this(), name == "reset");
  return std::nullopt;
}

/// What Python's dict(...) makes of its arguments.
Dict dict_of(Rendering& r, const Arguments& arguments) {
  Dict made;
  if (arguments.positional.size() > 1) r.fail("dict takes one argument by position");
  if (!arguments.positional.empty() && r.error.empty()) {
    const Value& from = arguments.positional[0];
    if (const Dict* dict = from.dict()) {
      if (r.step(dict->members.size())) made.members = dict->members;
    } else {
      for (const Value& pair : elements_of(r, from)) {
        const List both = elements_of(r, pair);
        if (both.size() != 2 || !is_hashable(both[0])) r.fail("dict needs pairs");
        if (!r.step(1 + made.members.size() / 16)) break;
        made.set(both[0], both[1]);
      }
    }
  }
  for (const auto& [name, value] : arguments.named) {
    if (!r.step(1 + made.members.size() / 16)) break;
    made.set(name, value);
  }
  return made;
}

Value make_namespace(Rendering& r, const Arguments& arguments) {
  Dict members = dict_of(r, arguments);
  for (const auto& [name, value] : members.members) {
    if (name.string() != nullptr && name.string()->starts_with('_'))
      return r.fail("a namespace cannot have '" + *name.string() + "': names with _ in front are refused");
  }
  Value made = Value::make<Namespace>(std::move(members));
  r.mutables.emplace_back(*made.shared_object());
  return made;
}

Value make_range(Rendering& r, const Arguments& arguments) {
  Parameters given(r, "range", arguments, {"", "", ""}, 1);
  Sequence range;
  range.kind = SequenceKind::kRange;
  range.start = given[1] != nullptr ? given.integer(0, 0) : 0;
  range.stop = given.integer(given[1] != nullptr ? 1 : 0, 0);
  range.step = given.integer(2, 1);
  if (given.ok() && range.step == 0) given.refuse("cannot go by steps of zero");
  constexpr std::int64_t kNumberMax = std::int64_t{1} << 62;
  for (const std::int64_t number : {range.start, range.stop, range.step}) {
    if (std::abs(number) > kNumberMax) given.refuse("needs smaller numbers");
  }
  for (std::int64_t i = range.start; given.ok() && (range.step > 0 ? i < range.stop : i > range.stop);) {
    if (static_cast<std::int64_t>(range.elements.size()) >= kRangeMax)
      return r.exhaust("a range has more than " + std::to_string(kRangeMax) + " numbers");
    if (!r.step()) return {};
    range.elements.emplace_back(i);
    if (__builtin_add_overflow(i, range.step, &i)) break;
  }
  return given.ok() ? Value(std::move(range)) : Value();
}

Value make_cycler(Rendering& r, const Arguments& arguments) {
  if (!arguments.named.empty() || arguments.positional.empty())
    return r.fail("cycler needs something to cycle through");
  return Value::make<Cycler>(arguments.positional);
}

Value make_joiner(Rendering& r, const Arguments& arguments) {
  const Parameters given(r, "joiner", arguments, {"sep"});
  return given.ok() ? Value::make<Joiner>(given.get(0, ", ")) : Value();
}

Value raise_exception(Rendering& r, const Arguments& arguments) {
  const Parameters given(r, "raise_exception", arguments, {"message"}, 1);
  return given.ok() ? r.fail(r.text_of(*given[0])) : Value();
}

Value strftime_now(Rendering& r, const Arguments& arguments) {
  Parameters given(r, "strftime_now", arguments, {"format"}, 1);
  const std::string format = given.text(0);
  if (!given.ok() || !r.now) return {};
  const std::optional<std::string> text = time_text(*r.now, format);
  return text ? r.made(*text) : r.fail("strftime_now cannot write that format");
}

const std::vector<std::pair<std::string_view, Value>>& functions() {
  const auto make = [](const char* name, Function::Body body) {
    return std::pair<std::string_view, Value>(name, Value::make<Function>(name, body));
  };
  static const std::vector<std::pair<std::string_view, Value>> all = {
      make("range", make_range),
      make("dict", [](Rendering& r, const Arguments& arguments) -> Value { return dict_of(r, arguments); }),
      make("namespace", make_namespace),
      make("cycler", make_cycler),
      make("joiner", make_joiner),
      make("raise_exception", raise_exception),
      make("strftime_now", strftime_now)};
  return all;
}

}  // namespace

std::optional<Value> global_function(const Rendering& r, std::string_view name) {
  if (name == "strftime_now" && !r.now) return std::nullopt;
  for (const auto& [known, function] : functions()) {
    if (known == name) return function;
  }
  return std::nullopt;
}

bool is_global_function(std::string_view name) {
  return std::any_of(functions().begin(), functions().end(), [&](const auto& known) { return known.first == name; });
}

void set_in_namespace(Rendering& r, const Value& target, const std::string& name, const Value& value) {
  if (target.object() == nullptr || target.object()->type_name() != "namespace")
    r.fail("an attribute can only be set in a namespace, not in a " + std::string(target.type_name()));
  else
    static_cast<Namespace&>(*target.object()).set(r, name, value);
}

Value Rendering::look_up(const std::string& name) {
  for (const Scope* at = scope; at != nullptr && step(at->names.size() / 16); at = at->parent) {
    if (const Value* found = at->find(name)) return *found;
  }
  if (!error.empty()) return {};
  if (const Value* found =
          context != nullptr && step(context->members.size() / 16) ? context->find(std::string_view(name)) : nullptr)
    return *found;
  if (std::optional<Value> function = global_function(*this, name)) return *function;
  return Value::undefined("'" + name + "' is undefined");
}

}  // namespace mnema::jinja
