// cli/bench/answers_bench.hpp
//
// How good the quickstart's assistant answers, by questions whose answers are known: the program of `mnema serve` with
// its own agent, prompt, memory and engine, asked as a chat client asks, without the sockets. One question at a time,
// each in a conversation of its own.
//
// Threads:   `run_answers_bench` blocks; the host serves on a thread of its own meanwhile.
// Ownership: the data folder is the caller's, who removes it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/bench/answer_questions.hpp"
#include "runtime/base/clock.hpp"

namespace mnema {

struct AnswersBenchOptions {
  std::string docs;    // folder of documents
  std::string model;   // catalogue name or file
  std::string folder;  // an empty one, for the program's data
  int threads = 0;     // 0 = one per core
};

/// One answer, judged.
struct JudgedAnswer {
  std::string ask;
  std::string text;
  std::vector<std::string> urls;  // what it cites
  std::string error;              // instead of an answer
  bool answerable = true;
  bool right = false;    // answerable: has the facts
  bool cited = false;    // cites a document that the question names
  bool refused = false;  // says that the documents do not tell
  bool loop = false;     // ended because it repeated itself
  int prompt_tokens = 0;
  int completion_tokens = 0;
  double first_text_ms = 0;  // from the question to the first text that a client sees
  double whole_ms = 0;
};

struct AnswersBenchResult {
  std::vector<JudgedAnswer> answers;
  double open_s = 0;    // loading the models
  double ingest_s = 0;  // reading the documents, vectors included

  [[nodiscard]] int count(const std::function<bool(const JudgedAnswer&)>& wanted) const;
};

/// `on_answer` (may be empty) as they come. Errors: those of opening the host, and of reading the documents.
[[nodiscard]] Result<AnswersBenchResult> run_answers_bench(const AnswersBenchOptions& options,
                                                           const std::vector<AnswerQuestion>& questions,
                                                           const Clock& clock,
                                                           const std::function<void(const JudgedAnswer&)>& on_answer);

}  // namespace mnema
