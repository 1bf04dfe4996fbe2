// inference/grammar/utf8_ranges.hpp
//
// A range of code points as the byte sequences that encode it: tokens end inside characters, so the automaton has to
// step byte by byte. Source: RFC 3629 §4 (the well-formed byte sequences).
#pragma once

#include <cstdint>
#include <vector>

namespace mnema::grammar {

struct ByteRange {
  std::uint8_t first;
  std::uint8_t last;
};

/// Each element is one sequence of 1..4 byte ranges; together they encode exactly first..last (surrogates left out).
[[nodiscard]] std::vector<std::vector<ByteRange>> utf8_sequences(std::uint32_t first, std::uint32_t last);

}  // namespace mnema::grammar
