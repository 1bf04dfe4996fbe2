#include "inference/chat/jinja_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

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

constexpr int kWrittenDepthMax = 200;  // what is nested deeper is written as "..."

bool too_long(const std::string& out) { return out.size() > kTextBytesMax; }

void write_string(std::string& out, const std::string& text) {
  const char quote = text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
  out += quote;
  for (const char c : text) {
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
  out += quote;
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
  std::string out;
  write_representation(out, 0);
  return out;
}

void Value::write_representation(std::string& out, int level) const {
  if (const std::string* value = string()) return write_string(out, *value);
  if (level > kWrittenDepthMax) {
    out += "...";
  } else if (list() != nullptr) {
    out += '[';
    for (std::size_t i = 0; i < list()->size() && !too_long(out); ++i) {
      if (i > 0) out += ", ";
      (*list())[i].write_representation(out, level + 1);
    }
    out += ']';
  } else if (dict() != nullptr) {
    out += '{';
    bool first = true;
    for (const auto& [name, value] : dict()->members) {
      if (too_long(out)) break;
      if (!first) out += ", ";
      first = false;
      write_string(out, name);
      out += ": ";
      value.write_representation(out, level + 1);
    }
    out += '}';
  } else if (const bool* flag = boolean()) {
    out += *flag ? "True" : "False";
  } else if (const std::int64_t* number = integer()) {
    out += std::to_string(*number);
  } else if (const double* decimal = real()) {
    out += float_text(*decimal);
  } else {
    out += is_undefined() ? "Undefined" : is_none() ? "None" : "<function>";
  }
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
  } else if (level > kWrittenDepthMax) {
    out += "...";
  } else if (list() != nullptr) {
    out += '[';
    bool first = true;
    for (const Value& element : *list()) {
      if (too_long(out)) break;
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
      if (too_long(out)) break;
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

void Value::Dismantle::operator()(List* list) const {
  dismantle(std::move(*list));
  delete list;
}

void Value::Dismantle::operator()(Dict* dict) const {
  List values;
  for (auto& member : dict->members) values.push_back(std::move(member.second));
  delete dict;
  dismantle(std::move(values));
}

void Value::dismantle(List values) {
  while (!values.empty()) {
    const Value value = std::move(values.back());
    values.pop_back();
    // Whoever holds something last takes out what is in it first; then it goes without going deeper.
    if (auto* held = std::get_if<std::shared_ptr<List>>(&value.data_); held != nullptr && held->use_count() == 1) {
      std::move((*held)->begin(), (*held)->end(), std::back_inserter(values));
      (*held)->clear();
    }
    if (auto* held = std::get_if<std::shared_ptr<Dict>>(&value.data_); held != nullptr && held->use_count() == 1) {
      for (auto& member : (*held)->members) values.push_back(std::move(member.second));
      (*held)->members.clear();
    }
  }
}

}  // namespace mnema::jinja
