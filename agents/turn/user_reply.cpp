#include "agents/turn/user_reply.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <string>

namespace mnema {
namespace {

constexpr std::string_view kCorrections[] = {"wrong",           "that's wrong",       "that is wrong",
                                             "that was wrong",  "that's not what",    "that is not what",
                                             "not what i",      "undo that",          "undo this",
                                             "i didn't ask",    "i did not ask",      "i meant",
                                             "you should have", "you shouldn't have", "you should not have"};
constexpr std::string_view kNo[] = {"no,", "no.", "no!", "no -", "nope"};
constexpr std::string_view kContent[] = {"thank", "that's all", "that is all", "nothing"};
constexpr std::string_view kAnswers[] = {"yes",      "yep",       "yeah",  "ok",      "sure",   "no",
                                         "go ahead", "please do", "do it", "confirm", "correct"};

/// In small letters, without what stands before the first word, and with plain apostrophes.
std::string plain(std::string_view text) {
  std::string low;
  const std::size_t begin = text.find_first_not_of(" \t\r\n\"'");
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (text.substr(i).starts_with("\xE2\x80\x99")) {
      low += '\'';
      i += 2;
      continue;
    }
    low += text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
  }
  return low;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c & 0x80) != 0; }

bool begins_with(std::string_view low, std::span<const std::string_view> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](std::string_view beginning) { return low.starts_with(beginning); });
}

bool begins_with_word(std::string_view low, std::span<const std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return low.starts_with(word) && (low.size() == word.size() || !is_letter(low[word.size()]));
  });
}

bool asks(std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \t\r\n\"'*)");
  return end != std::string_view::npos && text[end] == '?';
}

}  // namespace

bool is_answer(std::string_view text, std::string_view previous) {
  return asks(previous) || begins_with_word(plain(text), kAnswers);
}

bool is_correction(std::string_view text, std::string_view previous) {
  const std::string low = plain(text);
  if (begins_with(low, kCorrections)) return true;
  const bool is_content = std::any_of(std::begin(kContent), std::end(kContent),
                                      [&](std::string_view words) { return low.find(words) != std::string::npos; });
  return begins_with(low, kNo) && !is_content && !asks(previous);
}

}  // namespace mnema
