// inference/tokenizer/text_lengths.hpp
//
// How long the texts are that begin with each byte. Whoever looks for any of thousands of texts at every byte of a long
// one asks a table once for each of these lengths, instead of trying all the texts.
//
// Threads: a plain value.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

namespace mnema {

/// Each once, longest first.
using Lengths = std::vector<std::size_t>;

inline void add_length(Lengths& lengths, std::size_t length) {
  const auto place = std::lower_bound(lengths.begin(), lengths.end(), length, std::greater<>());
  if (place == lengths.end() || *place != length) lengths.insert(place, length);
}

class TextLengths {
 public:
  /// Precondition: not empty.
  void add(std::string_view text) { add_length(by_first_[static_cast<unsigned char>(text[0])], text.size()); }
  [[nodiscard]] const Lengths& of(char first) const { return by_first_[static_cast<unsigned char>(first)]; }

 private:
  std::array<Lengths, 256> by_first_;
};

}  // namespace mnema
