#include "memory/text_terms.hpp"

#include <libstemmer.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <unordered_set>

#include "runtime/check.hpp"

namespace mnema {
namespace {

constexpr std::size_t kTermBytesMax = 64;  // longer ones are data, not words
constexpr int kFormat = 1;

// Words of English that stand in every text. Sorted.
constexpr std::array kStopWords = {
    "a",    "about",  "after",   "again", "all",    "also",   "am",    "an",   "and",   "any",     "are",    "as",
    "at",   "be",     "because", "been",  "before", "being",  "but",   "by",   "can",   "could",   "d",      "did",
    "do",   "does",   "doing",   "don",   "down",   "during", "each",  "for",  "from",  "further", "had",    "has",
    "have", "having", "he",      "her",   "here",   "hers",   "him",   "his",  "how",   "i",       "if",     "in",
    "into", "is",     "it",      "its",   "just",   "ll",     "m",     "may",  "me",    "might",   "more",   "most",
    "must", "my",     "no",      "nor",   "not",    "of",     "off",   "on",   "once",  "only",    "or",     "other",
    "our",  "ours",   "out",     "over",  "own",    "re",     "s",     "same", "shall", "she",     "should", "so",
    "some", "such",   "t",       "than",  "that",   "the",    "their", "them", "then",  "there",   "these",  "they",
    "this", "those",  "through", "to",    "too",    "under",  "until", "up",   "ve",    "very",    "was",    "we",
    "were", "what",   "when",    "where", "which",  "while",  "who",   "whom", "why",   "will",    "with",   "would",
    "you",  "your",   "yours"};
static_assert(std::is_sorted(kStopWords.begin(), kStopWords.end(),
                             [](const char* a, const char* b) { return std::string_view(a) < std::string_view(b); }));

bool is_stop_word(std::string_view word) { return std::binary_search(kStopWords.begin(), kStopWords.end(), word); }

enum class Kind { kNone, kLower, kUpper, kDigit, kOtherLetter, kIdeograph, kMark };

bool is_ideograph(utf8proc_int32_t c) {
  return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3134F);
}

Kind kind_of(utf8proc_int32_t c) {
  if (c < 0x80) {
    if (c >= 'a' && c <= 'z') return Kind::kLower;
    if (c >= 'A' && c <= 'Z') return Kind::kUpper;
    if (c >= '0' && c <= '9') return Kind::kDigit;
    return Kind::kNone;
  }
  if (is_ideograph(c)) return Kind::kIdeograph;
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LL:
      return Kind::kLower;
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT:
      return Kind::kUpper;
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return Kind::kOtherLetter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return Kind::kDigit;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return Kind::kMark;
    default:
      return Kind::kNone;
  }
}

std::string folded(std::string_view word) {
  if (std::all_of(word.begin(), word.end(), [](unsigned char c) { return c < 0x80; })) {
    std::string lower(word);
    for (char& c : lower) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return lower;
  }
  utf8proc_uint8_t* mapped = nullptr;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE |
                                                      UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK | UTF8PROC_IGNORE);
  const auto bytes = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(word.data()),
                                  static_cast<utf8proc_ssize_t>(word.size()), &mapped, options);
  if (bytes < 0) return {};
  std::string result(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(bytes));
  std::free(mapped);
  // Compatibility forms may bring blanks and signs with them ("½" is "1⁄2").
  std::erase_if(result, [](unsigned char c) { return c < 0x80 && kind_of(c) == Kind::kNone; });
  return result;
}

}  // namespace

void TermMaker::Deleter::operator()(sb_stemmer* stemmer) const { sb_stemmer_delete(stemmer); }

TermMaker::TermMaker(std::string language, sb_stemmer* stemmer) : language_(std::move(language)), stemmer_(stemmer) {}
TermMaker::TermMaker(TermMaker&&) noexcept = default;
TermMaker& TermMaker::operator=(TermMaker&&) noexcept = default;
TermMaker::~TermMaker() = default;

