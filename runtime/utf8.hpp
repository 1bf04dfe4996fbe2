// runtime/utf8.hpp
//
// Whether bytes are UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
//
// Threads: pure function.
#pragma once

#include <string_view>

namespace mnema {

[[nodiscard]] bool is_valid_utf8(std::string_view bytes);

}  // namespace mnema
