#include "memory/text_terms.hpp"

#include <libstemmer.h>
#include <unicode/uvernum.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <unordered_set>

#include "memory/documents/inline_marks.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr std::size_t kTermBytesMax = 64;  // longer ones are data, not words
constexpr int kFormat = 4;

// Words of English that stand in every text. Sorted. Not "may", which is a month too.
constexpr std::array kStopWords = {
    "a",     "about",  "after",   "again", "ain",  "all",     "also",  "am",      "an",    "and",    "any",
    "are",   "aren",   "as",      "at",    "be",   "because", "been",  "before",  "being", "but",    "by",
    "can",   "could",  "couldn",  "d",     "did",  "didn",    "do",    "does",    "doesn", "doing",  "don",
    "down",  "during", "each",    "for",   "from", "further", "had",   "hadn",    "has",   "hasn",   "have",
    "haven", "having", "he",      "her",   "here", "hers",    "him",   "his",     "how",   "i",      "if",
    "in",    "into",   "is",      "isn",   "it",   "its",     "just",  "ll",      "m",     "me",     "might",
    "more",  "most",   "must",    "mustn", "my",   "needn",   "of",    "off",     "on",    "once",   "only",
    "or",    "other",  "our",     "ours",  "out",  "over",    "own",   "re",      "s",     "same",   "shall",
    "she",   "should", "shouldn", "so",    "some", "such",    "t",     "than",    "that",  "the",    "their",
    "them",  "then",   "there",   "these", "they", "this",    "those", "through", "to",    "too",    "under",
    "until", "up",     "ve",      "very",  "was",  "wasn",    "we",    "were",    "weren", "what",   "when",
    "where", "which",  "while",   "who",   "whom", "why",     "will",  "with",    "would", "wouldn", "you",
    "your",  "yours"};
static_assert(std::is_sorted(kStopWords.begin(), kStopWords.end(),
                             [](const char* a, const char* b) { return std::string_view(a) < std::string_view(b); }));

bool is_stop_word(std::string_view word) { return std::binary_search(kStopWords.begin(), kStopWords.end(), word); }

enum class Kind {
  kNone,
  kLower,
  kUpper,
  kDigit,
  kOtherLetter,
  kMark,
  kHangul,
  kHanOrHiragana,
  kKatakana,
  kSoutheastAsian
};

/// Written in runs that are cut by dictionary, or by syllable.
bool is_run(Kind kind) { return kind >= Kind::kHangul; }

bool is_ideograph(utf8proc_int32_t c) {
  return (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x3134F) || c == 0x3005 || c == 0x3007;
}
bool is_hiragana(utf8proc_int32_t c) { return c >= 0x3041 && c <= 0x309F; }
bool is_katakana(utf8proc_int32_t c) {
  return (c >= 0x30A0 && c <= 0x30FF && c != 0x30FB) || (c >= 0x31F0 && c <= 0x31FF) || (c >= 0xFF66 && c <= 0xFF9F);
}
bool is_hangul(utf8proc_int32_t c) {
  return (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x1100 && c <= 0x11FF) || (c >= 0x3131 && c <= 0x318E) ||
         (c >= 0xFFA1 && c <= 0xFFDC);
}
bool is_southeast_asian(utf8proc_int32_t c) {
  return (c >= 0x0E01 && c <= 0x0EFF && c != 0x0E3F) || (c >= 0x1000 && c <= 0x109F) || (c >= 0x1780 && c <= 0x17DD);
}

Kind kind_of(utf8proc_int32_t c) {
  if (c < 0x80) {
    if (c >= 'a' && c <= 'z') return Kind::kLower;
    if (c >= 'A' && c <= 'Z') return Kind::kUpper;
    if (c >= '0' && c <= '9') return Kind::kDigit;
    return Kind::kNone;
  }
  // A soft hyphen or a joiner inside a word is no part of it, and no end either.
  if (c == 0xAD || c == 0x200C || c == 0x200D || c == 0x2060) return Kind::kMark;
  if (is_hangul(c)) return Kind::kHangul;
  if (is_ideograph(c) || is_hiragana(c)) return Kind::kHanOrHiragana;
  if (is_katakana(c)) return Kind::kKatakana;
  if (is_southeast_asian(c)) {
    const auto category = utf8proc_category(c);
    return category == UTF8PROC_CATEGORY_ND   ? Kind::kDigit
           : category == UTF8PROC_CATEGORY_PO ? Kind::kNone
                                              : Kind::kSoutheastAsian;
  }
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

std::string mapped(std::string_view text, int options) {
  utf8proc_uint8_t* made = nullptr;
  const auto bytes =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &made, static_cast<utf8proc_option_t>(options | UTF8PROC_STABLE | UTF8PROC_IGNORE));
  if (bytes < 0) return {};
  std::string result(reinterpret_cast<const char*>(made), static_cast<std::size_t>(bytes));
  std::free(made);
  return result;
}

std::string folded(std::string_view word) {
  if (std::all_of(word.begin(), word.end(), [](unsigned char c) { return c < 0x80; })) {
    std::string lower(word);
    for (char& c : lower) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return lower;
  }
  std::string result = mapped(word, UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK);
  // Compatibility forms may bring blanks and signs with them ("½" is "1⁄2").
  std::erase_if(result, [](unsigned char c) { return c < 0x80 && kind_of(c) == Kind::kNone; });
  return result;
}