Result<TermMaker> TermMaker::make(const std::string& language) {
  sb_stemmer* stemmer = sb_stemmer_new(language.c_str(), "UTF_8");
  if (stemmer != nullptr) return TermMaker(language, stemmer);
  std::string known;
  for (const char** name = sb_stemmer_list(); *name != nullptr; ++name) {
    known += (known.empty() ? "" : ", ") + std::string(*name);
  }
  return fail(ErrorCode::kInvalidArgument, "no stemmer for the language '" + language + "'", "choose one of: " + known);
}

std::string TermMaker::format() const { return "terms-" + std::to_string(kFormat) + "/" + language_; }

void TermMaker::add_word(std::string_view word, std::vector<std::string>& terms) const {
  std::string lower = folded(word);
  if (lower.empty() || lower.size() > kTermBytesMax) return;
  if (language_ == "english" && is_stop_word(lower)) return;
  const sb_symbol* stem =
      sb_stemmer_stem(stemmer_.get(), reinterpret_cast<const sb_symbol*>(lower.data()), static_cast<int>(lower.size()));
  if (stem != nullptr) {
    lower.assign(reinterpret_cast<const char*>(stem), static_cast<std::size_t>(sb_stemmer_length(stemmer_.get())));
  }
  if (!lower.empty()) terms.push_back(std::move(lower));
}

std::vector<std::string> TermMaker::terms(std::string_view text) const {
  std::vector<std::string> found;
  std::size_t word_begin = 0;  // of the whole word
  std::size_t part_begin = 0;  // of the part since the last change of case
  int parts = 0;
  Kind before = Kind::kNone;
  const auto end_word = [&](std::size_t end) {
    if (word_begin < end) {
      if (parts > 0) add_word(text.substr(part_begin, end - part_begin), found);
      add_word(text.substr(word_begin, end - word_begin), found);
    }
    parts = 0;
    before = Kind::kNone;
  };
  std::size_t at = 0;
  while (at < text.size()) {
    utf8proc_int32_t c = 0;
    const auto step = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                                       static_cast<utf8proc_ssize_t>(text.size() - at), &c);
    const std::size_t bytes = step > 0 ? static_cast<std::size_t>(step) : 1;
    const Kind kind = step > 0 ? kind_of(c) : Kind::kNone;
    if (kind == Kind::kNone || kind == Kind::kIdeograph) {
      end_word(at);
      if (kind == Kind::kIdeograph) add_word(text.substr(at, bytes), found);
      word_begin = part_begin = at + bytes;
    } else if (before == Kind::kLower && kind == Kind::kUpper) {
      add_word(text.substr(part_begin, at - part_begin), found);
      part_begin = at;
      ++parts;
    }
    if (kind != Kind::kMark && kind != Kind::kIdeograph) before = kind;
    at += bytes;
  }
  end_word(text.size());
  return found;
}

std::string TermMaker::joined(std::string_view text) const {
  std::string result;
  for (const std::string& term : terms(text)) {
    if (!result.empty()) result += ' ';
    result += term;
  }
  return result;
}

std::vector<std::string> TermMaker::distinct(std::string_view text, std::size_t terms_max) const {
  std::vector<std::string> result;
  std::unordered_set<std::string> seen;
  for (std::string& term : terms(text)) {
    if (result.size() == terms_max) break;
    if (seen.insert(term).second) result.push_back(std::move(term));
  }
  return result;
}

std::string valid_utf8(std::string_view bytes) {
  std::string valid;
  valid.reserve(bytes.size());
  std::size_t at = 0;
  while (at < bytes.size()) {
    utf8proc_int32_t c = 0;
    const auto step = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(bytes.data()) + at,
                                       static_cast<utf8proc_ssize_t>(bytes.size() - at), &c);
    if (step > 0 && c != 0) {
      valid.append(bytes, at, static_cast<std::size_t>(step));
    } else {
      valid += "\xEF\xBF\xBD";
    }
    at += step > 0 ? static_cast<std::size_t>(step) : 1;
  }
  return valid;
}

}  // namespace mnema
