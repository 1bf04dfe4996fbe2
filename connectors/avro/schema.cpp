#include "connectors/avro/schema.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cctype>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "runtime/base/json.hpp"

namespace mnema {
namespace {

namespace json = boost::json;
using Kind = AvroType::Kind;
using Logical = AvroType::Logical;

constexpr std::size_t kTypesMax = 10'000;
constexpr JsonBounds kSchemaBounds{4 << 20, 256};  // three levels of JSON for one of a record
constexpr int kScaleMax = 600;                     // more digits than a decimal may have (decoder.cpp)

constexpr std::pair<std::string_view, Kind> kPrimitives[] = {
    {"null", Kind::kNull},   {"boolean", Kind::kBoolean}, {"int", Kind::kInt},     {"long", Kind::kLong},
    {"float", Kind::kFloat}, {"double", Kind::kDouble},   {"bytes", Kind::kBytes}, {"string", Kind::kString},
};

constexpr std::pair<std::string_view, std::pair<Kind, Logical>> kLogicals[] = {
    {"date", {Kind::kInt, Logical::kDate}},
    {"time-millis", {Kind::kInt, Logical::kTimeMillis}},
    {"time-micros", {Kind::kLong, Logical::kTimeMicros}},
    {"timestamp-millis", {Kind::kLong, Logical::kTimestampMillis}},
    {"timestamp-micros", {Kind::kLong, Logical::kTimestampMicros}},
    {"local-timestamp-millis", {Kind::kLong, Logical::kLocalTimestampMillis}},
    {"local-timestamp-micros", {Kind::kLong, Logical::kLocalTimestampMicros}},
};

Error problem_at(const std::string& place, const std::string& problem) {
  return fail(ErrorCode::kInvalidArgument,
              "the Avro schema is wrong at " + (place.empty() ? std::string("its top") : place) + ": " + problem);
}

bool is_name(std::string_view text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) == 0 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

/// Names apart by dots.
bool is_full_name(std::string_view text) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    if (!is_name(text.substr(begin, end - begin))) return false;
    begin = end + 1;
  }
  return true;
}

std::optional<std::string_view> text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string_view(value->get_string());
}

std::optional<std::int64_t> integer_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

}  // namespace

class AvroSchema::Compiler {
 public:
  explicit Compiler(AvroSchema& schema) : schema_(schema) {}

  Result<const AvroType*> compile(const json::value& value, const std::string& place, const std::string& space) {
    if (value.is_string()) return named(std::string_view(value.get_string()), place, space);
    if (const json::array* branches = value.if_array()) return union_of(*branches, place, space);
    const json::object* object = value.if_object();
    if (object == nullptr) return problem_at(place, "expected a type: a name, an object or an array");
    const json::value* type = object->if_contains("type");
    if (type == nullptr) return problem_at(place, "has no type");
    if (!type->is_string()) return compile(*type, place + "/type", space);
    const std::string_view kind = type->get_string();
    if (kind == "record" || kind == "error") return record(*object, place, space);
    if (kind == "enum") return enumeration(*object, place, space);
    if (kind == "fixed") return fixed(*object, place, space);
    if (kind == "array" || kind == "map") return collection(*object, kind == "array", place, space);
    ASSIGN_OR_RETURN(const AvroType* plain, named(kind, place, space));
    return with_logical_type(*plain, *object);
  }

 private:
  Result<AvroType*> add(Kind kind, const std::string& place) {
    if (schema_.types_.size() >= kTypesMax) {
      return fail(ErrorCode::kResourceExhausted,
                  "the Avro schema has more than " + std::to_string(kTypesMax) + " types, at " + place);
    }
    schema_.types_.push_back(std::make_unique<AvroType>());
    schema_.types_.back()->kind = kind;
    return schema_.types_.back().get();
  }

  Result<const AvroType*> named(std::string_view name, const std::string& place, const std::string& space) {
    for (const auto& [primitive, kind] : kPrimitives) {
      if (name != primitive) continue;
      const AvroType*& known = primitives_[kind];
      if (known == nullptr) {
        ASSIGN_OR_RETURN(known, add(kind, place));
      }
      return known;
    }
    // In the namespace around it; else, as other readers do, in none.
    const bool is_full = name.find('.') != std::string_view::npos || space.empty();
    auto found = names_.find(is_full ? std::string(name) : space + "." + std::string(name));
    if (found == names_.end()) found = names_.find(std::string(name));
    if (found != names_.end()) return found->second;
    return problem_at(place, "there is no type '" + std::string(name) + "'");
  }

  /// Declares a named type, so that it may name itself; `inner` becomes the namespace of what it has.
  Result<AvroType*> declare(Kind kind, const json::object& object, const std::string& place, const std::string& space,
                            std::string& inner) {
    const std::optional<std::string_view> name = text_of(object, "name");
    if (!name || !is_full_name(*name)) return problem_at(place, "has no name of letters, digits and '_'");
    std::string full(*name);
    if (const std::size_t dot = full.rfind('.'); dot != std::string::npos) {
      inner = full.substr(0, dot);
    } else {
      inner = text_of(object, "namespace").value_or(space);
      if (!inner.empty()) full = inner + "." + full;
    }
    ASSIGN_OR_RETURN(AvroType * type, add(kind, place));
    if (!names_.emplace(full, type).second) return problem_at(place, "a second type is named '" + full + "'");
    return type;
  }

