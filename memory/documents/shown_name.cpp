#include "memory/documents/shown_name.hpp"

#include <algorithm>
#include <cstdio>

#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

/// What U+0080 and above must not stand in a line as it is.
bool is_unseemly(char32_t c) {
  return c < 0xa0 || c == 0x2028 || c == 0x2029 || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0xfeff || (c >= 0xe0000 && c <= 0xe007f);
}

std::string escaped(std::string_view text, bool backslash) {
  std::string shown;
  char code[16];
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    std::size_t bytes = std::min(utf8_length(first), text.size());
    if (first == '\n') {
      shown += "\\n";
    } else if (first == '\r') {
      shown += "\\r";
    } else if (first == '\t') {
      shown += "\\t";
    } else if (first == '\\' && backslash) {
      shown += "\\\\";
    } else if (first < 0x20 || first == 0x7f || (first >= 0x80 && !is_valid_utf8(text.substr(0, bytes)))) {
      bytes = 1;
      std::snprintf(code, sizeof code, "\\x%02x", first);
      shown += code;
    } else {
      char32_t c = first < 0x80 ? first : first & (0x7fU >> bytes);
      for (std::size_t i = 1; i < bytes; ++i) c = c << 6 | (static_cast<unsigned char>(text[i]) & 0x3fU);
      if (first >= 0x80 && is_unseemly(c)) {
        std::snprintf(code, sizeof code, "\\u{%x}", static_cast<unsigned>(c));
        shown += code;
      } else {
        shown += text.substr(0, bytes);
      }
    }
    text.remove_prefix(bytes);
  }
  return shown;
}

}  // namespace

std::string shown_text(std::string_view text) { return escaped(text, false); }
std::string shown_name(std::string_view name) { return escaped(name, true); }

}  // namespace mnema
