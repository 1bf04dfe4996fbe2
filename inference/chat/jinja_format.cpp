#include "inference/chat/jinja_format.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "inference/chat/jinja_format_number.hpp"
#include "inference/chat/jinja_numbers.hpp"
#include "inference/chat/jinja_operators.hpp"
#include "inference/chat/jinja_printing.hpp"
#include "inference/chat/jinja_text.hpp"

namespace mnema::jinja {
namespace {

/// str(value), escaped where it goes into a text that went through |safe.
std::string shown(Rendering& r, const Value& value, bool escapes) {
  const std::string text = r.text_of(value);
  return escapes && !value.is_markup() ? html_escaped(text) : text;
}

std::string ascii_representation(Rendering& r, const Value& value) {
  const std::string text = representation(r, value);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    if (character.value < 0x80 || is_mark(character.value)) {
      out += text.substr(at, character.bytes);
    } else {
      std::string one;
      const auto code = static_cast<unsigned>(character.value);
      char buffer[16];
      const char* format = code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x";
      std::snprintf(buffer, sizeof buffer, format, code);
      out += buffer;
    }
    at += character.bytes;
  }
  return out;
}

/// One `"%..." % value`.
class PercentFormat {
 public:
  PercentFormat(Rendering& rendering, const Value& format, const Value& value)
      : r_(rendering), text_(*format.string()), escapes_(format.is_markup()), value_(value) {
    const Sequence* sequence = value.sequence();
    is_tuple_ = sequence != nullptr && sequence->kind == SequenceKind::kTuple;
    // What can be indexed counts as a mapping: it need not be used up.
    is_mapping_ =
        value.dict() != nullptr || value.is_undefined() ||
        (sequence != nullptr && (sequence->kind == SequenceKind::kList || sequence->kind == SequenceKind::kRange));
  }

  std::string run() {
    std::string out;
    while (at_ < text_.size() && r_.step()) {
      const std::size_t percent = std::min(text_.find('%', at_), text_.size());
      if (!r_.add(out, text_.substr(at_, percent - at_))) return {};
      at_ = percent + 1;
      if (percent < text_.size()) r_.add(out, conversion());
    }
    if (!is_mapping_ && (is_tuple_ ? used_ < value_.list()->size() : used_ == 0))
      r_.fail("not all arguments are used by the format");
    return out;
  }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  const Value* take() {
    if (named_ != nullptr) return named_;
    if (is_tuple_ && used_ < value_.list()->size()) return &(*value_.list())[used_++];
    if (!is_tuple_ && used_ == 0) {
      ++used_;
      return &value_;
    }
    r_.fail("not enough arguments for the format");
    return nullptr;
  }

  /// A number, or `*`: the next argument.
  int number(int most) {
    if (peek() == '*') {
      ++at_;
      const Value* given = take();
      if (given == nullptr || given->integer() == nullptr || std::abs(*given->integer()) > most) {
        r_.fail("* needs an integer of a sensible size");
        return 0;
      }
      return static_cast<int>(*given->integer());
    }
    int value = 0;
    for (; peek() >= '0' && peek() <= '9' && value <= most; ++at_) value = value * 10 + (peek() - '0');
    if (value > most) r_.fail("a width or precision is too large");
    return std::min(value, most);
  }

  std::string conversion() {
    named_ = nullptr;
    if (peek() == '(') take_name();
    FormatSpecification s;
    bool left = false;
    for (; at_ < text_.size() && std::string_view("-+ #0").find(peek()) != std::string_view::npos; ++at_) {
      left = left || peek() == '-';
      if (peek() == '+' || (peek() == ' ' && s.sign != '+')) s.sign = peek();
      s.alternate = s.alternate || peek() == '#';
      s.zero_padded = s.zero_padded || peek() == '0';
    }
    s.width = number(kFormatWidthMax);
    if (s.width < 0) {
      left = true;
      s.width = -s.width;
    }
    if (peek() == '.') {
      ++at_;
      s.precision = std::max(0, number(kFormatPrecisionMax));
    }
    while (peek() == 'h' || peek() == 'l' || peek() == 'L') ++at_;
    s.type = peek();
    ++at_;
    s.align = left ? '<' : 0;
    if (s.type == '%') return "%";
    const Value* value = take();
    if (value == nullptr || !r_.error.empty()) return {};
    return converted(*value, s);
  }

