#include "inference/chat/jinja_text.hpp"

#include <fmt/format.h>
#include <unicode/bytestream.h>
#include <unicode/casemap.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>

#include "runtime/base/utf8.hpp"

namespace mnema::jinja {
namespace {

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string ascii_case(std::string_view text, bool upper) {
  std::string out(text);
  for (char& c : out) {
    if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    if (!upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

/// By one of ICU's functions, with the root locale: the mappings that depend on no language.
template <class Map>
std::string mapped(std::string_view text, const Map& map) {
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  UErrorCode error = U_ZERO_ERROR;
  map(icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())), sink, error);
  return U_SUCCESS(error) ? out : std::string(text);
}

bool is_cased(char32_t c) { return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_CASED) != 0; }
bool is_title(char32_t c) { return u_charType(static_cast<UChar32>(c)) == U_TITLECASE_LETTER; }
bool has_upper(char32_t c) { return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_UPPERCASE) != 0; }
bool has_lower(char32_t c) { return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_LOWERCASE) != 0; }

std::string titled_character(std::string_view character) {
  if (is_ascii(character)) return ascii_case(character, true);
  return mapped(character, [](const icu::StringPiece& in, icu::ByteSink& sink, UErrorCode& error) {
    icu::CaseMap::utf8ToTitle("", U_TITLECASE_NO_LOWERCASE | U_TITLECASE_NO_BREAK_ADJUSTMENT, nullptr, in, sink,
                              nullptr, error);
  });
}

bool is_alpha(char32_t c) {
  return ((1U << static_cast<unsigned>(u_charType(static_cast<UChar32>(c)))) & U_GC_L_MASK) != 0;
}
int numeric_type(char32_t c) { return u_getIntPropertyValue(static_cast<UChar32>(c), UCHAR_NUMERIC_TYPE); }

bool is_of(char32_t c, CharacterClass wanted) {
  switch (wanted) {
    case CharacterClass::kAlpha:
      return is_alpha(c);
    case CharacterClass::kDecimal:
      return numeric_type(c) == U_NT_DECIMAL;
    case CharacterClass::kDigit:
      return numeric_type(c) == U_NT_DECIMAL || numeric_type(c) == U_NT_DIGIT;
    case CharacterClass::kNumeric:
      return numeric_type(c) != U_NT_NONE;
    case CharacterClass::kAlphanumeric:
      return is_alpha(c) || numeric_type(c) != U_NT_NONE;
    case CharacterClass::kBlank:
      return is_blank(c);
    case CharacterClass::kPrintable:
      return is_printable(c);
    case CharacterClass::kAscii:
      return c < 0x80;
  }
  return false;
}

/// Calls `what(character, its text)` for each, until it returns false.
template <class What>
void each_character(std::string_view text, const What& what) {
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    if (!what(character.value, text.substr(at, character.bytes))) return;
    at += character.bytes;
  }
}

}  // namespace

Character character_at(std::string_view text, std::size_t at) {
  std::int32_t end = 0;
  UChar32 c = 0;
  const std::string_view rest = text.substr(at, 4);
  U8_NEXT_OR_FFFD(rest.data(), end, static_cast<std::int32_t>(rest.size()), c);
  return {static_cast<char32_t>(c), static_cast<std::size_t>(end)};
}

void append_character(std::string& out, char32_t character) {
  if (character > 0x10ffff || (character >= 0xd800 && character < 0xe000)) character = 0xfffd;
  char bytes[4];
  std::int32_t length = 0;
  U8_APPEND_UNSAFE(bytes, length, character);
  out.append(bytes, static_cast<std::size_t>(length));
}

std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::size_t byte_of(std::string_view text, std::int64_t index) {
  std::size_t at = 0;
  for (std::int64_t i = 0; at < text.size() && i < index; ++i) at += utf8_length(static_cast<unsigned char>(text[at]));
  return std::min(at, text.size());
}

std::string_view characters_between(std::string_view text, std::int64_t begin, std::int64_t end) {
  if (begin < 0 || end <= begin) return {};
  text.remove_prefix(byte_of(text, begin));
  return text.substr(0, byte_of(text, end - begin));
}

