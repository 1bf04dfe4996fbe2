#include "runtime/base/utf8.hpp"

namespace mnema {

std::size_t valid_utf8_prefix(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto first = static_cast<unsigned char>(bytes[at]);
    if (first < 0x80) {
      ++at;
      continue;
    }
    if (first < 0xc2 || first > 0xf4) return at;  // a continuation, an overlong form, or above U+10FFFF
    const std::size_t length = utf8_length(first);
    if (at + length > bytes.size()) return at;
    for (std::size_t i = 1; i < length; ++i) {
      const auto byte = static_cast<unsigned char>(bytes[at + i]);
      unsigned char low = 0x80, high = 0xbf;
      if (i == 1 && first == 0xe0) low = 0xa0;   // overlong
      if (i == 1 && first == 0xed) high = 0x9f;  // surrogates
      if (i == 1 && first == 0xf0) low = 0x90;   // overlong
      if (i == 1 && first == 0xf4) high = 0x8f;  // above U+10FFFF
      if (byte < low || byte > high) return at;
    }
    at += length;
  }
  return at;
}

std::string to_utf8(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const std::size_t good = valid_utf8_prefix(bytes);
    text += bytes.substr(0, good);
    bytes.remove_prefix(good);
    if (bytes.empty()) break;
    text += "\xEF\xBF\xBD";
    bytes.remove_prefix(1);
  }
  return text;
}

}  // namespace mnema
