#include "memory/documents/inline_marks.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace mnema {
namespace {

constexpr std::size_t kWordBytesMax = 256;
constexpr std::size_t kTagBytesMax = 256;

constexpr std::array<std::string_view, 26> kInline = {
    "a",   "abbr", "b",    "bdi", "bdo", "big",  "cite",  "code", "del",    "dfn", "em",  "font", "i",
    "ins", "kbd",  "mark", "q",   "s",   "samp", "small", "span", "strong", "sub", "sup", "u",    "wbr"};

bool is_word(std::string_view text, std::size_t at) {
  if (at >= text.size()) return false;
  const auto c = static_cast<unsigned char>(text[at]);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

/// One past the tag of an inline element at `at`; `at` where there is none.
std::size_t tag_end(std::string_view text, std::size_t at) {
  std::size_t i = at + 1;
  if (i < text.size() && text[i] == '/') ++i;
  std::string name;
  for (; i < text.size() && is_word(text, i) && name.size() < 8; ++i) {
    name += static_cast<char>(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
  }
  if (i >= text.size() || std::find(kInline.begin(), kInline.end(), name) == kInline.end()) return at;
  if (text[i] == '>') return i + 1;
  if (text[i] != ' ' && text[i] != '/') return at;
  const std::size_t close = text.substr(i, kTagBytesMax).find('>');
  return close == std::string_view::npos ? at : i + close + 1;
}

/// One past the marks at `at`.
std::size_t marks_end(std::string_view text, std::size_t at) {
  for (;;) {
    std::size_t end = at;
    if (at < text.size() && text[at] == '*') end = at + 1;
    if (text.substr(at, 2) == "~~") end = at + 2;
    if (at < text.size() && text[at] == '<') end = tag_end(text, at);
    if (end == at) return at;
    at = end;
  }
}

}  // namespace

void each_word_with_marks(std::string_view text, const std::function<void(std::string_view)>& on_word) {
  std::size_t searched = 0;  // nothing before it belongs to a word again
  while (searched < text.size()) {
    const std::size_t sign = text.find_first_of("*~<", searched);
    if (sign == std::string_view::npos) return;
    std::size_t begin = sign;
    while (begin > searched && sign - begin < kWordBytesMax && is_word(text, begin - 1)) --begin;
    std::string word(text.substr(begin, sign - begin));
    std::size_t at = sign;
    int joints = 0;
    while (!word.empty() && word.size() <= kWordBytesMax) {
      const std::size_t after = marks_end(text, at);
      if (after == at || !is_word(text, after)) break;
      ++joints;
      at = after;
      while (is_word(text, at) && word.size() <= kWordBytesMax) word += text[at++];
    }
    if (joints > 0 && word.size() <= kWordBytesMax) on_word(word);
    searched = std::max(at, sign + 1);
  }
}

}  // namespace mnema
