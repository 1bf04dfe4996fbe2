#include "cli/bench/memory_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "cli/bench/latency_json.hpp"
#include "cli/bench/memory_bench.hpp"
#include "cli/exit_code.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

struct MemoryFlags {
  std::string locomo;
  std::string realtalk;
  std::string beam;
  std::string features;
  MemoryBenchOptions options;
  bool json = false;
};

boost::json::object json_of(const RecallShares& shares) {
  boost::json::object recall;
  for (std::size_t i = 0; i < kRecallCuts.size(); ++i) recall[std::to_string(kRecallCuts[i])] = shares.at[i];
  return recall;
}

boost::json::object json_of(const std::vector<TimedQuestions>& timed) {
  boost::json::object situations;
  for (const TimedQuestions& questions : timed) {
    situations[questions.situation] = {{"question_to_hits", json_of(questions.question_to_hits)},
                                       {"search", json_of(questions.search)},
                                       {"search_cpu_ms", questions.cpu_ms}};
  }
  return situations;
}

boost::json::object json_of(const MemoryBenchResult& result) {
  if (!result.timed.empty()) {
    return {{"timed", json_of(result.timed)}, {"entries", result.entries}, {"ingest_s", result.ingest_s}};
  }
  boost::json::object categories;
  for (const auto& [name, shares] : result.by_category) {
    categories[name] = {{"n", shares.n}, {"recall", json_of(shares)}};
  }
  boost::json::object tokens;
  for (std::size_t i = 0; i < kTokenBudgets.size(); ++i) {
    tokens[std::to_string(kTokenBudgets[i])] = result.evidence_at_tokens[i];
  }
  const Abstentions& none = result.abstentions;
  return {{"n", result.all.n},
          {"recall", json_of(result.all)},
          {"by_category", std::move(categories)},
          {"evidence_at_tokens", std::move(tokens)},
          {"tokens_counted_by", result.tokens_by},
          {"abstention",
           {{"n", none.n},
            {"own_refused", none.own},
            {"foreign_refused", none.foreign},
            {"foreign_names_refused", none.foreign_names}}},
          {"question_to_hits", json_of(result.question_to_hits)},
          {"search", json_of(result.search)},
          {"entries", result.entries},
          {"ingest_s", result.ingest_s}};
}

void print_shares(const std::string& name, const RecallShares& shares) {
  fmt::print("  {:<28}{:>6}   {:.3f}   {:.3f}   {:.3f}\n", name, shares.n, shares.at[0], shares.at[1], shares.at[2]);
}

void print_timed(const std::vector<TimedQuestions>& timed) {
  for (const TimedQuestions& questions : timed) {
    fmt::print("  {}: {} questions\n", questions.situation, questions.question_to_hits.n);
    fmt::print(
        "    question to hits p50 {:.1f} ms, p99 {:.1f} ms; of it the search {:.1f} and {:.1f} ms; {:.1f} ms of CPU a "
        "search\n",
        questions.question_to_hits.p50_ms, questions.question_to_hits.p99_ms, questions.search.p50_ms,
        questions.search.p99_ms, questions.cpu_ms);
  }
}

void print_text(const MemoryBenchResult& result) {
  fmt::print("{} entries, remembered and embedded in {:.1f} s\n", result.entries, result.ingest_s);
  if (!result.timed.empty()) return print_timed(result.timed);
  fmt::print("  evidence found                  n      @5     @10     @25\n");
  print_shares("all", result.all);
  for (const auto& [name, shares] : result.by_category) print_shares("category " + name, shares);
  fmt::print("  kept in a context of {}, {}, {} tokens ({}): {:.3f}, {:.3f}, {:.3f}\n", kTokenBudgets[0],
             kTokenBudgets[1], kTokenBudgets[2], result.tokens_by, result.evidence_at_tokens[0],
             result.evidence_at_tokens[1], result.evidence_at_tokens[2]);
  const Abstentions& none = result.abstentions;
  fmt::print("  answered with nothing: own questions {:.1f} %, foreign ones {:.1f} %, with our names {:.1f} %\n",
             100 * none.own, 100 * none.foreign, 100 * none.foreign_names);
  fmt::print("  question to hits p50 {:.1f} ms, p99 {:.1f} ms; of it the search {:.1f} and {:.1f} ms\n",
             result.question_to_hits.p50_ms, result.question_to_hits.p99_ms, result.search.p50_ms,
             result.search.p99_ms);
}

