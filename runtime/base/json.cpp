#include "runtime/base/json.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <unordered_set>
#include <vector>

#include "runtime/base/sha256.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

/// The name of the one member of an exact integer; no text that is parsed with them may have it.
constexpr std::string_view kIntegerMember{"\0integer", 8};

bool is_integer(std::string_view number) { return number.find_first_of(".eE") == std::string_view::npos; }

/// Builds the value and notices a member that comes twice.
struct Builder {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  json::value_stack stack;
  std::vector<std::unordered_set<std::string>> members;  // of the objects that are open
  std::string key;                                       // the part of a key that has come
  std::optional<std::string> repeated;                   // the member that came twice
  bool exact_integers = false;
  bool reserved = false;  // a member's name is that of exact integers
  std::string number;     // the part of a number that has come

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return members.emplace_back(), true; }
  bool on_object_end(std::size_t count, json::error_code&) {
    members.pop_back();
    stack.push_object(count);
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t count, json::error_code&) { return stack.push_array(count), true; }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    key += part;
    return stack.push_chars(part), true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code& error) {
    key += part;
    if (exact_integers && key == kIntegerMember) {
      reserved = true;
      error = json::error::syntax;
      return false;
    }
    if (!members.back().insert(key).second) {
      repeated = key;
      error = json::error::syntax;
      return false;
    }
    key.clear();
    return stack.push_key(part), true;
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) { return stack.push_chars(part), true; }
  bool on_string(json::string_view part, std::size_t, json::error_code&) { return stack.push_string(part), true; }
  bool on_number_part(json::string_view part, json::error_code&) { return number += part, true; }
  bool on_int64(std::int64_t value, json::string_view, json::error_code&) {
    number.clear();
    return stack.push_int64(value), true;
  }
  bool on_uint64(std::uint64_t value, json::string_view, json::error_code&) {
    number.clear();
    return stack.push_uint64(value), true;
  }
  bool on_double(double value, json::string_view part, json::error_code&) {
    number += part;
    if (exact_integers && is_integer(number)) {
      stack.push_key(kIntegerMember);
      stack.push_string(number);
      stack.push_object(1);
    } else {
      stack.push_double(value);
    }
    number.clear();
    return true;
  }
  bool on_bool(bool value, json::error_code&) { return stack.push_bool(value), true; }
  bool on_null(json::error_code&) { return stack.push_null(), true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
};

std::string place_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t line_begin = before.rfind('\n');
  const std::size_t column = line_begin == std::string_view::npos ? offset + 1 : offset - line_begin;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

void append_number(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  char digits[32];
  // Up to 2^53 a double without a fraction is that integer and no other.
  const bool whole = std::abs(number) <= 9007199254740992.0 && number == std::trunc(number);
  const std::to_chars_result end =
      whole ? std::to_chars(digits, digits + sizeof digits, static_cast<std::int64_t>(number))
            : std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, end.ptr);
}

/// As people write it, with a fraction where it has one of zero.
void append_fraction(std::string& out, double number) {
  const std::size_t begin = out.size();
  append_number(out, number);
  if (out.find_first_not_of("-0123456789", begin) == std::string::npos) out += ".0";
}

/// `canonical`: members sorted by their bytes, and equal numbers alike.
void append_json(std::string& out, const json::value& value, bool canonical) {
  if (const auto digits = exact_integer(value)) {
    out += *digits;
    return;
  }
  switch (value.kind()) {
    case json::kind::object: {
      std::vector<const json::key_value_pair*> members;
      for (const json::key_value_pair& member : value.get_object()) members.push_back(&member);
      if (canonical) {
        std::sort(members.begin(), members.end(), [](const auto* a, const auto* b) { return a->key() < b->key(); });
      }
      out += '{';
      for (std::size_t i = 0; i < members.size(); ++i) {
        if (i > 0) out += ',';
        out += json::serialize(members[i]->key());
        out += ':';
        append_json(out, members[i]->value(), canonical);
      }
      out += '}';
      return;
    }
    case json::kind::array: {
      out += '[';
      for (std::size_t i = 0; i < value.get_array().size(); ++i) {
        if (i > 0) out += ',';
        append_json(out, value.get_array()[i], canonical);
      }
      out += ']';
      return;
    }
    case json::kind::double_:
      return canonical ? append_number(out, value.get_double()) : append_fraction(out, value.get_double());
    default:
      out += json::serialize(value);
  }
}

}  // namespace

Result<json::value> parse_bounded_json(std::string_view text, std::string_view what, const JsonBounds& bounds) {
  if (static_cast<std::int64_t>(text.size()) > bounds.bytes_max) {
    return fail(ErrorCode::kInvalidArgument, std::string(what) + " has " + std::to_string(text.size()) + " bytes",
                "at most " + std::to_string(bounds.bytes_max) + " are taken");
  }
  json::parse_options options;
  options.max_depth = static_cast<std::size_t>(bounds.depth_max);
  json::basic_parser<Builder> parser(options);
  parser.handler().exact_integers = bounds.exact_integers;
  json::error_code error;
  std::size_t parsed = parser.write_some(false, text.data(), text.size(), error);
  if (!error && parsed < text.size()) error = json::error::extra_data;
  if (!error) return parser.handler().stack.release();

  const Builder& builder = parser.handler();
  std::string problem = error.message();
  std::string hint;
  if (builder.repeated) {
    problem = "the member \"" + builder.repeated->substr(0, 80) + "\" comes twice in one object";
  } else if (builder.reserved) {
    problem = "a member's name begins with U+0000";
  } else if (error == json::error::too_deep) {
    problem = "nested too deep";
    hint = "at most " + std::to_string(bounds.depth_max) + " levels are taken";
  } else if (error == json::error::incomplete) {
    problem = "ends too early";
    parsed = text.size();
  } else if (error == json::error::extra_data) {
    problem = "something follows the value";
  }
  return fail(
      ErrorCode::kInvalidArgument,
      std::string(what) + " is not valid JSON: " + problem + " at " + place_of(text, std::min(parsed, text.size())),
      std::move(hint));
}

std::optional<std::string_view> exact_integer(const json::value& value) {
  const json::object* object = value.if_object();
  if (object == nullptr || object->size() != 1 || object->begin()->key() != kIntegerMember) return std::nullopt;
  const json::value& digits = object->begin()->value();
  if (!digits.is_string()) return std::nullopt;
  return std::string_view(digits.get_string());
}

json::value with_doubles(json::value value) {
  if (const auto digits = exact_integer(value)) return std::strtod(std::string(*digits).c_str(), nullptr);
  if (json::array* array = value.if_array()) {
    for (json::value& element : *array) element = with_doubles(std::move(element));
  } else if (json::object* object = value.if_object()) {
    for (auto& member : *object) member.value() = with_doubles(std::move(member.value()));
  }
  return value;
}

std::string canonical_json(const json::value& value) {
  std::string out;
  append_json(out, value, true);
  return out;
}

std::string json_text(const json::value& value) {
  std::string out;
  append_json(out, value, false);
  return out;
}

std::string json_hash(const json::value& value) { return sha256_hex(canonical_json(value)); }

std::string json_pointer_token(std::string_view token) {
  std::string out;
  for (const char c : token) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace mnema
