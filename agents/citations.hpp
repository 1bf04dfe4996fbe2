// agents/citations.hpp
//
// Which of the passages it was shown an answer rests on. A model that writes [2] says so itself; small ones often
// forget, so an answer without numbers is compared with the passages word by word. Never claims a source that was not
// in the prompt.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agents/context_builder.hpp"

namespace mnema {

/// The citations whose numbers stand in `answer` as [n], in order of first appearance. Other numbers are ignored.
[[nodiscard]] std::vector<Citation> cited_in(std::string_view answer, const std::vector<Citation>& citations);

/// The part of the answer's content words (four letters or more, any case) that `passage` has too: 0..1.
[[nodiscard]] double word_support(std::string_view answer, std::string_view passage);

struct Sources {
  std::vector<Citation> citations;
  bool cited_by_model = false;  // false: found by comparing words
};

/// `cited_in`, or, when there are none, the passages that support at least half of the answer's words, best first.
[[nodiscard]] Sources sources_of(std::string_view answer, const std::vector<Citation>& citations);

/// "\n\nSources:\n[1] title (uri)\n..." or, when nothing supports the answer, "\n\nPassages read:\n...". Empty when no
/// passage was shown.
[[nodiscard]] std::string sources_text(std::string_view answer, const std::vector<Citation>& citations);

}  // namespace mnema
