#include "inference/chat/jinja_text.hpp"

namespace mnema::jinja {

Text Text::content(std::string bytes) {
  Text text;
  text.marks_.assign(bytes.size(), '\1');
  text.bytes_ = std::move(bytes);
  return text;
}

Text Text::part(std::size_t begin, std::size_t length) const {
  Text text;
  text.bytes_ = bytes_.substr(begin, length);
  if (!marks_.empty()) text.marks_ = marks_.substr(begin, length);
  return text;
}

void Text::append(const Text& text) {
  if (!text.marks_.empty()) {
    marks_.resize(bytes_.size(), '\0');
    marks_ += text.marks_;
  } else if (!marks_.empty()) {
    marks_.append(text.size(), '\0');
  }
  bytes_ += text.bytes_;
}

void Text::append(std::string_view bytes, bool content) {
  if (content || !marks_.empty()) {
    marks_.resize(bytes_.size(), '\0');
    marks_.append(bytes.size(), content ? '\1' : '\0');
  }
  bytes_ += bytes;
}

void Text::clear() {
  bytes_.clear();
  marks_.clear();
}

}  // namespace mnema::jinja