  void take_name() {
    int depth = 1;
    const std::size_t begin = ++at_;
    for (; at_ < text_.size() && depth > 0; ++at_) depth += peek() == '(' ? 1 : peek() == ')' ? -1 : 0;
    if (depth > 0 || value_.dict() == nullptr) {
      r_.fail(depth > 0 ? "a name in the format is not closed" : "the format needs a mapping");
      return;
    }
    named_ = value_.dict()->find(text_.substr(begin, at_ - 1 - begin));
    if (named_ == nullptr) r_.fail("the format's name is not in the mapping");
  }

  std::string converted(const Value& value, FormatSpecification s) {
    switch (s.type) {
      case 's':
      case 'r':
      case 'a':
        return text_converted(s.type == 's'   ? shown(r_, value, escapes_)
                              : s.type == 'r' ? escaped(representation(r_, value))
                                              : escaped(ascii_representation(r_, value)),
                              s);
      case 'c': {
        std::string character;
        if (value.string() != nullptr && characters_in(*value.string()) == 1)
          character = *value.string();
        else if (value.index() && *value.index() >= 0 && *value.index() <= 0x10ffff)
          append_character(character, static_cast<char32_t>(*value.index()));
        else
          r_.fail("%c needs a character");
        s.precision.reset();
        return text_converted(character, s);
      }
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X':
        return integer_converted(value, s);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        if (!value.is_numeric()) {
          r_.fail("%" + std::string(1, s.type) + " needs a number");
          return {};
        }
        if (!s.precision) s.precision = 6;
        return formatted(r_, value, s);
      default:
        r_.fail("the format has an unsupported character");
        return {};
    }
  }

  [[nodiscard]] std::string escaped(std::string text) const { return escapes_ ? html_escaped(text) : text; }

  static std::string text_converted(const std::string& text, FormatSpecification s) {
    s.zero_padded = false;
    if (s.align == 0) s.align = '>';
    return formatted_text(text, s);
  }

  std::string integer_converted(const Value& value, FormatSpecification s) {
    const bool decimal = s.type == 'd' || s.type == 'i' || s.type == 'u';
    if (!value.is_numeric() || (!decimal && value.real() != nullptr) ||
        (value.real() != nullptr && !std::isfinite(*value.real()))) {
      r_.fail("%" + std::string(1, s.type) + " needs an integer");
      return {};
    }
    const Value whole = value.real() != nullptr ? to_integer(*value.real()) : value;
    if (decimal) s.type = 'd';
    if (!s.precision) return formatted(r_, whole, s);
    // Digits at least: zeros behind the sign.
    FormatSpecification digits = s;
    const int wanted = *s.precision;
    digits.precision.reset();
    digits.width = 0;
    digits.zero_padded = false;
    std::string text = formatted(r_, whole, digits);
    const std::size_t head = text.find_first_of("0123456789abcdefABCDEF", s.alternate && !decimal ? 2 : 0);
    const std::size_t begin = std::min(head, text.size());
    if (text.size() - begin < static_cast<std::size_t>(wanted))
      text.insert(begin, static_cast<std::size_t>(wanted) - (text.size() - begin), '0');
    if (s.zero_padded && s.align == 0 && text.size() < static_cast<std::size_t>(s.width))
      text.insert(begin, static_cast<std::size_t>(s.width) - text.size(), '0');
    s.precision.reset();
    return text_converted(text, s);
  }

  Rendering& r_;
  std::string_view text_;
  bool escapes_;
  const Value& value_;
  bool is_tuple_ = false, is_mapping_ = false;
  std::size_t at_ = 0, used_ = 0;
  const Value* named_ = nullptr;
};

/// One `"{...}".format(...)`.
class BraceFormat {
 public:
  BraceFormat(Rendering& rendering, bool escapes, const Arguments& arguments)
      : r_(rendering), escapes_(escapes), arguments_(arguments) {}

  std::string run(std::string_view text, int level = 0) {
    std::string out;
    if (level > 1) r_.fail("format fields are nested too deeply");
    for (std::size_t at = 0; at < text.size() && r_.step();) {
      const std::size_t brace = std::min(text.find_first_of("{}", at), text.size());
      if (!r_.add(out, text.substr(at, brace - at))) return {};
      if (brace == text.size()) break;
      if (text.substr(brace + 1, 1) == text.substr(brace, 1)) {
        out += text[brace];
        at = brace + 2;
        continue;
      }
      if (text[brace] == '}') {
        r_.fail("a single '}' stands in the format");
        return {};
      }
      const std::size_t end = field_end(text, brace + 1);
      if (end == std::string_view::npos) {
        r_.fail("a '{' of the format is not closed");
        return {};
      }
      r_.add(out, field(text.substr(brace + 1, end - brace - 1), level));
      at = end + 1;
    }
    return out;
  }

