#include "memory/documents/token_estimate.hpp"

#include <algorithm>

#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

/// Counts as it goes, character by character.
class Counter {
 public:
  /// Tokens up to and with the character of `bytes` bytes at the beginning of `text`.
  std::size_t add(std::string_view text, std::size_t bytes) {
    const auto first = static_cast<unsigned char>(text[0]);
    const bool upper = first >= 'A' && first <= 'Z';
    // Latin letters with marks, U+00C0 to U+024F, count as letters; combining marks count nothing.
    if (upper || (first >= 'a' && first <= 'z') || (first >= 0xc3 && first <= 0xc9)) {
      if (kind_ != kLetter || run_ == 4 || (upper && !upper_)) start(kLetter);
      ++run_;
    } else if (first >= '0' && first <= '9') {
      if (kind_ != kDigit || run_ == 2) start(kDigit);
      ++run_;
    } else if (first == ' ' || first == '\n' || first == '\t' || first == '\r') {
      kind_ = kNone;
    } else if (bytes != 2 || first != 0xcc) {
      ++tokens_;
      kind_ = kNone;
    }
    upper_ = upper;
    return tokens_;
  }

 private:
  enum Kind { kNone, kLetter, kDigit };
  void start(Kind kind) {
    kind_ = kind;
    run_ = 0;
    ++tokens_;
  }

  Kind kind_ = kNone;
  int run_ = 0;
  bool upper_ = false;
  std::size_t tokens_ = 0;
};

}  // namespace

std::size_t tokens_in(std::string_view text) {
  Counter counter;
  std::size_t tokens = 0;
  while (!text.empty()) {
    const std::size_t bytes = std::min(utf8_length(static_cast<unsigned char>(text[0])), text.size());
    tokens = counter.add(text, bytes);
    text.remove_prefix(bytes);
  }
  return tokens;
}

std::size_t bytes_within(std::string_view text, std::size_t tokens_max) {
  Counter counter;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t bytes = std::min(utf8_length(static_cast<unsigned char>(text[at])), text.size() - at);
    if (counter.add(text.substr(at), bytes) > tokens_max) break;
    at += bytes;
  }
  return at;
}

}  // namespace mnema
