#include "inference/grammar/schema_kinds.hpp"

#include "runtime/base/decimal.hpp"

namespace mnema::grammar {

namespace json = boost::json;

std::optional<Kinds> kinds_named(std::string_view type) {
  if (type == "null") return kNullKind;
  if (type == "boolean") return kBooleanKind;
  if (type == "integer") return kIntegerKind;
  if (type == "number") return kNumberKinds;
  if (type == "string") return kStringKind;
  if (type == "array") return kArrayKind;
  if (type == "object") return kObjectKind;
  if (type == "any") return kAllKinds;  // draft 3
  return std::nullopt;
}

std::optional<Kinds> kinds_of_type(const json::value& type) {
  if (type.is_string()) return kinds_named(type.get_string());
  if (!type.is_array() || type.get_array().empty()) return std::nullopt;
  Kinds kinds = 0;
  for (const json::value& one : type.get_array()) {
    const std::optional<Kinds> named = one.is_string() ? kinds_named(one.get_string()) : std::nullopt;
    if (!named) return std::nullopt;
    kinds |= *named;
  }
  return kinds;
}

Kinds kind_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return kNullKind;
    case json::kind::bool_:
      return kBooleanKind;
    case json::kind::string:
      return kStringKind;
    case json::kind::array:
      return kArrayKind;
    case json::kind::object:
      return is_number(value) ? kIntegerKind : kObjectKind;
    default: {
      const std::optional<Decimal> number = Decimal::of(value);
      return number && !number->is_integer() ? kFractionKind : kIntegerKind;
    }
  }
}

}  // namespace mnema::grammar