 private:
  static std::size_t field_end(std::string_view text, std::size_t at) {
    bool in_brackets = false;
    for (int depth = 1; at < text.size(); ++at) {
      if (text[at] == '[') in_brackets = true;
      if (text[at] == ']') in_brackets = false;
      if (in_brackets) continue;
      depth += text[at] == '{' ? 1 : text[at] == '}' ? -1 : 0;
      if (depth == 0) return at;
    }
    return std::string_view::npos;
  }

  std::string field(std::string_view text, int level) {
    std::size_t name_end = 0;
    for (bool in_brackets = false; name_end < text.size(); ++name_end) {
      if (text[name_end] == '[') in_brackets = true;
      if (text[name_end] == ']') in_brackets = false;
      if (!in_brackets && (text[name_end] == ':' || text[name_end] == '!')) break;
    }
    Value value = value_of(text.substr(0, name_end));
    text.remove_prefix(name_end);
    if (text.starts_with('!')) {
      const char how = text.size() > 1 ? text[1] : '\0';
      if (how == 'r')
        value = representation(r_, value);
      else if (how == 'a')
        value = ascii_representation(r_, value);
      else if (how == 's')
        value = r_.text_of(value);
      else
        r_.fail("the format has an unknown conversion");
      text.remove_prefix(std::min<std::size_t>(2, text.size()));
      if (!text.empty() && text[0] != ':') r_.fail("expected ':' after a conversion of the format");
    }
    const std::string specification = text.empty() ? "" : run(text.substr(1), level + 1);
    if (!r_.error.empty()) return {};
    if (specification.empty()) return shown(r_, value, escapes_);
    const std::optional<FormatSpecification> s = FormatSpecification::parse(specification);
    if (!s) {
      r_.fail("'" + specification + "' is no format specification");
      return {};
    }
    const std::string made = formatted(r_, value, *s);
    return escapes_ && !value.is_markup() ? html_escaped(made) : made;
  }

  Value value_of(std::string_view name) {
    const std::size_t end = std::min(name.find_first_of(".["), name.size());
    Value value = argument(name.substr(0, end));
    name.remove_prefix(end);
    while (!name.empty() && r_.error.empty()) {
      if (name[0] == '.') {
        const std::size_t stop = std::min(name.find_first_of(".[", 1), name.size());
        value = attribute_of(r_, value, std::string(name.substr(1, stop - 1)));
        name.remove_prefix(stop);
      } else {
        const std::size_t close = name.find(']');
        if (name[0] != '[' || close == std::string_view::npos) return r_.fail("a field of the format is not closed");
        const std::string_view key = name.substr(1, close - 1);
        const bool is_index = !key.empty() && key.find_first_not_of("0123456789") == std::string_view::npos;
        value = item_of(r_, value, is_index ? parse_integer(key).value_or(Value(key)) : Value(key));
        name.remove_prefix(close + 1);
      }
    }
    return value;
  }

  Value argument(std::string_view name) {
    std::optional<std::size_t> place;
    if (name.empty()) {
      place = next_++;
      automatic_ = true;
    } else if (name.find_first_not_of("0123456789") == std::string_view::npos) {
      const std::optional<Value> index = parse_integer(name);
      place = static_cast<std::size_t>(index && index->index() ? *index->index() : INT64_MAX);
      manual_ = true;
    }
    if (automatic_ && manual_) return r_.fail("the format numbers only some of its fields");
    if (place) {
      if (*place < arguments_.positional.size()) return arguments_.positional[*place];
      return r_.fail("the format has more fields than arguments");
    }
    if (const Value* found = arguments_.find(name)) return *found;
    return r_.fail("the format's '" + std::string(name) + "' is not given");
  }

  Rendering& r_;
  bool escapes_;
  const Arguments& arguments_;
  std::size_t next_ = 0;
  bool automatic_ = false, manual_ = false;
};

}  // namespace

Value percent_formatted(Rendering& r, const Value& format, const Value& value) {
  return r.made(PercentFormat(r, format, value).run(), format.is_markup());
}

Value brace_formatted(Rendering& r, const Value& format, const Arguments& arguments) {
  return r.made(BraceFormat(r, format.is_markup(), arguments).run(*format.string()), format.is_markup());
}

}  // namespace mnema::jinja
