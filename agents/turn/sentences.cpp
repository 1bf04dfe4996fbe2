#include "agents/turn/sentences.hpp"

#include <algorithm>
#include <array>

namespace mnema {
namespace {

/// The longest citation: "[1, 2, 3]" and a little more.
constexpr std::size_t kCitationBytesMax = 16;

bool is_space(char c) { return c == ' ' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool ends_sentence(char c) { return c == '.' || c == '!' || c == '?'; }
bool closes(char c) { return std::string_view("\"')*_`").find(c) != std::string_view::npos; }

/// The full stop at `at` belongs to its word: "e.g.", "1." at the beginning of a line.
bool is_abbreviation(std::string_view text, std::size_t at) {
  if (text[at] != '.') return false;
  std::size_t begin = at;
  while (begin > 0 && !is_space(text[begin - 1]) && text[begin - 1] != '\n' && text[begin - 1] != '(') --begin;
  const std::string_view word = text.substr(begin, at - begin);
  static constexpr std::array<std::string_view, 8> kKnown = {"e.g", "i.e", "cf", "vs", "etc", "approx", "No", "Fig"};
  if (std::find(kKnown.begin(), kKnown.end(), word) != kKnown.end()) return true;
  const bool number = !word.empty() && std::all_of(word.begin(), word.end(), is_digit);
  return number && text.substr(0, begin).find_first_not_of(" \t") == std::string_view::npos;
}

}  // namespace

std::size_t citation_end(std::string_view text, std::size_t at) {
  if (at >= text.size() || text[at] != '[') return 0;
  const std::size_t close = text.substr(at, kCitationBytesMax).find(']');
  if (close == std::string_view::npos || close < 2) return 0;
  const std::string_view inside = text.substr(at + 1, close - 1);
  const bool numbers = is_digit(inside.front()) && is_digit(inside.back()) &&
                       inside.find_first_not_of("0123456789,; ") == std::string_view::npos;
  return numbers ? at + close + 1 : 0;
}

std::size_t first_sentence(std::string_view text, bool final) {
  const std::size_t undecided = final ? text.size() : 0;
  const std::size_t words = text.find_first_not_of(" \t\n\r");
  if (words == std::string_view::npos) return undecided;
  for (std::size_t i = words; i < std::min(text.size(), kSentenceBytesMax); ++i) {
    if (text[i] == '\n') return i + 1;
    if (!ends_sentence(text[i])) continue;
    std::size_t at = i + 1;
    while (at < text.size() && (closes(text[at]) || ends_sentence(text[at]))) ++at;
    if (at == text.size()) return undecided;
    if (is_abbreviation(text, i)) continue;
    if (!is_space(text[at]) && text[at] != '\n' && text[at] != '[') continue;
    // Blanks, and citations among them.
    for (;;) {
      while (at < text.size() && is_space(text[at])) ++at;
      if (at == text.size()) return undecided;
      if (text[at] == '\n') return at + 1;
      if (text[at] != '[') break;
      const std::size_t end = citation_end(text, at);
      if (end > 0) {
        at = end;
        // "[1]." : the full stop behind it, too.
        while (at < text.size() && ends_sentence(text[at])) ++at;
        continue;
      }
      const std::string_view rest = text.substr(at, kCitationBytesMax);
      if (!final && rest.size() < kCitationBytesMax && rest.find(']') == std::string_view::npos) return 0;
      break;
    }
    return at;
  }
  if (text.size() < kSentenceBytesMax) return undecided;
  const std::size_t blank = text.substr(0, kSentenceBytesMax).find_last_of(" \t");
  if (blank != std::string_view::npos && blank > words) return blank + 1;
  // No blank in all this: a whole character at the least.
  std::size_t end = kSentenceBytesMax;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) ++end;
  return end < text.size() || final ? end : 0;
}

}  // namespace mnema
