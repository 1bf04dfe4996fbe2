#include "inference/chat/jinja_methods.hpp"

#include <algorithm>
#include <cmath>

#include "inference/chat/jinja_operators.hpp"
#include "inference/chat/jinja_parameters.hpp"
#include "inference/chat/jinja_text_methods.hpp"

namespace mnema::jinja {
namespace {

constexpr std::string_view kDictMethods[] = {"copy", "fromkeys", "get", "items", "keys", "values"};
constexpr std::string_view kDictMutators[] = {"clear", "pop", "popitem", "setdefault", "update"};
constexpr std::string_view kListMethods[] = {"copy", "count", "index"};
constexpr std::string_view kListMutators[] = {"append", "clear",  "extend",  "insert",
                                              "pop",    "remove", "reverse", "sort"};
constexpr std::string_view kNumberMethods[] = {"as_integer_ratio", "bit_count", "bit_length", "conjugate",
                                               "is_integer"};

bool among(const auto& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

Value call_dict_method(Rendering& r, std::string_view name, const Value& value, const Arguments& arguments) {
  const Dict& dict = *value.dict();
  if (name == "get") {
    const Parameters given(r, name, arguments, {"", ""}, 1);
    if (!given.ok()) return {};
    if (!is_hashable(*given[0])) return r.fail("a " + std::string(given[0]->type_name()) + " cannot be a key");
    const Value* found = r.step(dict.members.size() / 16) ? dict.find(*given[0]) : nullptr;
    return found != nullptr ? *found : given.get(1, None{});
  }
  if (!Parameters(r, name, arguments, {}).ok() || !r.step(dict.members.size())) return {};
  if (name == "items") return Sequence{SequenceKind::kItems, items_of(r, dict)};
  if (name == "copy") {
    Dict copy;
    copy.members = dict.members;
    return copy;
  }
  Sequence view;
  view.kind = name == "keys" ? SequenceKind::kKeys : SequenceKind::kValues;
  for (const auto& [key, member] : dict.members) view.elements.push_back(name == "keys" ? key : member);
  if (name == "keys" || name == "values") return view;
  return r.fail("the method '" + std::string(name) + "' of a dict is not known");
}

Value call_sequence_method(Rendering& r, std::string_view name, const Value& value, const Arguments& arguments) {
  const List& list = *value.list();
  if (name == "copy") return Parameters(r, name, arguments, {}).ok() && r.step(list.size()) ? Value(list) : Value();
  Parameters given(r, name, arguments, {"", "", ""}, 1);
  if (!given.ok()) return {};
  const auto matches = [&](const Value& element) { return element.same_as(*given[0]) || equal(r, element, *given[0]); };
  if (name == "count") return static_cast<std::size_t>(std::count_if(list.begin(), list.end(), matches));
  const auto size = static_cast<std::int64_t>(list.size());
  const auto place = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size); };
  const std::int64_t end = place(given.integer(2, size));
  for (std::int64_t i = place(given.integer(1, 0)); i < end && r.error.empty(); ++i) {
    if (matches(list[static_cast<std::size_t>(i)])) return i;
  }
  return r.fail("the value is not in the " + std::string(value.type_name()));
}

Value call_number_method(Rendering& r, std::string_view name, const Value& value) {
  if (name == "is_integer")
    return value.real() == nullptr || (std::isfinite(*value.real()) && std::trunc(*value.real()) == *value.real());
  if (name == "conjugate") return value;
  return r.fail("the method '" + std::string(name) + "' of a number is not known");
}

class BoundMethod final : public Object {
 public:
  BoundMethod(Value receiver, std::string name) : receiver_(std::move(receiver)), name_(std::move(name)) {}

  [[nodiscard]] std::string_view type_name() const override { return "method"; }
  [[nodiscard]] bool callable() const override { return true; }
  [[nodiscard]] std::string shown(Rendering&) const override {
    return "<built-in method " + name_ + " of " + std::string(receiver_.type_name()) + " object>";
  }
  Value call(Rendering& r, const Arguments& arguments) override {
    if (receiver_.string() != nullptr) return call_text_method(r, name_, receiver_, arguments);
    if (receiver_.dict() != nullptr) return call_dict_method(r, name_, receiver_, arguments);
    if (receiver_.sequence() != nullptr) return call_sequence_method(r, name_, receiver_, arguments);
    return call_number_method(r, name_, receiver_);
  }
  void release(List& into) override { into.push_back(std::move(receiver_)); }

 private:
  Value receiver_;
  std::string name_;
};

}  // namespace

std::optional<Value> method_of(const Value& value, const std::string& name) {
  const auto bound = [&] { return Value::make<BoundMethod>(value, name); };
  const auto unsafe = [&] {
    return Value::undefined("'" + name + "' would change a " + std::string(value.type_name()) +
                            ", which templates may not");
  };
  if (value.string() != nullptr) return is_text_method(name) ? std::optional<Value>(bound()) : std::nullopt;
  if (value.dict() != nullptr) {
    if (among(kDictMutators, name)) return unsafe();
    return among(kDictMethods, name) ? std::optional<Value>(bound()) : std::nullopt;
  }
  if (const Sequence* sequence = value.sequence()) {
    const bool is_list = sequence->kind == SequenceKind::kList;
    if (is_list && among(kListMutators, name)) return unsafe();
    const bool counts = is_list || sequence->kind == SequenceKind::kTuple || sequence->kind == SequenceKind::kRange;
    return counts && among(kListMethods, name) && (is_list || name != "copy") ? std::optional<Value>(bound())
                                                                              : std::nullopt;
  }
  if (value.is_numeric()) {
    if (name == "real" || name == "numerator") return value;
    if (name == "imag") return value.real() != nullptr ? Value(0.0) : Value(0);
    if (name == "denominator" && value.real() == nullptr) return 1;
    if (among(kNumberMethods, name) && (name != "is_integer" || value.real() != nullptr)) return bound();
  }
  return std::nullopt;
}

List items_of(Rendering& rendering, const Dict& dict) {
  List out;
  for (const auto& [name, value] : dict.members) {
    if (!rendering.step()) break;
    out.push_back(Value::tuple({name, value}));
  }
  return out;
}

}  // namespace mnema::jinja
