#include "inference/chat/jinja_format_number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "inference/chat/jinja_big_integer.hpp"
#include "inference/chat/jinja_format.hpp"
#include "inference/chat/jinja_numbers.hpp"
#include "inference/chat/jinja_printing.hpp"
#include "inference/chat/jinja_text.hpp"

namespace mnema::jinja {
namespace {

constexpr bool is_align(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A number at the front of `text`, taken off it; nothing where it is too large.
std::optional<int> take_number(std::string_view& text, int most) {
  int number = 0;
  while (!text.empty() && is_digit(text[0])) {
    number = number * 10 + (text[0] - '0');
    if (number > most) return std::nullopt;
    text.remove_prefix(1);
  }
  return number;
}

std::string times(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

std::string padded(std::string_view text, const FormatSpecification& s, char align) {
  const std::size_t size = characters_in(text), width = static_cast<std::size_t>(s.width);
  if (size >= width) return std::string(text);
  const std::size_t missing = width - size, left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  return times(s.fill, left) + std::string(text) + times(s.fill, missing - left);
}

/// `digits` with a separator before each `each` of them, and as many zeros in front as make `width`.
std::string grouped(std::string_view digits, char separator, std::size_t each, std::size_t width) {
  std::string out;
  std::size_t count = 0;
  for (std::size_t i = digits.size(); i > 0 || out.size() < width; ++count) {
    if (separator != 0 && count > 0 && count % each == 0) {
      out += separator;
      if (i == 0 && out.size() >= width) {  // a separator does not stand in front
        out += '0';
        break;
      }
    }
    out += i > 0 ? digits[--i] : '0';
  }
  std::reverse(out.begin(), out.end());
  return out;
}

/// Sign, prefix, digits and what stands after them (point, exponent, percent sign), put together.
std::string assembled(bool negative, std::string_view prefix, std::string_view digits, std::string_view rest,
                      std::size_t group, const FormatSpecification& s) {
  std::string head = negative ? "-" : s.sign == '+' || s.sign == ' ' ? std::string(1, s.sign) : "";
  head += prefix;
  const bool zeros = s.align == '=' ? s.fill == "0" : s.align == 0 && s.zero_padded;
  const auto width = static_cast<std::size_t>(s.width);
  const std::size_t others = head.size() + rest.size();
  std::string number = grouped(digits, s.grouping, group, zeros && width > others ? width - others : 0);
  number += rest;
  if (s.align == '=') {
    const std::size_t size = head.size() + number.size();
    return head + (size < width ? times(s.fill, width - size) : "") + number;
  }
  return padded(head + number, s, s.align == 0 ? '>' : s.align);
}

std::string in_base(const Value& value, char type) {
  const Whole whole = to_whole(value), size = boost::multiprecision::abs(whole);
  if (type == 'o') return size.str(0, std::ios_base::oct);
  if (type == 'x' || type == 'X') {
    std::string text = size.str(0, std::ios_base::hex);
    for (char& c : text) c = static_cast<char>(type == 'x' ? std::tolower(c) : std::toupper(c));
    return text;
  }
  if (type == 'b') {
    std::string text;
    for (Whole rest = size; rest > 0; rest >>= 1) text += (rest & 1) != 0 ? '1' : '0';
    std::reverse(text.begin(), text.end());
    return text.empty() ? "0" : text;
  }
  return size.str();
}

std::string format_integer(Rendering& r, const Value& value, const FormatSpecification& s) {
  if (s.precision) {
    r.fail("an integer has no precision");
    return {};
  }
  if (s.grouping != 0 && (s.type == 'c' || s.type == 'n' || (s.grouping == ',' && s.type != 0 && s.type != 'd'))) {
    r.fail("an integer is not grouped like that");
    return {};
  }
  if (s.type == 'c') {
    if (s.sign != 0 || s.alternate || !value.index() || *value.index() < 0 || *value.index() > 0x10ffff) {
      r.fail("c needs a character, and nothing but a width");
      return {};
    }
    std::string character;
    append_character(character, static_cast<char32_t>(value.index().value_or(0xfffd)));
    return padded(character, s, s.align == 0 ? '<' : s.align);
  }
  const bool decimal = s.type == 0 || s.type == 'd' || s.type == 'n';
  const std::string prefix = !s.alternate || decimal ? "" : std::string("0") + s.type;
  return assembled(to_whole(value) < 0, prefix, in_base(value, s.type), "", decimal ? 3 : 4, s);
}

/// By C's printf with '#': the point stays where there is nothing behind it.
std::string with_point(double value, char type, int precision) {
  const std::string format = std::string("%#.*") + type;
  std::string text(400 + static_cast<std::size_t>(precision), '\0');
  const int length = std::snprintf(text.data(), text.size(), format.c_str(), precision, value);
  text.resize(static_cast<std::size_t>(std::max(length, 0)));
  return text;
}

/// The text of a float that is no less than 0, without sign or padding.
std::string float_digits(double value, const FormatSpecification& s) {
  const char type = s.type == 0 ? 0 : static_cast<char>(std::tolower(s.type));
  if (std::isinf(value)) return "inf";
  if (std::isnan(value)) return "nan";
  const int precision = s.precision.value_or(6);
  if (type == '%')
    return (s.alternate ? with_point(value * 100, 'f', precision) : fmt::format("{:.{}f}", value * 100, precision)) +
           "%";
  if (type == 'f') return s.alternate ? with_point(value, 'f', precision) : fmt::format("{:.{}f}", value, precision);
  if (type == 'e') return s.alternate ? with_point(value, 'e', precision) : fmt::format("{:.{}e}", value, precision);
  if (type == 'g' || type == 'n') {
    const int digits = std::max(precision, 1);
    return s.alternate ? with_point(value, 'g', digits) : fmt::format("{:.{}g}", value, digits);
  }
  if (!s.precision) return float_text(value);
  // Like g, but with a digit behind the point.
  const int digits = std::max(precision, 1);
  const std::string scientific = fmt::format("{:.{}e}", value, digits - 1);
  const int point = std::atoi(scientific.c_str() + scientific.find('e') + 1) + 1;
  if (value != 0 && (point <= -4 || point > digits - 1)) {
    if (s.alternate) return with_point(value, 'e', digits - 1);
    std::string mantissa = scientific.substr(0, scientific.find('e'));
    if (mantissa.find('.') != std::string::npos) {
      mantissa.erase(mantissa.find_last_not_of('0') + 1);
      if (mantissa.ends_with('.')) mantissa.pop_back();
    }
    return mantissa + scientific.substr(scientific.find('e'));
  }
  if (s.alternate) return with_point(value, 'g', digits);
  std::string text = fmt::format("{:.{}g}", value, digits);
  return text.find('.') == std::string::npos ? text + ".0" : text;
}

std::string format_float(double value, const FormatSpecification& s) {
  std::string text = float_digits(std::fabs(value), s);
  if (s.type == 'E' || s.type == 'F' || s.type == 'G') {
    for (char& c : text) c = static_cast<char>(std::toupper(c));
  }
  const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  if (end == 0) {  // inf and nan
    FormatSpecification plain = s;
    plain.grouping = 0;
    return assembled(std::signbit(value) && !std::isnan(value), "", "", text, 3, plain);
  }
  return assembled(std::signbit(value), "", std::string_view(text).substr(0, end), std::string_view(text).substr(end),
                   3, s);
}

}  // namespace

std::optional<FormatSpecification> FormatSpecification::parse(std::string_view text) {
  FormatSpecification s;
  bool has_fill = false;
  const std::size_t first = text.empty() ? 0 : character_at(text, 0).bytes;
  if (text.size() > first && is_align(text[first])) {
    s.fill = text.substr(0, first);
    s.align = text[first];
    has_fill = true;
    text.remove_prefix(first + 1);
  } else if (!text.empty() && is_align(text[0])) {
    s.align = text[0];
    text.remove_prefix(1);
  }
  const auto take = [&](std::string_view options) -> char {
    if (text.empty() || options.find(text[0]) == std::string_view::npos) return 0;
    const char taken = text[0];
    text.remove_prefix(1);
    return taken;
  };
  if (const char sign = take("+- ")) s.sign = sign;
  s.alternate = take("#") != 0;
  s.zero_padded = take("0") != 0;
  if (s.zero_padded && !has_fill) s.fill = "0";
  const std::optional<int> width = take_number(text, kFormatWidthMax);
  if (!width) return std::nullopt;
  s.width = *width;
  s.grouping = take(",_");
  if (take(".") != 0) {
    if (text.empty() || !is_digit(text[0])) return std::nullopt;
    s.precision = take_number(text, kFormatPrecisionMax);
    if (!s.precision) return std::nullopt;
  }
  s.type = take("bcdeEfFgGnosxX%");
  if (!text.empty()) return std::nullopt;
  return s;
}

std::string formatted_text(std::string_view text, const FormatSpecification& s) {
  if (s.precision) text = characters_between(text, 0, *s.precision);
  return padded(text, s, s.align == 0 || s.align == '=' ? '<' : s.align);
}

std::string formatted(Rendering& r, const Value& value, const FormatSpecification& s) {
  const auto refuse = [&] {
    r.fail("a value of type " + std::string(value.type_name()) + " cannot be formatted like that");
    return std::string();
  };
  constexpr std::string_view kIntegers = "bcdnoxX", kFloats = "eEfFgGn%";
  if (value.string() != nullptr) {
    const bool fits = (s.type == 0 || s.type == 's') && s.align != '=' && s.sign == 0 && !s.alternate && !s.grouping;
    return fits ? formatted_text(*value.string(), s) : refuse();
  }
  if (!value.is_numeric()) return refuse();
  if (value.real() == nullptr && (s.type == 0 || kIntegers.find(s.type) != std::string_view::npos))
    return format_integer(r, value, s);
  if (s.type != 0 && kFloats.find(s.type) == std::string_view::npos) return refuse();
  // Of a large number there are hundreds of digits before the point too.
  if (!r.step(16 + static_cast<std::size_t>(s.precision.value_or(0)) / 8)) return {};
  return format_float(value.number(), s);
}

}  // namespace mnema::jinja
