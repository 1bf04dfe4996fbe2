// inference/tokenizer/byte_alphabet.hpp
//
// GPT-2's way to write bytes as printable characters: printable ones stand for themselves, the other 68 are
// U+0100, U+0101, ... in order.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace mnema {

/// The character that stands for `byte`, as UTF-8.
[[nodiscard]] std::string character_of_byte(unsigned char byte);
[[nodiscard]] std::string characters_of_bytes(std::string_view bytes);
/// The way back. Characters outside the alphabet stay as they are.
[[nodiscard]] std::string bytes_of_characters(std::string_view characters);

}  // namespace mnema
