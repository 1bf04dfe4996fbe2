// Filters that make numbers.
#include <cmath>

#include "inference/chat/jinja_filters.hpp"
#include "inference/chat/jinja_numbers.hpp"
#include "inference/chat/jinja_operators.hpp"
#include "inference/chat/jinja_parameters.hpp"

namespace mnema::jinja {
namespace {

/// Python's int(value), where it is defined for the type.
std::optional<Value> plain_integer(const Value& value, int base) {
  if (value.string() != nullptr) return parse_integer(*value.string(), base);
  if (value.real() != nullptr)
    return std::isfinite(*value.real()) ? std::optional<Value>(to_integer(*value.real())) : std::nullopt;
  if (value.boolean() != nullptr) return Value(*value.index());
  return value.is_integer() ? std::optional<Value>(value) : std::nullopt;
}

Value integer(Rendering& r, const Value& value, const Arguments& arguments) {
  Parameters given(r, "int", arguments, {"default", "base"});
  const std::int64_t base = given.integer(1, 10);
  if (!given.ok()) return {};
  if (value.is_undefined()) return r.fail(value.why_undefined());
  if (value.real() != nullptr && std::isinf(*value.real())) return r.fail("cannot convert infinity to an integer");
  if (const std::optional<Value> whole = plain_integer(value, base < 0 || base > 36 ? 1 : static_cast<int>(base)))
    return *whole;
  if (value.string() != nullptr) {
    const std::optional<double> real = parse_float(*value.string());
    if (real && std::isfinite(*real)) return to_integer(*real);
  }
  return given.get(0, 0);
}

Value real(Rendering& r, const Value& value, const Arguments& arguments) {
  const Parameters given(r, "float", arguments, {"default"});
  if (!given.ok()) return {};
  if (value.is_undefined()) return r.fail(value.why_undefined());
  if (value.string() != nullptr) {
    if (const std::optional<double> parsed = parse_float(*value.string())) return *parsed;
  } else if (value.is_numeric()) {
    return value.big() != nullptr && std::isinf(value.number()) ? r.fail("an integer is too large for a float")
                                                                : Value(value.number());
  }
  return given.get(0, 0.0);
}

Value absolute(Rendering& r, const Value& value, const Arguments& arguments) {
  if (!Parameters(r, "abs", arguments, {}).ok()) return {};
  if (value.is_undefined()) return r.fail(value.why_undefined());
  if (!value.is_numeric()) return r.fail("a value of type " + std::string(value.type_name()) + " has no size");
  if (value.real() != nullptr) return std::fabs(*value.real());
  return compare_numbers(value, 0) == Order::kLess ? negated(r, value) : signed_value(r, false, value);
}

Value round(Rendering& r, const Value& value, const Arguments& arguments) {
  Parameters given(r, "round", arguments, {"precision", "method"});
  if (!given.ok()) return {};
  if (value.is_undefined()) return r.fail(value.why_undefined());
  const bool to_whole = given[0] != nullptr && given[0]->is_none();  // Python's round(value, None)
  const std::int64_t digits = to_whole ? 0 : given.integer(0, 0);
  const std::string method = given.text(1, "common");
  if (!given.ok()) return {};
  if (method == "common") return rounded(r, value, to_whole ? std::nullopt : std::optional(digits));
  if (method != "ceil" && method != "floor") return r.fail("round goes by common, ceil or floor");
  const Value unit = arithmetic(r, "**", 10, given.get(0, 0));
  const Value scaled = arithmetic(r, "*", value, unit);
  if (!r.error.empty()) return {};
  Value cut = scaled;
  if (const double* fraction = scaled.real()) {
    if (!std::isfinite(*fraction)) return r.fail("the number is too large to be rounded");
    cut = to_integer(method == "ceil" ? std::ceil(*fraction) : std::floor(*fraction));
  }
  return arithmetic(r, "/", cut, unit);
}

constexpr NamedFilter kFilters[] = {{"int", integer}, {"float", real}, {"abs", absolute}, {"round", round}};

}  // namespace

std::span<const NamedFilter> number_filters() { return kFilters; }

}  // namespace mnema::jinja
