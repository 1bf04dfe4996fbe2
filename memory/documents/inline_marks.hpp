// memory/documents/inline_marks.hpp
//
// Words that the marks of Markdown or HTML stand in: "un**believ**able" and "un<b>believ</b>able" are read as
// "unbelievable", and looked for as that.
//
// Threads: pure function.
#pragma once

#include <functional>
#include <string_view>

namespace mnema {

/// Calls `on_word` with each such word, without its marks. Marks are `*`, `~~` and the tags of inline elements without
/// a blank on either side. What is long is data: no word of more than 256 bytes.
void each_word_with_marks(std::string_view text, const std::function<void(std::string_view)>& on_word);

}  // namespace mnema