/// One line of JSON for each candidate of a question: what the ranker sees of it, and whether it is evidence.
void write_candidates(std::ostream& out, const ConversationQuestion& question, const std::vector<std::string>& turns,
                      const Recalled& recalled) {
  std::size_t at = 0;
  boost::json::array candidates;
  for (const auto* list : {&recalled.hits, &recalled.dropped}) {
    for (const RecallHit& hit : *list) {
      const std::string& turn = turns[at++];
      const bool wanted =
          std::find(question.evidence.begin(), question.evidence.end(), turn) != question.evidence.end();
      boost::json::object values;
      for (const FeatureShare& feature : hit.explanation.features) values[feature.name] = feature.value;
      candidates.push_back({{"turn", turn}, {"evidence", wanted}, {"features", std::move(values)}});
    }
  }
  out << boost::json::serialize(boost::json::object{{"question", question.text},
                                                    {"category", question.category},
                                                    {"evidence", question.evidence.size()},
                                                    {"candidates", std::move(candidates)}})
      << "\n";
}

Result<std::vector<Conversation>> conversations_of(const MemoryFlags& flags) {
  if (!flags.locomo.empty()) return read_locomo(flags.locomo);
  if (!flags.realtalk.empty()) return read_realtalk(flags.realtalk);
  return read_beam(flags.beam);
}

int run_memory(const MemoryFlags& flags) {
  LogOptions log;
  log.level = LogLevel::kError;
  if (const Status status = configure_log(std::move(log)); !status.ok()) return report(status.error(), kExitFailed);
  const Result<std::vector<Conversation>> conversations = conversations_of(flags);
  if (!conversations.ok()) return report(conversations.error(), kExitUsage);
  MemoryBenchOptions options = flags.options;
  std::ofstream features;
  if (!flags.features.empty()) {
    features.open(flags.features);
    if (!features) return report(fail(ErrorCode::kStorage, "cannot write " + flags.features), kExitUsage);
    options.on_candidates = [&features](const auto& question, const auto& turns, const Recalled& recalled) {
      write_candidates(features, question, turns, recalled);
    };
    options.on_best = [&features](const BestCandidate& best) {
      features << boost::json::serialize(boost::json::object{
                      {"foreign", best.foreign}, {"cosine", best.cosine}, {"words_share", best.words_share}})
               << "\n";
    };
  }
  std::error_code error;
  const bool own_folder = options.folder.empty();
  if (own_folder) {
    options.folder = (std::filesystem::temp_directory_path(error) / "mnema-bench-XXXXXX").string();
    if (error || ::mkdtemp(options.folder.data()) == nullptr) {
      return report(
          fail(ErrorCode::kStorage, "cannot make a folder in TMPDIR", "set TMPDIR to one that may be written"),
          kExitFailed);
    }
  } else {
    std::filesystem::create_directories(options.folder, error);
  }
  const SystemClock clock;
  const Result<MemoryBenchResult> result = run_memory_bench(options, *conversations, clock);
  if (own_folder) std::filesystem::remove_all(options.folder, error);
  if (!result.ok()) {
    const bool usage = result.error().code == ErrorCode::kInvalidArgument;
    return report(result.error(), usage ? kExitUsage : kExitModel);
  }
  if (flags.json) {
    fmt::print("{}\n", boost::json::serialize(json_of(*result)));
  } else {
    print_text(*result);
  }
  return kExitOk;
}

}  // namespace

void add_memory_bench(CLI::App& bench, int& exit_code) {
  CLI::App* memory =
      bench.add_subcommand("memory", "How much of what a question needs recall brings back, and how soon");
  const auto flags = std::make_shared<MemoryFlags>();
  CLI::Option_group* files = memory->add_option_group("conversations");
  files->add_option("--locomo", flags->locomo, "Conversations with questions, as LoCoMo lays them out (JSON)");
  files->add_option("--realtalk", flags->realtalk, "The same of REALTALK: a file or a folder");
  files->add_option("--beam", flags->beam, "The same of BEAM: a folder of chats");
  files->require_option(1);
  memory->add_option("--embedding-model", flags->options.embedding_model, "Catalogue name or folder of the encoder")
      ->capture_default_str();
  memory->add_option("--tokenizer", flags->options.tokenizer_model, "Model that counts the tokens of a context")
      ->capture_default_str();
  memory
      ->add_option("--users", flags->options.users,
                   "Repeat the conversations until there are so many users; 0 = each conversation is one user's")
      ->capture_default_str();
  memory->add_option("--threads", flags->options.threads, "Compute threads; 0 = one per core")->capture_default_str();
  memory->add_option("--data", flags->options.folder, "Folder that keeps the entries and vectors for the next run");
  memory->add_option("--features", flags->features, "Write what the ranker sees of each candidate (JSON lines)");
  memory->add_flag("--timed", flags->options.timed,
                   "Ask for how soon alone: with the asker's thread left out too, and behind long texts that wait");
  memory->add_flag("--json", flags->json, "One JSON object on standard output");
  memory->callback([flags, &exit_code] { exit_code = run_memory(*flags); });
}

}  // namespace mnema