bool is_blank(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool is_printable(char32_t c) {
  if (c < 0x7f) return c >= 0x20;
  if (is_mark(c)) return true;
  const auto type = 1U << static_cast<unsigned>(u_charType(static_cast<UChar32>(c)));
  return (type & (U_GC_C_MASK | U_GC_Z_MASK)) == 0;
}

std::string_view stripped(std::string_view text, std::optional<std::string_view> characters, bool left, bool right) {
  const auto drops = [&](std::string_view character) {
    return characters ? characters->find(character) != std::string_view::npos
                      : is_blank(character_at(character, 0).value);
  };
  while (left && !text.empty()) {
    const std::size_t bytes = character_at(text, 0).bytes;
    if (!drops(text.substr(0, bytes))) break;
    text.remove_prefix(bytes);
  }
  while (right && !text.empty()) {
    std::size_t begin = text.size() - 1;
    while (begin > 0 && (text[begin] & 0xc0) == 0x80) --begin;
    if (!drops(text.substr(begin))) break;
    text = text.substr(0, begin);
  }
  return text;
}

std::string upper_case(std::string_view text) {
  if (is_ascii(text)) return ascii_case(text, true);
  return mapped(text, [](const icu::StringPiece& in, icu::ByteSink& sink, UErrorCode& error) {
    icu::CaseMap::utf8ToUpper("", 0, in, sink, nullptr, error);
  });
}

std::string lower_case(std::string_view text) {
  if (is_ascii(text)) return ascii_case(text, false);
  return mapped(text, [](const icu::StringPiece& in, icu::ByteSink& sink, UErrorCode& error) {
    icu::CaseMap::utf8ToLower("", 0, in, sink, nullptr, error);
  });
}

std::string folded_case(std::string_view text) {
  if (is_ascii(text)) return ascii_case(text, false);
  return mapped(text, [](const icu::StringPiece& in, icu::ByteSink& sink, UErrorCode& error) {
    icu::CaseMap::utf8Fold(0, in, sink, nullptr, error);
  });
}

std::string swapped_case(std::string_view text) {
  std::string out;
  each_character(text, [&](char32_t c, std::string_view character) {
    out += has_upper(c) ? lower_case(character) : has_lower(c) ? upper_case(character) : std::string(character);
    return true;
  });
  return out;
}

std::string title_case(std::string_view text) {
  std::string out;
  bool inside = false;
  // A capital sigma is lowered by what stands around it: the whole text is lowered first.
  const std::string lower = lower_case(text);
  std::string_view rest = lower;
  each_character(text, [&](char32_t c, std::string_view character) {
    const std::size_t bytes = std::min(lower_case(character).size(), rest.size());
    out += inside ? std::string(rest.substr(0, bytes)) : titled_character(character);
    rest.remove_prefix(bytes);
    inside = is_cased(c);
    return true;
  });
  return out;
}

std::string capitalized(std::string_view text) {
  if (text.empty()) return "";
  const std::size_t first = character_at(text, 0).bytes;
  const std::string lower = lower_case(text);
  return titled_character(text.substr(0, first)) +
         lower.substr(std::min(lower_case(text.substr(0, first)).size(), lower.size()));
}

bool all_are(std::string_view text, CharacterClass wanted) {
  bool all = !text.empty() || wanted == CharacterClass::kPrintable || wanted == CharacterClass::kAscii;
  each_character(text, [&](char32_t c, std::string_view) { return all = is_of(c, wanted); });
  return all;
}

bool is_lower_case(std::string_view text) {
  bool cased = false, all = true;
  each_character(text, [&](char32_t c, std::string_view) {
    cased = cased || has_lower(c);
    return all = !has_upper(c) && !is_title(c);
  });
  return cased && all;
}

bool is_upper_case(std::string_view text) {
  bool cased = false, all = true;
  each_character(text, [&](char32_t c, std::string_view) {
    cased = cased || has_upper(c);
    return all = !has_lower(c) && !is_title(c);
  });
  return cased && all;
}

bool is_title_case(std::string_view text) {
  bool cased = false, inside = false, all = true;
  each_character(text, [&](char32_t c, std::string_view) {
    const bool begins = has_upper(c) || is_title(c);
    if (begins)
      all = !inside;
    else if (has_lower(c))
      all = inside;
    inside = begins || has_lower(c);
    cased = cased || inside;
    return all;
  });
  return cased && all;
}

bool is_identifier(std::string_view text) {
  bool first = true, all = !text.empty();
  each_character(text, [&](char32_t c, std::string_view) {
    const auto character = static_cast<UChar32>(c);
    all = c == '_' || (first ? u_hasBinaryProperty(character, UCHAR_XID_START) != 0
                             : u_hasBinaryProperty(character, UCHAR_XID_CONTINUE) != 0);
    first = false;
    return all;
  });
  return all;
}

bool is_word_character(char32_t c) { return c == '_' || is_of(c, CharacterClass::kAlphanumeric); }

std::size_t line_end_at(std::string_view text, std::size_t at) {
  const auto c = static_cast<unsigned char>(text[at]);
  if (c == '\r') return at + 1 < text.size() && text[at + 1] == '\n' ? 2 : 1;
  if (c == '\n' || c == '\v' || c == '\f' || (c >= 0x1c && c <= 0x1e)) return 1;
  if (text.substr(at, 2) == "\xc2\x85") return 2;
  const std::string_view three = text.substr(at, 3);
  return three == "\xe2\x80\xa8" || three == "\xe2\x80\xa9" ? 3 : 0;
}

void append_quoted(std::string& out, std::string_view text) {
  const char quote = text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
  out += quote;
  each_character(text, [&](char32_t c, std::string_view character) {
    if (c == '\\' || c == static_cast<unsigned char>(quote))
      out += '\\', out += character;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\r')
      out += "\\r";
    else if (is_printable(c))
      out += character;
    else if (c < 0x100)
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    else
      out += fmt::format(c < 0x10000 ? fmt::runtime("\\u{:04x}") : fmt::runtime("\\U{:08x}"), static_cast<unsigned>(c));
    return true;
  });
  out += quote;
}

std::string html_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace mnema::jinja
