#include "inference/chat/jinja_tests.hpp"

#include <algorithm>

#include "inference/chat/jinja_filters.hpp"
#include "inference/chat/jinja_iteration.hpp"
#include "inference/chat/jinja_operators.hpp"
#include "inference/chat/jinja_parameters.hpp"
#include "inference/chat/jinja_text.hpp"

namespace mnema::jinja {
namespace {

/// A test without arguments, or of a value and one argument.
using Plain = bool (*)(Rendering&, const Value&);
using Binary = bool (*)(Rendering&, const Value&, const Value&);

constexpr std::pair<std::string_view, Plain> kPlain[] = {
    {"defined", [](Rendering&, const Value& v) { return !v.is_undefined(); }},
    {"undefined", [](Rendering&, const Value& v) { return v.is_undefined(); }},
    {"none", [](Rendering&, const Value& v) { return v.is_none(); }},
    {"boolean", [](Rendering&, const Value& v) { return v.boolean() != nullptr; }},
    {"true", [](Rendering&, const Value& v) { return v.boolean() != nullptr && *v.boolean(); }},
    {"false", [](Rendering&, const Value& v) { return v.boolean() != nullptr && !*v.boolean(); }},
    {"string", [](Rendering&, const Value& v) { return v.string() != nullptr; }},
    {"number", [](Rendering&, const Value& v) { return v.is_numeric(); }},  // booleans too, as in Python
    {"integer", [](Rendering&, const Value& v) { return v.is_integer(); }},
    {"float", [](Rendering&, const Value& v) { return v.real() != nullptr; }},
    {"mapping", [](Rendering&, const Value& v) { return v.dict() != nullptr; }},
    {"iterable",
     [](Rendering&, const Value& v) {
       return is_iterable(v) || (v.object() != nullptr && v.object()->type_name() == "loop");
     }},
    {"sequence",
     [](Rendering&, const Value& v) {
       const Sequence* sequence = v.sequence();
       return sequence != nullptr ? sequence->kind == SequenceKind::kList || sequence->kind == SequenceKind::kTuple ||
                                        sequence->kind == SequenceKind::kRange
                                  : v.string() != nullptr || v.dict() != nullptr || v.is_undefined();
     }},
    {"callable",
     [](Rendering&, const Value& v) { return v.is_undefined() || (v.object() != nullptr && v.object()->callable()); }},
    {"escaped", [](Rendering&, const Value& v) { return v.is_markup(); }},
    {"lower", [](Rendering& r, const Value& v) { return is_lower_case(r.text_of(v)); }},
    {"upper", [](Rendering& r, const Value& v) { return is_upper_case(r.text_of(v)); }},
    {"odd", [](Rendering& r, const Value& v) { return equal(r, arithmetic(r, "%", v, 2), 1); }},
    {"even", [](Rendering& r, const Value& v) { return equal(r, arithmetic(r, "%", v, 2), 0); }},
    {"filter", [](Rendering&, const Value& v) { return v.string() != nullptr && is_filter(*v.string()); }},
    {"test", [](Rendering&, const Value& v) { return v.string() != nullptr && is_test(*v.string()); }},
};

bool is_equal(Rendering& r, const Value& a, const Value& b) { return compared(r, "==", a, b); }
bool is_unequal(Rendering& r, const Value& a, const Value& b) { return compared(r, "!=", a, b); }
bool is_less(Rendering& r, const Value& a, const Value& b) { return compared(r, "<", a, b); }
bool is_at_most(Rendering& r, const Value& a, const Value& b) { return compared(r, "<=", a, b); }
bool is_greater(Rendering& r, const Value& a, const Value& b) { return compared(r, ">", a, b); }
bool is_at_least(Rendering& r, const Value& a, const Value& b) { return compared(r, ">=", a, b); }

constexpr std::pair<std::string_view, Binary> kBinary[] = {
    {"eq", is_equal},
    {"==", is_equal},
    {"equalto", is_equal},
    {"ne", is_unequal},
    {"!=", is_unequal},
    {"lt", is_less},
    {"<", is_less},
    {"lessthan", is_less},
    {"le", is_at_most},
    {"<=", is_at_most},
    {"gt", is_greater},
    {">", is_greater},
    {"greaterthan", is_greater},
    {"ge", is_at_least},
    {">=", is_at_least},
    {"in", [](Rendering& r, const Value& a, const Value& b) { return contains(r, b, a); }},
    {"sameas", [](Rendering&, const Value& a, const Value& b) { return a.same_as(b); }},
    {"divisibleby", [](Rendering& r, const Value& a, const Value& b) { return equal(r, arithmetic(r, "%", a, b), 0); }},
};

template <class Table>
auto find_test(const Table& table, std::string_view name) {
  const auto* found =
      std::find_if(std::begin(table), std::end(table), [&](const auto& test) { return test.first == name; });
  return found == std::end(table) ? nullptr : found->second;
}

}  // namespace

bool is_test(std::string_view name) {
  return find_test(kPlain, name) != nullptr || find_test(kBinary, name) != nullptr;
}

bool apply_test(Rendering& r, std::string_view name, const Value& value, const Arguments& arguments) {
  if (r.stopped() || !r.step()) return false;
  if (const Plain plain = find_test(kPlain, name))
    return Parameters(r, name, arguments, {}).ok() && plain(r, value) && r.error.empty();
  if (const Binary binary = find_test(kBinary, name)) {
    const Parameters given(r, name, arguments, {""}, 1);
    return given.ok() && binary(r, value, *given[0]) && r.error.empty();
  }
  r.fail("unknown test '" + std::string(name) + "'");
  return false;
}

}  // namespace mnema::jinja