  Result<const AvroType*> record(const json::object& object, const std::string& place, const std::string& space) {
    std::string inner;
    ASSIGN_OR_RETURN(AvroType * type, declare(Kind::kRecord, object, place, space, inner));
    const json::value* fields = object.if_contains("fields");
    if (fields == nullptr || !fields->is_array()) return problem_at(place, "has no array 'fields'");
    std::set<std::string> names;
    for (std::size_t i = 0; i < fields->get_array().size(); ++i) {
      const std::string field_place = place + "/fields/" + std::to_string(i);
      const json::object* field = fields->get_array()[i].if_object();
      const std::optional<std::string_view> name = field ? text_of(*field, "name") : std::nullopt;
      if (!name || !is_name(*name)) return problem_at(field_place, "has no name of letters, digits and '_'");
      if (!names.emplace(*name).second)
        return problem_at(field_place, "a second field is '" + std::string(*name) + "'");
      const json::value* of = field->if_contains("type");
      if (of == nullptr) return problem_at(field_place, "has no type");
      ASSIGN_OR_RETURN(const AvroType* compiled, compile(*of, field_place + "/type", inner));
      type->fields.push_back({std::string(*name), "\"" + std::string(*name) + "\":", compiled});
    }
    return type;
  }

  Result<const AvroType*> enumeration(const json::object& object, const std::string& place, const std::string& space) {
    std::string inner;
    ASSIGN_OR_RETURN(AvroType * type, declare(Kind::kEnum, object, place, space, inner));
    const json::value* symbols = object.if_contains("symbols");
    if (symbols == nullptr || !symbols->is_array()) return problem_at(place, "has no array 'symbols'");
    for (const json::value& symbol : symbols->get_array()) {
      if (!symbol.is_string() || !is_name(symbol.get_string()))
        return problem_at(place, "has a symbol that is no name");
      type->symbols.emplace_back(symbol.get_string());
    }
    return type;
  }

  Result<const AvroType*> fixed(const json::object& object, const std::string& place, const std::string& space) {
    std::string inner;
    ASSIGN_OR_RETURN(AvroType * type, declare(Kind::kFixed, object, place, space, inner));
    const std::optional<std::int64_t> size = integer_of(object, "size");
    if (!size || *size < 0 || *size > std::numeric_limits<std::int32_t>::max()) {
      return problem_at(place, "has no size of 0 to 2147483647");
    }
    type->size = static_cast<std::size_t>(*size);
    const std::string_view logical = text_of(object, "logicalType").value_or("");
    if (logical == "duration" && *size == 12) type->logical = Logical::kDuration;
    if (logical == "decimal") set_decimal(*type, object);
    return type;
  }

  Result<const AvroType*> collection(const json::object& object, bool is_array, const std::string& place,
                                     const std::string& space) {
    const char* member = is_array ? "items" : "values";
    const json::value* of = object.if_contains(member);
    if (of == nullptr) return problem_at(place, std::string("has no '") + member + "'");
    ASSIGN_OR_RETURN(AvroType * type, add(is_array ? Kind::kArray : Kind::kMap, place));
    ASSIGN_OR_RETURN(const AvroType* compiled, compile(*of, place + "/" + member, space));
    type->of.push_back(compiled);
    return type;
  }

  Result<const AvroType*> union_of(const json::array& branches, const std::string& place, const std::string& space) {
    ASSIGN_OR_RETURN(AvroType * type, add(Kind::kUnion, place));
    for (std::size_t i = 0; i < branches.size(); ++i) {
      const std::string branch_place = place + "/" + std::to_string(i);
      if (branches[i].is_array()) return problem_at(branch_place, "a union stands directly in a union");
      ASSIGN_OR_RETURN(const AvroType* branch, compile(branches[i], branch_place, space));
      type->of.push_back(branch);
    }
    return type;
  }

  static void set_decimal(AvroType& type, const json::object& object) {
    const std::int64_t precision = integer_of(object, "precision").value_or(0);
    const std::int64_t scale = integer_of(object, "scale").value_or(0);
    if (precision < 1 || scale < 0 || scale > precision || scale > kScaleMax) return;
    type.logical = Logical::kDecimal;
    type.scale = static_cast<int>(scale);
  }

  /// A primitive (or a name, of which this says nothing) with what its object says besides.
  Result<const AvroType*> with_logical_type(const AvroType& plain, const json::object& object) {
    const std::string_view logical = text_of(object, "logicalType").value_or("");
    AvroType made;
    made.kind = plain.kind;
    if (logical == "decimal" && plain.kind == Kind::kBytes) set_decimal(made, object);
    for (const auto& [name, of] : kLogicals) {
      if (name == logical && of.first == plain.kind) made.logical = of.second;
    }
    if (made.logical == Logical::kNone) return &plain;
    ASSIGN_OR_RETURN(AvroType * type, add(plain.kind, "a logical type"));
    *type = std::move(made);
    return type;
  }

  AvroSchema& schema_;
  std::map<std::string, AvroType*> names_;
  std::map<Kind, const AvroType*> primitives_;
};

Result<AvroSchema> AvroSchema::compile(std::string_view text, const std::vector<std::string>& references) {
  AvroSchema schema;
  Compiler compiler(schema);
  for (const std::string& reference : references) {
    ASSIGN_OR_RETURN(const json::value parsed,
                     parse_bounded_json(reference, "the referenced Avro schema", kSchemaBounds));
    ASSIGN_OR_RETURN(schema.root_, compiler.compile(parsed, "", ""));
  }
  ASSIGN_OR_RETURN(const json::value parsed, parse_bounded_json(text, "the Avro schema", kSchemaBounds));
  ASSIGN_OR_RETURN(schema.root_, compiler.compile(parsed, "", ""));
  return schema;
}

}  // namespace mnema
