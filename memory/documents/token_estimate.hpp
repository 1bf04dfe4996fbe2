// memory/documents/token_estimate.hpp
//
// How many tokens a text takes, about, for cutting it: memory knows no tokenizer. It is meant to be high rather than
// low: four letters of Latin script, two digits, one sign and one character of any other script count as a token.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string_view>

namespace mnema {

[[nodiscard]] std::size_t tokens_in(std::string_view text);

/// Bytes of the longest beginning of `text` that takes at most `tokens_max`; no character is divided.
[[nodiscard]] std::size_t bytes_within(std::string_view text, std::size_t tokens_max);

}  // namespace mnema
