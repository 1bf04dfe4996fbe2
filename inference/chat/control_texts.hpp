// inference/chat/control_texts.hpp
//
// The texts that a tokenizer takes for control tokens, ready to be looked for at every byte of what a stranger says.
// A vocabulary may have thousands of them (6,249 in Gemma): one look-up for each length that begins with the byte.
//
// Threads: immutable after construction; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "inference/tokenizer/text_lengths.hpp"

namespace mnema {

class ControlTexts {
 public:
  ControlTexts() = default;
  /// Texts of one byte are left out: they cannot be cut.
  explicit ControlTexts(std::vector<std::string> texts);

  /// The length of the longest one that `text` begins with, or 0.
  [[nodiscard]] std::size_t at_beginning_of(std::string_view text) const;

 private:
  std::vector<std::string> texts_;  // sorted
  TextLengths lengths_;
};

}  // namespace mnema
