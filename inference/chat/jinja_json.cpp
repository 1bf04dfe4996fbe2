#include "inference/chat/jinja_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <cmath>
#include <unordered_map>

#include "inference/chat/jinja_numbers.hpp"
#include "inference/chat/jinja_operators.hpp"
#include "inference/chat/jinja_printing.hpp"
#include "inference/chat/jinja_text.hpp"

namespace mnema::jinja {
namespace {

class Writer {
 public:
  Writer(Rendering& rendering, const JsonStyle& style) : r_(rendering), style_(style) {}

  void write(const Value& value, int level) {
    if (level > kWrittenDepthMax) {
      r_.fail("a value is nested too deeply for JSON");
    } else if (out.size() > kTextBytesMax) {
      r_.exhaust("the template writes too much");
    } else if (value.string() != nullptr) {
      string(*value.string());
    } else if (value.dict() != nullptr) {
      object(*value.dict(), level);
    } else if (const Sequence* sequence = value.sequence();
               sequence != nullptr &&
               (sequence->kind == SequenceKind::kList || sequence->kind == SequenceKind::kTuple)) {
      array(sequence->elements, level);
    } else if (!value.is_none() && !value.is_numeric()) {
      r_.fail("a value of type " + std::string(value.type_name()) + " is not JSON serializable");
    } else {
      out += scalar(value);
    }
  }

  std::string out;

 private:
  /// Numbers, booleans and null, as values and as names.
  std::string scalar(const Value& value) {
    if (value.is_none()) return "null";
    if (const bool* flag = value.boolean()) return *flag ? "true" : "false";
    if (const double* real = value.real(); real != nullptr && !std::isfinite(*real))
      return std::isnan(*real) ? "NaN" : *real < 0 ? "-Infinity" : "Infinity";
    return representation(r_, value);
  }

  void string(std::string_view text) {
    out += '"';
    for (std::size_t at = 0; at < text.size();) {
      const auto c = static_cast<unsigned char>(text[at]);
      if (c < 0x80) {
        ++at;
        ascii(c);
        continue;
      }
      const Character character = character_at(text, at);
      if (!style_.ascii_only || is_mark(character.value))
        out += text.substr(at, character.bytes);
      else if (character.value < 0x10000)
        out += fmt::format("\\u{:04x}", static_cast<unsigned>(character.value));
      else
        out += fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + ((static_cast<unsigned>(character.value) - 0x10000) >> 10),
                           0xdc00 + (static_cast<unsigned>(character.value) & 0x3ff));
      at += character.bytes;
    }
    out += '"';
  }

  void ascii(unsigned char c) {
    constexpr std::string_view kShort = "\"\\\n\r\t\b\f", kNames = "\"\\nrtbf";
    if (const std::size_t i = kShort.find(static_cast<char>(c)); i != std::string_view::npos) {
      out += '\\';
      out += kNames[i];
    } else if (c < 0x20 || (style_.ascii_only && c == 0x7f)) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += static_cast<char>(c);
    }
  }

  void new_line(int level) {
    if (!style_.indent) return;
    out += '\n';
    for (int i = 0; i < level && out.size() <= kTextBytesMax; ++i) out += *style_.indent;
  }

  void array(const List& list, int level) {
    out += '[';
    bool first = true;
    for (const Value& element : list) {
      if (!r_.step()) break;
      if (!first) out += style_.item_separator;
      new_line(level + 1);
      write(element, level + 1);
      first = false;
    }
    if (!first) new_line(level);
    out += ']';
  }

  void object(const Dict& dict, int level) {
    std::vector<std::pair<Value, Value>> members = dict.members;
    if (style_.sorts_keys) {
      std::stable_sort(members.begin(), members.end(),
                       [&](const auto& a, const auto& b) { return less(r_, a.first, b.first); });
    }
    out += '{';
    bool first = true;
    for (const auto& [name, member] : members) {
      if (!r_.step()) break;
      if (!first) out += style_.item_separator;
      new_line(level + 1);
      if (name.string() != nullptr)
        string(*name.string());
      else if (name.is_none() || name.is_numeric())
        string(scalar(name));
      else
        r_.fail("a " + std::string(name.type_name()) + " cannot be the name of a JSON member");
      out += style_.key_separator;
      write(member, level + 1);
      first = false;
    }
    if (!first) new_line(level);
    out += '}';
  }

