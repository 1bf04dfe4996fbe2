// agents/turn/citations.hpp
//
// Holds an answer to the passages it was given, sentence by sentence, while it is written:
//
//   - a number that names no passage is removed;
//   - a number stays where its passage supports the sentence; where another passage does, that one's number takes its
//     place; a sentence without a number gets the one of the passage that supports it best;
//   - a sentence that makes a claim and that no passage supports is marked "[unsupported]";
//   - with `refusal`, an answer that begins with a refusal or with an unsupported claim is that text and nothing else;
//   - with `quote_bytes_max`, an unsupported claim gives way to a passage itself, if one that is that short has three
//     quarters of the question's terms and its numbers: who asks what a lease is reads the definition that was found,
//     not that none was.
//
// A passage supports a sentence if every number of the sentence stands in it, and at least half of the terms (stems
// without stop words, memory/text_terms.hpp) that the sentence adds to the question; of a sentence that adds none, half
// of its terms and half of the question's: else any number of the passage would do. What stands in the question already
// proves nothing. Deterministic: the same text gives the same result, however it is cut into pieces.
//
// This is word overlap, not understanding: a passage that says the opposite in the same words supports a sentence.
//
// Left alone: code (fences and `inline`), headings, lines that end in a colon, sentences with nothing to check.
//
// Threads: confined to one answer.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agents/turn/context_builder.hpp"
#include "inference/request.hpp"
#include "memory/text_terms.hpp"

namespace mnema {

inline constexpr std::string_view kUnsupportedMark = "[unsupported]";

/// Unicode characters of a UTF-8 text: what positions of annotations count.
[[nodiscard]] int characters_in(std::string_view text);

/// The sentence says that the texts do not tell ("The documents do not mention it.").
[[nodiscard]] bool is_refusal(std::string_view sentence);

class CitationCheck {
 public:
  struct Options {
    std::string refusal = {};  // "" = what is unsupported is marked only
    std::size_t quote_bytes_max = 0;
    bool grounded = true;  // false: only the numbers that the model wrote are checked; nothing is added or marked
  };
  CitationCheck(std::string_view question, const std::vector<Citation>& citations, Options options);

  /// More of the answer, in whole UTF-8 characters. Returns what is certain: whole sentences, checked.
  [[nodiscard]] std::string push(std::string_view text);
  /// The end. Returns the rest.
  [[nodiscard]] std::string finish();

  /// Of what was returned so far: one per number in it, where it has an address.
  [[nodiscard]] const std::vector<UrlCitation>& annotations() const { return annotations_; }
  /// The answer is `options.refusal`, or says itself that the texts do not tell.
  [[nodiscard]] bool refused() const { return refused_; }
  /// It is `options.refusal` or a quoted passage: nothing of the model's is in it.
  [[nodiscard]] bool replaced() const { return silent_; }
  [[nodiscard]] int unsupported() const { return unsupported_; }
  /// The passages that support `text` as a whole, best first.
  [[nodiscard]] std::vector<Citation> supporting(std::string_view text) const;

 private:
  struct Words {
    std::set<std::string> terms;
    std::set<std::string> numbers;
  };
  struct Source {
    Citation citation;
    Words words;
  };

  [[nodiscard]] Words words_of(std::string_view text) const;
  [[nodiscard]] std::string checked(std::string_view piece);
  [[nodiscard]] bool is_claim(const Words& sentence) const;
  /// How much of the sentence's claim the passage has, 0..1; 0 where a number is missing.
  [[nodiscard]] double support(const Words& sentence, const Source& source) const;
  /// The passage to quote; null: none bears on the question that closely.
  [[nodiscard]] const Source* quotable() const;
  [[nodiscard]] std::string emit(std::string text, const std::vector<const Source*>& cited, bool unsupported);

  const TermMaker maker_;
  const Options options_;
  Words question_;
  std::vector<Source> sources_;
  std::string pending_;  // not yet a whole sentence
  bool in_fence_ = false;
  bool claimed_ = false;  // a sentence with a claim, or a refusal, has come
  bool refused_ = false;
  bool silent_ = false;  // the refusal or the quote stands, nothing follows
  int unsupported_ = 0;
  int characters_ = 0;  // returned so far
  std::vector<UrlCitation> annotations_;
};

/// Of an answer whose form leaves no place for numbers (JSON): the passages that support it, each over all of it.
[[nodiscard]] std::vector<UrlCitation> sources_of(std::string_view question, const std::vector<Citation>& citations,
                                                  std::string_view answer);

/// The whole of an answer, checked.
struct CheckedAnswer {
  std::string text;
  std::vector<UrlCitation> annotations;
  bool refused = false;
  bool replaced = false;
  int unsupported = 0;  // sentences that are marked
};
[[nodiscard]] CheckedAnswer check_citations(std::string_view question, const std::vector<Citation>& citations,
                                            std::string_view answer, CitationCheck::Options options = {});

}  // namespace mnema
