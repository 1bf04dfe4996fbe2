// Macros and call blocks: bodies with parameters, which see the names that were around them when they were made.
#include "inference/chat/jinja_blocks.hpp"
#include "inference/chat/jinja_text.hpp"

namespace mnema::jinja {
namespace {

class Macro final : public Object {
 public:
  Macro(std::shared_ptr<const MacroParts> parts, Scope* around) : parts_(std::move(parts)), around_(around) {}

  [[nodiscard]] std::string_view type_name() const override { return "macro"; }
  [[nodiscard]] bool callable() const override { return true; }
  [[nodiscard]] std::string shown(Rendering&) const override {
    std::string name = "anonymous";
    if (!parts_->name.empty()) {
      name.clear();
      append_quoted(name, parts_->name);
    }
    return "<Macro " + name + ">";
  }
  std::optional<Value> attribute(Rendering&, std::string_view name) override {
    if (name == "name") return parts_->name.empty() ? Value(None{}) : Value(parts_->name);
    if (name == "caller") return parts_->uses_caller;
    if (name == "catch_kwargs") return parts_->uses_kwargs;
    if (name == "catch_varargs") return parts_->uses_varargs;
    if (name != "arguments") return std::nullopt;
    List names;
    for (const auto& [parameter, otherwise] : parts_->parameters) names.emplace_back(parameter);
    return Value::tuple(std::move(names));
  }
  Value call(Rendering& r, const Arguments& arguments) override {
    const DepthGuard depth(r, kMacroDepth, "macros call one another too deeply");
    if (!r.error.empty()) return {};
    const ScopeGuard own(r, around_);
    const Flow flow = std::exchange(r.flow, Flow::kOn);
    take(r, arguments);
    std::string text = r.error.empty() ? captured(parts_->body, r) : std::string();
    r.flow = flow;
    return r.made(std::move(text));
  }

 private:
  [[nodiscard]] std::string said() const { return parts_->name.empty() ? "the call block" : "'" + parts_->name + "'"; }

  /// Sets the parameters in the present scope.
  void take(Rendering& r, const Arguments& arguments) {
    const auto& parameters = parts_->parameters;
    std::vector<std::pair<std::string, Value>> named = arguments.named;
    const auto take_named = [&](const std::string& name) -> std::optional<Value> {
      for (std::size_t i = 0; i < named.size(); ++i) {
        if (named[i].first != name) continue;
        Value value = std::move(named[i].second);
        named.erase(named.begin() + static_cast<std::ptrdiff_t>(i));
        return value;
      }
      return std::nullopt;
    };
    bool has_caller = false;
    for (std::size_t i = 0; i < parameters.size() && r.error.empty(); ++i) {
      const auto& [name, otherwise] = parameters[i];
      has_caller = has_caller || name == "caller";
      std::optional<Value> given =
          i < arguments.positional.size() ? std::optional<Value>(arguments.positional[i]) : take_named(name);
      if (!given && otherwise) given = otherwise(r);
      r.set(name, given ? *given : Value::undefined("parameter '" + name + "' was not provided"));
    }
    if (parts_->uses_caller && !has_caller)
      r.set("caller", take_named("caller").value_or(Value::undefined("No caller defined")));
    if (parts_->uses_kwargs) {
      Dict rest;
      for (auto& [name, value] : named) rest.set(name, std::move(value));
      r.set("kwargs", std::move(rest));
    } else if (!named.empty()) {
      r.fail(said() + " has no argument '" + named.front().first + "'");
    }
    List rest;
    for (std::size_t i = parameters.size(); i < arguments.positional.size(); ++i)
      rest.push_back(arguments.positional[i]);
    if (parts_->uses_varargs)
      r.set("varargs", Value::tuple(std::move(rest)));
    else if (!rest.empty())
      r.fail(said() + " takes not more than " + std::to_string(parameters.size()) + " arguments");
  }

  std::shared_ptr<const MacroParts> parts_;
  Scope* around_;  // kept by the rendering: it is captured
};

}  // namespace

Value make_macro(const std::shared_ptr<const MacroParts>& parts, Rendering& r) {
  for (Scope* scope = r.scope; scope != nullptr && !scope->captured; scope = scope->parent) scope->captured = true;
  return Value::make<Macro>(parts, r.scope);
}

}  // namespace mnema::jinja
