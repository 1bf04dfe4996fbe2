#include "inference/chat/jinja_value.hpp"

#include <fmt/format.h>

#include <cmath>

namespace mnema::jinja {
namespace {

void write_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          out += fmt::format("\\u{:04x}", static_cast<int>(c));
        else
          out += c;
    }
  }
  out += '"';
}

/// As Python prints a float: the shortest text that reads back the same, with a point or an exponent.
std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

void new_line(std::string& out, int indent, int level) {
  out += '\n';
  out.append(static_cast<std::size_t>(indent * level), ' ');
}

}  // namespace

const Value* Dict::find(std::string_view name) const {
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Dict::set(std::string_view name, Value value) {
  for (auto& [key, old] : members) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  members.emplace_back(std::string(name), std::move(value));
}

Value Value::from_json(const boost::json::value& json) {
  switch (json.kind()) {
    case boost::json::kind::null:
      return None{};
    case boost::json::kind::bool_:
      return json.get_bool();
    case boost::json::kind::int64:
      return json.get_int64();
    case boost::json::kind::uint64:
      return static_cast<double>(json.get_uint64());
    case boost::json::kind::double_:
      return json.get_double();
    case boost::json::kind::string:
      return std::string(json.get_string());
    case boost::json::kind::array: {
      List list;
      for (const boost::json::value& element : json.get_array()) list.push_back(from_json(element));
      return list;
    }
    case boost::json::kind::object: {
      Dict dict;
      for (const auto& member : json.get_object())
        dict.members.emplace_back(std::string(member.key()), from_json(member.value()));
      return dict;
    }
  }
  return {};
}

List* Value::list() const {
  const auto* held = std::get_if<std::shared_ptr<List>>(&data_);
  return held == nullptr ? nullptr : held->get();
}

Dict* Value::dict() const {
  const auto* held = std::get_if<std::shared_ptr<Dict>>(&data_);
  return held == nullptr ? nullptr : held->get();
}

const Function* Value::function() const {
  const auto* held = std::get_if<std::shared_ptr<Function>>(&data_);
  return held == nullptr ? nullptr : held->get();
}

bool Value::truth() const {
  if (const bool* value = boolean()) return *value;
  if (is_number()) return number() != 0;
  if (string() != nullptr) return !string()->empty();
  if (list() != nullptr) return !list()->empty();
  if (dict() != nullptr) return !dict()->members.empty();
  return function() != nullptr;
}

double Value::number() const {
  if (const bool* value = boolean()) return *value ? 1 : 0;
  if (const std::int64_t* value = integer()) return static_cast<double>(*value);
  if (const double* value = real()) return *value;
  return 0;
}

std::string Value::text() const {
  if (is_undefined()) return "";
  if (string() != nullptr) return *string();
  return representation();
}

std::string Value::representation() const {
  if (is_undefined()) return "Undefined";
  if (is_none()) return "None";
  if (const bool* value = boolean()) return *value ? "True" : "False";
  if (const std::int64_t* value = integer()) return std::to_string(*value);
  if (const double* value = real()) return float_text(*value);
  if (const std::string* value = string()) {
    const char quote = value->find('\'') != std::string::npos && value->find('"') == std::string::npos ? '"' : '\'';
    std::string out(1, quote);
    for (const char c : *value) {
      if (c == '\\' || c == quote)
        out += '\\', out += c;
      else if (c == '\n')
        out += "\\n";
      else if (c == '\t')
        out += "\\t";
      else if (c == '\r')
        out += "\\r";
      else
        out += c;
    }
    return out + quote;
  }
  std::string out;
  if (list() != nullptr) {
    for (const Value& element : *list()) out += (out.empty() ? "" : ", ") + element.representation();
    return "[" + out + "]";
  }
  if (dict() != nullptr) {
    for (const auto& [name, value] : dict()->members) {
      out += (out.empty() ? "" : ", ") + Value(name).representation() + ": " + value.representation();
    }
    return "{" + out + "}";
  }
  return "<function>";
}

std::string Value::json(int indent) const {
  std::string out;
  write_json(out, indent, 0);
  return out;
}

void Value::write_json(std::string& out, int indent, int level) const {
  const auto separate = [&](bool first) {
    if (!first) out += indent < 0 ? ", " : ",";
    if (indent >= 0) new_line(out, indent, level + 1);
  };
  if (const std::string* value = string()) {
    write_json_string(out, *value);
  } else if (list() != nullptr) {
    out += '[';
    bool first = true;
    for (const Value& element : *list()) {
      separate(first);
      element.write_json(out, indent, level + 1);
      first = false;
    }
    if (!first && indent >= 0) new_line(out, indent, level);
    out += ']';
  } else if (dict() != nullptr) {
    out += '{';
    bool first = true;
    for (const auto& [name, member] : dict()->members) {
      separate(first);
      write_json_string(out, name);
      out += ": ";
      member.write_json(out, indent, level + 1);
      first = false;
    }
    if (!first && indent >= 0) new_line(out, indent, level);
    out += '}';
  } else if (const bool* flag = boolean()) {
    out += *flag ? "true" : "false";
  } else if (is_number()) {
    out += representation();
  } else {
    out += "null";
  }
}

std::string_view Value::type_name() const {
  constexpr std::string_view kNames[] = {"undefined", "none", "boolean",    "integer", "float",
                                         "string",    "list", "dictionary", "function"};
  return kNames[data_.index()];
}

bool Value::operator==(const Value& other) const {
  const bool numeric = is_number() || boolean() != nullptr,
             other_numeric = other.is_number() || other.boolean() != nullptr;
  if (numeric && other_numeric) return number() == other.number();
  if (data_.index() != other.data_.index()) return false;
  if (string() != nullptr) return *string() == *other.string();
  if (list() != nullptr) return *list() == *other.list();
  if (dict() != nullptr) {
    if (dict()->members.size() != other.dict()->members.size()) return false;
    for (const auto& [name, member] : dict()->members) {
      const Value* match = other.dict()->find(name);
      if (match == nullptr || !(member == *match)) return false;
    }
    return true;
  }
  return function() == other.function();
}

bool Value::operator<(const Value& other) const {
  if (string() != nullptr && other.string() != nullptr) return *string() < *other.string();
  return number() < other.number();
}

}  // namespace mnema::jinja
