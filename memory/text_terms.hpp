// memory/text_terms.hpp
//
// Text as the terms it is searched by: words, folded (NFKD, case, marks), reduced to their stem by Snowball, without
// the words that say nothing; "not" says something. Identifiers count as a whole and by their parts, so that "mailbox
// full" finds kMailboxFull. Scripts without blanks are cut by dictionary (memory/documents/word_breaker.hpp),
// half-width kana folded; a Han character of a word counts for itself too. Korean words count without their particles.
// A word with marks of Markdown or HTML in it counts by its parts and as a whole (memory/documents/inline_marks.hpp).
//
// A term has only ASCII letters, digits and bytes from 0x80 on. So a list of terms is safe inside an FTS5 query.
//
// Threads: confined to one at a time; cheap enough to make one per use.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "memory/documents/word_breaker.hpp"
#include "runtime/base/result.hpp"

struct sb_stemmer;

namespace mnema {

class TermMaker {
 public:
  /// `language` as Snowball names it: "english", "german", ... Errors: `kInvalidArgument` listing what there is.
  [[nodiscard]] static Result<TermMaker> make(const std::string& language);
  TermMaker(TermMaker&&) noexcept;
  TermMaker& operator=(TermMaker&&) noexcept;
  ~TermMaker();

  /// In order, with repetitions. Bytes that are not UTF-8 separate words.
  [[nodiscard]] std::vector<std::string> terms(std::string_view text) const;
  /// The same joined by blanks, as it is stored.
  [[nodiscard]] std::string joined(std::string_view text) const;
  /// Without repetitions, at most `terms_max`: for a query.
  [[nodiscard]] std::vector<std::string> distinct(std::string_view text, std::size_t terms_max) const;

  /// Names everything that decides what the terms of a text are. Stored with each text index; another one: rebuild.
  [[nodiscard]] std::string format() const;

 private:
  TermMaker(std::string language, sb_stemmer* stemmer);
  void add_word(std::string_view word, std::vector<std::string>& terms) const;
  void add_words_of(std::string_view run, bool compatible, std::vector<std::string>& terms) const;
  void add_korean(std::string_view word, bool behind_foreign, std::vector<std::string>& terms) const;

  struct Deleter {
    void operator()(sb_stemmer* stemmer) const;
  };
  std::string language_;
  std::unique_ptr<sb_stemmer, Deleter> stemmer_;
  std::unique_ptr<WordBreaker> breaker_;
};

/// Bytes made valid UTF-8: what is none becomes U+FFFD, as do zero bytes.
[[nodiscard]] std::string valid_utf8(std::string_view bytes);

}  // namespace mnema
