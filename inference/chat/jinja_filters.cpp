#include "inference/chat/jinja_filters.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>

#include "inference/chat/jinja_methods.hpp"
#include "inference/chat/jinja_operators.hpp"
#include "inference/chat/jinja_printing.hpp"
#include "inference/chat/jinja_strings.hpp"

namespace mnema::jinja {
namespace {

/// What a filter was given.
struct Call {
  Rendering& r;
  std::string_view name;
  const Value& value;
  const List& arguments;
  const Dict& named;

  /// An argument by place or by name.
  [[nodiscard]] Value argument(std::size_t place, std::string_view called, Value otherwise = {}) const {
    if (place < arguments.size()) return arguments[place];
    const Value* found = named.find(called);
    return found != nullptr ? *found : otherwise;
  }
  [[nodiscard]] std::int64_t integer(std::size_t place, std::string_view called, std::int64_t otherwise) const {
    const Value given = argument(place, called);
    return given.integer() != nullptr ? *given.integer() : otherwise;
  }
  [[nodiscard]] Text text() const { return printed(r, value); }
  [[nodiscard]] List elements() const { return elements_of(r, value); }
};

/// `a.b.c` of an element, as `map(attribute="a.b")` has it.
Value attribute_of(Rendering& r, const Value& value, std::string_view path) {
  Value at = value;
  while (!path.empty() && r.error.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    at = member_of(r, at, Value(path.substr(0, dot)));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return at;
}

/// select, reject, selectattr, rejectattr.
Value selected(const Call& call, bool by_attribute, bool wanted) {
  const std::size_t skip = by_attribute ? 1 : 0;
  if (by_attribute && (call.arguments.empty() || call.arguments[0].text() == nullptr))
    return call.r.fail(std::string(call.name) + " needs the name of an attribute");
  List out;
  for (const Value& element : call.elements()) {
    if (!call.r.step()) break;
    const Value subject = by_attribute ? attribute_of(call.r, element, call.arguments[0].text()->bytes()) : element;
    bool holds = subject.truth();
    if (call.arguments.size() > skip) {
      const List rest(call.arguments.begin() + static_cast<std::ptrdiff_t>(skip) + 1, call.arguments.end());
      holds = apply_test(call.r, printed(call.r, call.arguments[skip]).bytes(), subject, rest);
    }
    if (holds == wanted) out.push_back(element);
  }
  return out;
}

Value mapped(const Call& call) {
  const Value* attribute = call.named.find("attribute");
  if (attribute == nullptr && call.arguments.empty()) return call.r.fail("map needs a filter or an attribute");
  List out;
  for (const Value& element : call.elements()) {
    if (!call.r.step()) break;
    if (attribute != nullptr) {
      Value member = attribute_of(call.r, element, printed(call.r, *attribute).bytes());
      const Value* otherwise = call.named.find("default");
      out.push_back(member.is_undefined() && otherwise != nullptr ? *otherwise : member);
    } else {
      const List rest(call.arguments.begin() + 1, call.arguments.end());
      out.push_back(apply_filter(call.r, printed(call.r, call.arguments[0]).bytes(), element, rest, call.named));
    }
  }
  return out;
}

Value sorted(const Call& call) {
  if (!call.r.work(20 * call.value.weight())) return {};
  const Value attribute = call.argument(2, "attribute");
  const bool reverse = call.argument(0, "reverse", false).truth();
  const bool exact = call.argument(1, "case_sensitive", false).truth();
  std::vector<std::pair<Value, Value>> keyed;  // what it is sorted by, and the element
  for (const Value& element : call.elements()) {
    Value key = attribute.is_undefined() ? element : attribute_of(call.r, element, printed(call.r, attribute).bytes());
    if (key.text() != nullptr && !exact) key = with_case(*key.text(), Case::kLower);
    keyed.emplace_back(std::move(key), element);
  }
  std::stable_sort(keyed.begin(), keyed.end(),
                   [&](const auto& a, const auto& b) { return reverse ? b.first < a.first : a.first < b.first; });
  List out;
  for (auto& [key, element] : keyed) out.push_back(std::move(element));
  return out;
}

Value unique(const Call& call) {
  List out;
  for (const Value& element : call.elements()) {
    if (!contains(call.r, Value(out), element)) out.push_back(element);
    if (!call.r.error.empty()) break;
  }
  return out;
}

Value sum_of(const Call& call) {
  const Value attribute = call.argument(0, "attribute");
  Value sum = call.argument(1, "start", 0);
  for (const Value& element : call.elements()) {
    const Value part =
        attribute.is_undefined() ? element : attribute_of(call.r, element, printed(call.r, attribute).bytes());
    sum = arithmetic(call.r, "+", sum, part);
    if (!call.r.step()) break;
  }
  return sum;
}

/// min and max.
Value extreme(const Call& call) {
  Value best;
  for (const Value& element : call.elements()) {
    if (best.is_undefined() || (call.name == "min" ? element < best : best < element)) best = element;
  }
  return best;
}

Value dictionary_sorted(const Call& call) {
  if (call.value.dict() == nullptr) return call.r.fail("dictsort needs a dictionary");
  Dict copy = *call.value.dict();
  std::stable_sort(copy.members.begin(), copy.members.end(), [](const auto& a, const auto& b) {
    return with_case(a.first, Case::kLower).bytes() < with_case(b.first, Case::kLower).bytes();
  });
  return items_of(copy);
}

Value to_integer(const Call& call) {
  if (const Text* text = call.value.text()) {
    const Text bare = stripped(*text, kBlanks, true, true);
    std::int64_t number = 0;
    const char* end = bare.bytes().data() + bare.size();
    const auto read = std::from_chars(bare.bytes().data(), end, number);
    return read.ec == std::errc() && read.ptr == end ? Value(number) : call.argument(0, "default", 0);
  }
  const double number = call.value.number();
  return std::fabs(number) < 9e18 ? Value(static_cast<std::int64_t>(number)) : call.argument(0, "default", 0);
}

Value rounded(const Call& call) {
  const double scale =
      std::pow(10.0, static_cast<double>(std::clamp<std::int64_t>(call.integer(0, "precision", 0), 0, 15)));
  const Value method = call.argument(1, "method", "common");
  const std::string how = printed(call.r, method).bytes();
  const double scaled = call.value.number() * scale;
  return (how == "floor" ? std::floor(scaled) : how == "ceil" ? std::ceil(scaled) : std::nearbyint(scaled)) / scale;
}

Value as_json(const Call& call) {
  const Value indent = call.argument(0, "indent");
  const bool sorted = call.argument(9, "sort_keys", false).truth();
  return to_json(
      call.r, call.value,
      indent.integer() != nullptr ? static_cast<int>(std::clamp<std::int64_t>(*indent.integer(), 0, 16)) : -1, sorted);
}

Value defaulted(const Call& call) {
  const bool falsy_too = call.argument(1, "boolean", false).truth();
  const bool missing = call.value.is_undefined() || (falsy_too && !call.value.truth());
  return missing ? call.argument(0, "default_value", "") : call.value;
}

Value length(const Call& call) {
  if (call.value.text() != nullptr) return characters_in(call.value.text()->bytes());
  if (call.value.list() != nullptr) return call.value.list()->size();
  if (call.value.dict() != nullptr) return call.value.dict()->members.size();
  if (call.value.is_undefined()) return 0;
  return call.r.fail("a " + std::string(call.value.type_name()) + " has no length");
}

/// first and last.
Value end_of(const Call& call) {
  const List list = call.elements();
  return list.empty() ? Value() : call.name == "first" ? list.front() : list.back();
}

Value reversed(const Call& call) {
  List list = call.elements();
  std::reverse(list.begin(), list.end());
  return call.value.text() != nullptr ? Value(joined(call.r, list, "")) : Value(std::move(list));
}

Value indented_by(const Call& call) {
  const Value width = call.argument(0, "width", 4);
  const Text margin =
      width.text() != nullptr
          ? *width.text()
          : Text(std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(call.integer(0, "width", 4), 0, 64)),
                             ' '));
  return indented(call.r, call.text(), margin, call.argument(1, "first", false).truth(),
                  call.argument(2, "blank", false).truth());
}

Value trimmed(const Call& call) {
  const Value characters = call.argument(0, "chars");
  return stripped(call.text(), characters.text() != nullptr ? std::string_view(characters.text()->bytes()) : kBlanks,
                  true, true);
}

Value items(const Call& call) {
  if (call.value.dict() != nullptr) return items_of(*call.value.dict());
  return call.value.is_undefined() ? Value(List{}) : call.r.fail("items needs a dictionary");
}

using Filter = Value (*)(const Call&);

const std::map<std::string_view, Filter>& filters() {
  static const std::map<std::string_view, Filter> kFilters = {
      {"trim", trimmed},
      {"tojson", as_json},
      {"default", defaulted},
      {"d", defaulted},
      {"length", length},
      {"count", length},
      {"join",
       [](const Call& call) -> Value {
         List list = call.elements();
         const Value attribute = call.argument(1, "attribute");
         if (!attribute.is_undefined())
           for (Value& element : list) element = attribute_of(call.r, element, printed(call.r, attribute).bytes());
         return joined(call.r, list, printed(call.r, call.argument(0, "d", "")));
       }},
      {"upper", [](const Call& call) -> Value { return with_case(call.text(), Case::kUpper); }},
      {"lower", [](const Call& call) -> Value { return with_case(call.text(), Case::kLower); }},
      {"title", [](const Call& call) -> Value { return with_case(call.text(), Case::kTitle); }},
      {"capitalize", [](const Call& call) -> Value { return with_case(call.text(), Case::kCapitalized); }},
      {"replace",
       [](const Call& call) -> Value {
         return replaced(call.r, call.text(), printed(call.r, call.argument(0, "old")),
                         printed(call.r, call.argument(1, "new")), call.integer(2, "count", -1));
       }},
      {"string", [](const Call& call) -> Value { return call.text(); }},
      {"int", to_integer},
      {"float",
       [](const Call& call) -> Value {
         const Text* text = call.value.text();
         return text != nullptr ? std::strtod(text->bytes().c_str(), nullptr) : call.value.number();
       }},
      {"abs",
       [](const Call& call) -> Value {
         return call.value.truth() && call.value < Value(0) ? arithmetic(call.r, "-", 0, call.value) : call.value;
       }},
      {"round", rounded},
      {"safe", [](const Call& call) { return call.value; }},
      {"list", [](const Call& call) -> Value { return call.elements(); }},
      {"first", end_of},
      {"last", end_of},
      {"reverse", reversed},
      {"items", items},
      {"dictsort", dictionary_sorted},
      {"sort", sorted},
      {"unique", unique},
      {"sum", sum_of},
      {"min", extreme},
      {"max", extreme},
      {"select", [](const Call& call) { return selected(call, false, true); }},
      {"reject", [](const Call& call) { return selected(call, false, false); }},
      {"selectattr", [](const Call& call) { return selected(call, true, true); }},
      {"rejectattr", [](const Call& call) { return selected(call, true, false); }},
      {"map", mapped},
      {"indent", indented_by},
      {"attr", [](const Call& call) { return member_of(call.r, call.value, call.argument(0, "name")); }},
  };
  return kFilters;
}

using Test = bool (*)(Rendering&, const Value& value, const Value& by);

bool is_sequence(Rendering&, const Value& value, const Value&) {
  return value.list() != nullptr || value.dict() != nullptr || value.text() != nullptr;
}

const std::map<std::string_view, Test>& tests() {
  using R = Rendering;
  using V = Value;
  static const Test kEqual = [](R& r, const V& value, const V& by) { return compared(r, "==", value, by); };
  static const Test kUnequal = [](R& r, const V& value, const V& by) { return compared(r, "!=", value, by); };
  static const Test kLess = [](R& r, const V& value, const V& by) { return compared(r, "<", value, by); };
  static const Test kMore = [](R& r, const V& value, const V& by) { return compared(r, ">", value, by); };
  static const Test kAtMost = [](R& r, const V& value, const V& by) { return compared(r, "<=", value, by); };
  static const Test kAtLeast = [](R& r, const V& value, const V& by) { return compared(r, ">=", value, by); };
  static const std::map<std::string_view, Test> kTests = {
      {"defined", [](R&, const V& value, const V&) { return !value.is_undefined(); }},
      {"undefined", [](R&, const V& value, const V&) { return value.is_undefined(); }},
      {"none", [](R&, const V& value, const V&) { return value.is_none(); }},
      {"string", [](R&, const V& value, const V&) { return value.text() != nullptr; }},
      {"number", [](R&, const V& value, const V&) { return value.is_number() || value.boolean() != nullptr; }},
      {"integer", [](R&, const V& value, const V&) { return value.integer() != nullptr; }},
      {"float", [](R&, const V& value, const V&) { return value.real() != nullptr; }},
      {"boolean", [](R&, const V& value, const V&) { return value.boolean() != nullptr; }},
      {"true", [](R&, const V& value, const V&) { return value.boolean() != nullptr && *value.boolean(); }},
      {"false", [](R&, const V& value, const V&) { return value.boolean() != nullptr && !*value.boolean(); }},
      {"mapping", [](R&, const V& value, const V&) { return value.dict() != nullptr; }},
      {"sequence", is_sequence},
      {"iterable", is_sequence},
      {"callable", [](R&, const V& value, const V&) { return value.function() != nullptr; }},
      {"lower",
       [](R&, const V& value, const V&) {
         return value.text() != nullptr && with_case(*value.text(), Case::kLower) == *value.text();
       }},
      {"upper",
       [](R&, const V& value, const V&) {
         return value.text() != nullptr && with_case(*value.text(), Case::kUpper) == *value.text();
       }},
      {"equalto", kEqual},
      {"eq", kEqual},
      {"==", kEqual},
      {"ne", kUnequal},
      {"!=", kUnequal},
      {"sameas", kEqual},
      {"lt", kLess},
      {"lessthan", kLess},
      {"<", kLess},
      {"gt", kMore},
      {"greaterthan", kMore},
      {">", kMore},
      {"le", kAtMost},
      {"<=", kAtMost},
      {"ge", kAtLeast},
      {">=", kAtLeast},
      {"in", [](R& r, const V& value, const V& by) { return contains(r, by, value); }},
      {"odd", [](R&, const V& value, const V&) { return value.integer() != nullptr && *value.integer() % 2 != 0; }},
      {"even", [](R&, const V& value, const V&) { return value.integer() != nullptr && *value.integer() % 2 == 0; }},
      {"divisibleby",
       [](R&, const V& value, const V& by) {
         return value.integer() != nullptr && by.integer() != nullptr && *by.integer() > 0 &&
                *value.integer() % *by.integer() == 0;
       }},
  };
  return kTests;
}

}  // namespace

Value apply_filter(Rendering& r, std::string_view name, const Value& value, const List& arguments, const Dict& named) {
  if (!r.step() || !r.work(value.own_weight())) return {};
  const Depth deeper(r);
  if (!r.error.empty()) return {};
  const auto found = filters().find(name);
  if (found == filters().end()) return r.fail("unknown filter '" + std::string(name) + "'");
  return r.made(found->second({r, name, value, arguments, named}));
}

bool apply_test(Rendering& r, std::string_view name, const Value& value, const List& arguments) {
  if (!r.step() || !r.work(value.own_weight())) return false;
  const auto found = tests().find(name);
  if (found != tests().end()) return found->second(r, value, arguments.empty() ? Value() : arguments[0]);
  r.fail("unknown test '" + std::string(name) + "'");
  return false;
}

}  // namespace mnema::jinja