  Rendering& r_;
  const JsonStyle& style_;
};

/// What Boost's parser calls: builds the value from the innermost outwards.
class Reader {
 public:
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  using Code = boost::system::error_code;
  using View = boost::json::string_view;

  std::string (*map_text)(std::string_view, const void*) = nullptr;
  const void* map_context = nullptr;
  Value result;

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_array_begin(Code&) { return open(false); }
  bool on_array_end(std::size_t, Code&) {
    Value made = List(std::move(levels_.back().list));
    levels_.pop_back();
    return add(std::move(made));
  }
  bool on_object_begin(Code&) { return open(true); }
  bool on_object_end(std::size_t, Code&) {
    Dict dict;
    dict.members = std::move(levels_.back().members);
    levels_.pop_back();
    return add(std::move(dict));
  }
  bool on_key_part(View part, std::size_t, Code&) { return part_of_text(part); }
  bool on_key(View part, std::size_t, Code&) {
    part_of_text(part);
    levels_.back().name = take_text();
    return true;
  }
  bool on_string_part(View part, std::size_t, Code&) { return part_of_text(part); }
  bool on_string(View part, std::size_t, Code&) {
    part_of_text(part);
    return add(take_text());
  }
  bool on_number_part(View part, Code&) { return part_of_text(part); }
  bool on_int64(std::int64_t value, View, Code&) {
    text_.clear();
    return add(value);
  }
  bool on_uint64(std::uint64_t value, View, Code&) {
    text_.clear();
    return add(unsigned_integer(value));
  }
  bool on_double(double value, View digits, Code&) {
    text_ += std::string_view(digits.data(), digits.size());
    const std::string all = std::move(text_);
    text_.clear();
    if (all.find_first_of(".eE") == std::string::npos) {
      if (const std::optional<Value> whole = parse_integer(all)) return add(*whole);
    }
    return add(value);
  }
  bool on_bool(bool value, Code&) { return add(value); }
  bool on_null(Code&) { return add(None{}); }
  bool on_comment_part(View, Code&) { return true; }
  bool on_comment(View, Code&) { return true; }

 private:
  struct Level {
    List list;
    std::vector<std::pair<Value, Value>> members;
    std::unordered_map<std::string, std::size_t> places;  // of the members, by name
    std::string name;                                     // of the member that comes
    bool is_object = false;
  };

  bool open(bool is_object) {
    levels_.emplace_back().is_object = is_object;
    return true;
  }
  bool part_of_text(View part) {
    text_ += std::string_view(part.data(), part.size());
    return true;
  }
  std::string take_text() {
    std::string text = map_text != nullptr ? map_text(text_, map_context) : std::move(text_);
    text_.clear();
    return text;
  }
  bool add(Value value) {
    if (levels_.empty()) {
      result = std::move(value);
      return true;
    }
    Level& level = levels_.back();
    if (!level.is_object) {
      level.list.push_back(std::move(value));
      return true;
    }
    const auto [place, is_new] = level.places.try_emplace(level.name, level.members.size());
    if (is_new)
      level.members.emplace_back(level.name, std::move(value));
    else
      level.members[place->second].second = std::move(value);
    return true;
  }

  std::vector<Level> levels_;
  std::string text_;
};

}  // namespace

std::string json_text(Rendering& rendering, const Value& value, const JsonStyle& style) {
  Writer writer(rendering, style);
  writer.write(value, 0);
  return std::move(writer.out);
}

std::optional<Value> value_from_json(std::string_view text, std::string (*map_text)(std::string_view, const void*),
                                     const void* map_context) {
  boost::json::parse_options options;
  options.max_depth = 100;
  boost::json::basic_parser<Reader> parser(options);
  parser.handler().map_text = map_text;
  parser.handler().map_context = map_context;
  boost::system::error_code error;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (error) return std::nullopt;
  if (text.find_first_not_of(" \t\r\n", read) != std::string_view::npos) return std::nullopt;
  return std::move(parser.handler().result);
}

}  // namespace mnema::jinja
