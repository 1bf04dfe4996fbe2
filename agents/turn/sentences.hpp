// agents/turn/sentences.hpp
//
// Cuts a text that is still being written into sentences: at ".", "!", "?" followed by a blank, and at every line end.
// Numbers in brackets behind the full stop belong to the sentence before it. The cuts depend on the text alone, never
// on the pieces it comes in.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string_view>

namespace mnema {

/// Longer ones are cut at a blank.
inline constexpr std::size_t kSentenceBytesMax = 600;

/// Bytes of the first sentence of `text`, the blanks behind it included. 0: more text is needed to tell, or, with
/// `final` (nothing follows), there is none.
[[nodiscard]] std::size_t first_sentence(std::string_view text, bool final);

/// Where a citation that begins at `at` ends ("[3]", "[1, 2]"); 0: there is none.
[[nodiscard]] std::size_t citation_end(std::string_view text, std::size_t at);

}  // namespace mnema
