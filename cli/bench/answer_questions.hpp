// cli/bench/answer_questions.hpp
//
// Questions over a folder of documents, and how an answer is judged. A file of them is TOML:
//
//   [[question]]
//   ask = "How many tokens does a KV page hold?"
//   facts = [["32", "thirty-two"]]        # every group must stand in the answer, in one of its spellings
//   document = ["GLOSSARY.md"]            # the answer must cite one of these, by the end of its path
//
//   [[question]]
//   ask = "Who owns the moon?"
//   answerable = false                    # the documents do not tell; so must the answer
//
// A spelling stands in an answer if its words do, whatever the case and the blanks; at both ends a letter or digit must
// not go on ("32" is not in "132").
//
// Threads: pure functions; `read_questions` reads a file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace mnema {

struct AnswerQuestion {
  std::string ask;
  std::vector<std::vector<std::string>> facts;
  std::vector<std::string> documents;
  bool answerable = true;
};

/// Errors: `kInvalidArgument` with the line, or which question lacks what.
[[nodiscard]] Result<std::vector<AnswerQuestion>> parse_questions(std::string_view toml);
/// Errors: those, and `kNotFound`.
[[nodiscard]] Result<std::vector<AnswerQuestion>> read_questions(const std::string& file);

/// `spelling` stands in `answer`.
[[nodiscard]] bool stands_in(std::string_view answer, std::string_view spelling);
/// Every fact of `question` stands in `answer`.
[[nodiscard]] bool has_facts(const AnswerQuestion& question, std::string_view answer);
/// One of `urls` ("docs/GLOSSARY.md#L3-L9") is of a document that the question names.
[[nodiscard]] bool cites_document(const AnswerQuestion& question, const std::vector<std::string>& urls);

}  // namespace mnema
