#include "inference/chat/control_texts.hpp"

#include <algorithm>
#include <functional>

namespace mnema {

ControlTexts::ControlTexts(std::vector<std::string> texts) : texts_(std::move(texts)) {
  std::erase_if(texts_, [](const std::string& text) { return text.size() < 2; });
  std::sort(texts_.begin(), texts_.end());
  for (const std::string& text : texts_) lengths_.add(text);
}

std::size_t ControlTexts::at_beginning_of(std::string_view text) const {
  if (text.empty()) return 0;
  for (const std::size_t length : lengths_.of(text[0])) {
    if (length <= text.size() &&
        std::binary_search(texts_.begin(), texts_.end(), text.substr(0, length), std::less<>()))
      return length;
  }
  return 0;
}

}  // namespace mnema
