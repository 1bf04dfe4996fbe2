// cli/bench/memory_bench.hpp
//
// How much of what a question needs memory brings back, and how soon: conversations are remembered turn by turn through
// the store, embedded by the engine's encoder, and asked about by `MemoryStore::recall`. No language model takes part.
//
// Each conversation is a user's of one tenant, each session of it a thread. Recall at k is the share of a question's
// evidence among its first k hits, averaged over the questions that have evidence.
//
// Threads:   `run_memory_bench` blocks; executors of its own work meanwhile.
// Ownership: the data folder is the caller's. Its text and vectors are used again where they are all there.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/bench/conversation_files.hpp"
#include "cli/bench/latency.hpp"
#include "memory/record.hpp"

namespace mnema {

/// What says whether anything is relevant: of the candidate that looks best.
struct BestCandidate {
  bool foreign = false;  // the question is about another conversation
  double cosine = 0;
  double words_share = 0;
};

struct MemoryBenchOptions {
  std::string folder;                                  // for the program's data
  std::string embedding_model = "all-minilm-l6-v2";    // catalogue name or folder
  std::string tokenizer_model = "qwen2.5-coder-0.5b";  // counts the tokens of a context; not on disk: estimated
  int threads = 0;                                     // compute threads; 0 = one per core
  int users = 0;       // conversations are repeated until there are so many users; 0 = each conversation is one
  bool timed = false;  // asks for how soon alone, in the situations of TimedQuestions
  /// To fit weights by; both or none. Of each question all that was found, hits and dropped, with their turns' ids; and
  /// the best of its own conversation and of another.
  std::function<void(const ConversationQuestion&, const std::vector<std::string>& turns, const Recalled&)>
      on_candidates;
  std::function<void(const BestCandidate&)> on_best;
};

inline constexpr std::array<int, 3> kRecallCuts = {5, 10, 25};
inline constexpr std::array<int, 3> kTokenBudgets = {500, 1'000, 2'000};

/// Means over questions.
struct RecallShares {
  std::size_t n = 0;
  std::array<double, kRecallCuts.size()> at{};  // evidence among the first hits
};

/// Shares of questions that recall answered with nothing, by its own cut.
struct Abstentions {
  std::size_t n = 0;
  double own = 0;            // the conversation has the evidence
  double foreign = 0;        // asked about another conversation
  double foreign_names = 0;  // the same, with the names of that conversation's speakers
};

/// How soon the first hits are there. Each question is asked once in each situation.
struct TimedQuestions {
  std::string situation;
  Latency question_to_hits;
  Latency search;     // of it, without the question's vector
  double cpu_ms = 0;  // of the searching thread for one question, whoever else has the processor
};

struct MemoryBenchResult {
  std::vector<TimedQuestions> timed;  // with MemoryBenchOptions::timed, and nothing but this and the entries
  RecallShares all;
  std::map<std::string, RecallShares> by_category;
  std::array<double, kTokenBudgets.size()> evidence_at_tokens{};  // kept in a context of so many
  std::string tokens_by;                                          // the tokenizer that counted
  Abstentions abstentions;
  Latency question_to_hits;
  Latency search;  // of it, without the question's vector
  std::size_t entries = 0;
  double ingest_s = 0;  // vectors included
};

/// Errors: those of opening the model and the store; `kInvalidArgument`: no question has evidence.
[[nodiscard]] Result<MemoryBenchResult> run_memory_bench(const MemoryBenchOptions& options,
                                                         const std::vector<Conversation>& conversations,
                                                         const Clock& clock);

}  // namespace mnema
