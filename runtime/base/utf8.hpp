// runtime/base/utf8.hpp
//
// Whether bytes are UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mnema {

/// Bytes of the longest valid prefix; `bytes.size()` where all of it is valid.
[[nodiscard]] std::size_t valid_utf8_prefix(std::string_view bytes);
[[nodiscard]] inline bool is_valid_utf8(std::string_view bytes) { return valid_utf8_prefix(bytes) == bytes.size(); }

/// `bytes` as they are where they are UTF-8; each byte that belongs to no character becomes U+FFFD.
[[nodiscard]] std::string to_utf8(std::string_view bytes);

/// Bytes of the character that begins with `first`: 1..4, and 1 for a byte that begins none.
[[nodiscard]] constexpr std::size_t utf8_length(unsigned char first) {
  return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 1;
}

}  // namespace mnema