/// Whether an apostrophe at `at`, of `bytes` bytes, stands in a word like "don't".
bool is_negation(std::string_view text, std::size_t word_begin, std::size_t at, std::size_t bytes) {
  const std::string_view sign = text.substr(at, bytes);
  if (sign != "'" && sign != "\u2019") return false;
  const std::size_t after = at + bytes + 1;
  if (at <= word_begin || (text[at - 1] != 'n' && text[at - 1] != 'N') || after > text.size()) return false;
  if (text[after - 1] != 't' && text[after - 1] != 'T') return false;
  const auto next = after < text.size() ? static_cast<unsigned char>(text[after]) : ' ';
  return next < 0x80 && kind_of(next) == Kind::kNone;
}

/// The first character of valid UTF-8.
utf8proc_int32_t first_of(std::string_view text, std::size_t& bytes) {
  utf8proc_int32_t c = 0;
  const auto step = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &c);
  bytes = step > 0 ? static_cast<std::size_t>(step) : 1;
  return step > 0 ? c : 0;
}

}  // namespace

void TermMaker::Deleter::operator()(sb_stemmer* stemmer) const { sb_stemmer_delete(stemmer); }

TermMaker::TermMaker(std::string language, sb_stemmer* stemmer)
    : language_(std::move(language)), stemmer_(stemmer), breaker_(std::make_unique<WordBreaker>()) {}
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

std::string TermMaker::format() const {
  // The dictionaries are ICU's, and differ from one version to the next.
  return "terms-" + std::to_string(kFormat) + "/icu-" + U_ICU_VERSION + "/" + language_;
}

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

/// `compatible`: half-width and other forms count as the usual one. (Thai vowels would fall apart.)
void TermMaker::add_words_of(std::string_view run, bool compatible, std::vector<std::string>& terms) const {
  const std::string text = mapped(run, UTF8PROC_COMPOSE | (compatible ? UTF8PROC_COMPAT : 0));
  breaker_->each_word(text, [&](std::string_view word) {
    std::size_t bytes = 0;
    const utf8proc_int32_t first = first_of(word, bytes);
    const bool one = bytes == word.size();
    if (one && first >= 0x3040 && first <= 0x309F) return;  // a particle of Japanese
    if (word.size() <= kTermBytesMax) terms.emplace_back(word);
    if (one) return;
    for (std::string_view rest = word; !rest.empty(); rest.remove_prefix(bytes)) {
      if (is_ideograph(first_of(rest, bytes))) terms.emplace_back(rest.substr(0, bytes));
    }
  });
}

/// A stem of one syllable may be none ("회의" ends like a genitive): then the longer one counts too.
void TermMaker::add_korean(std::string_view word, bool behind_foreign, std::vector<std::string>& terms) const {
  const std::string composed = mapped(word, UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
  if (composed.empty() || composed.size() > 2 * kTermBytesMax) return;
  if (behind_foreign && is_particle(composed)) return;
  const std::string_view stem = without_particles(composed, 2);
  const std::string_view syllable = without_particles(composed, 1);
  terms.emplace_back(stem);
  if (syllable != stem) terms.emplace_back(syllable);
}

std::vector<std::string> TermMaker::terms(std::string_view text) const {
  std::vector<std::string> found;
  std::size_t word_begin = 0;  // of the whole word, or run
  std::size_t part_begin = 0;  // of the part since the last change of case
  int parts = 0;
  Kind before = Kind::kNone;
  Kind run = Kind::kNone;       // of the run that is open
  bool behind_foreign = false;  // it follows letters or digits of another script without a blank
  const auto end_word = [&](std::size_t end) {
    const std::string_view word = text.substr(word_begin, end - word_begin);
    if (!word.empty() && run == Kind::kHangul) {
      add_korean(word, behind_foreign, found);
    } else if (!word.empty() && run != Kind::kNone) {
      add_words_of(word, run != Kind::kSoutheastAsian, found);
    } else if (!word.empty()) {
      if (parts > 0) add_word(text.substr(part_begin, end - part_begin), found);
      add_word(word, found);
    }
    behind_foreign = !word.empty() && run == Kind::kNone;
    parts = 0;
    before = Kind::kNone;
    run = Kind::kNone;
    word_begin = part_begin = end;
  };
  std::size_t at = 0;
  while (at < text.size()) {
    utf8proc_int32_t c = 0;
    const auto step = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                                       static_cast<utf8proc_ssize_t>(text.size() - at), &c);
    const std::size_t bytes = step > 0 ? static_cast<std::size_t>(step) : 1;
    Kind kind = step > 0 ? kind_of(c) : Kind::kNone;
    if (kind == Kind::kMark && is_run(run)) kind = run;
    const bool lengthens = c == 0x30FC || c == 0xFF70;  // the vowel before, of either kana
    if (lengthens && run == Kind::kHanOrHiragana) kind = run;
    if (kind == Kind::kNone) {
      const bool negated = language_ == "english" && is_negation(text, word_begin, at, bytes);
      end_word(at);
      if (negated) {
        found.emplace_back("not");
        at += 1;
      }
      word_begin = part_begin = at + bytes;
      behind_foreign = false;
    } else if (is_run(kind) != is_run(run) || (is_run(kind) && kind != run)) {
      end_word(at);
      if (is_run(kind)) run = kind;
    } else if (before == Kind::kLower && kind == Kind::kUpper) {
      add_word(text.substr(part_begin, at - part_begin), found);
      part_begin = at;
      ++parts;
    }
    if (kind != Kind::kMark && !is_run(kind)) before = kind;
    at += bytes;
  }
  end_word(text.size());
  each_word_with_marks(text, [&](std::string_view word) { add_word(word, found); });
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
