#include "cli/bench/answers_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "cli/bench/answers_bench.hpp"
#include "cli/exit_code.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

struct AnswersFlags {
  std::string file;
  AnswersBenchOptions options;
  std::vector<std::string> models = {"qwen2.5-coder-0.5b"};
  bool json = false;
  bool verbose = false;
};

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Summary {
  int answerable = 0, right = 0, cited = 0, unanswerable = 0, refused = 0, refused_wrongly = 0, loops = 0, failed = 0;
  int prompt_tokens = 0, completion_tokens = 0;  // means
  double first_text_ms_p50 = 0, first_text_ms_max = 0, whole_ms_p50 = 0;
};

Summary summary_of(const AnswersBenchResult& result) {
  Summary sum;
  std::vector<double> first;
  std::vector<double> whole;
  for (const JudgedAnswer& answer : result.answers) {
    ++(answer.answerable ? sum.answerable : sum.unanswerable);
    sum.right += answer.right ? 1 : 0;
    sum.cited += answer.right && answer.cited ? 1 : 0;
    sum.refused += !answer.answerable && answer.refused ? 1 : 0;
    sum.refused_wrongly += answer.answerable && answer.refused ? 1 : 0;
    sum.loops += answer.loop ? 1 : 0;
    sum.failed += answer.error.empty() ? 0 : 1;
    sum.prompt_tokens += answer.prompt_tokens;
    sum.completion_tokens += answer.completion_tokens;
    first.push_back(answer.first_text_ms);
    whole.push_back(answer.whole_ms);
  }
  const int count = std::max(1, static_cast<int>(result.answers.size()));
  sum.prompt_tokens /= count;
  sum.completion_tokens /= count;
  sum.first_text_ms_p50 = median(first);
  sum.first_text_ms_max = first.empty() ? 0 : *std::max_element(first.begin(), first.end());
  sum.whole_ms_p50 = median(whole);
  return sum;
}

boost::json::object json_of(const std::string& model, const AnswersBenchResult& result) {
  const Summary sum = summary_of(result);
  boost::json::array answers;
  for (const JudgedAnswer& answer : result.answers) {
    boost::json::array urls;
    for (const std::string& url : answer.urls) urls.emplace_back(url);
    answers.push_back({{"ask", answer.ask},
                       {"text", answer.text},
                       {"cites", std::move(urls)},
                       {"error", answer.error},
                       {"answerable", answer.answerable},
                       {"right", answer.right},
                       {"cited", answer.cited},
                       {"refused", answer.refused},
                       {"loop", answer.loop},
                       {"prompt_tokens", answer.prompt_tokens},
                       {"completion_tokens", answer.completion_tokens},
                       {"first_text_ms", answer.first_text_ms},
                       {"whole_ms", answer.whole_ms}});
  }
  return {{"model", model},
          {"answerable", sum.answerable},
          {"right", sum.right},
          {"right_and_cited", sum.cited},
          {"refused_wrongly", sum.refused_wrongly},
          {"unanswerable", sum.unanswerable},
          {"refused", sum.refused},
          {"loops", sum.loops},
          {"failed", sum.failed},
          {"prompt_tokens_mean", sum.prompt_tokens},
          {"completion_tokens_mean", sum.completion_tokens},
          {"first_text_ms_p50", sum.first_text_ms_p50},
          {"first_text_ms_max", sum.first_text_ms_max},
          {"whole_ms_p50", sum.whole_ms_p50},
          {"open_s", result.open_s},
          {"ingest_s", result.ingest_s},
          {"answers", std::move(answers)}};
}

void print_answer(const JudgedAnswer& answer) {
  const char* verdict = !answer.error.empty() ? "failed"
                        : !answer.answerable  ? (answer.refused ? "refused, as it should" : "NOT refused")
                        : answer.right        ? (answer.cited ? "right, cited" : "right, NOT cited")
                        : answer.refused      ? "refused, WRONGLY"
                                              : "WRONG";
  fmt::print("{}\n  {}\n  {}   first text {:.0f} ms, {} tokens in, {} out\n", answer.ask,
             answer.error.empty() ? answer.text : answer.error, verdict, answer.first_text_ms, answer.prompt_tokens,
             answer.completion_tokens);
  std::fflush(stdout);
}

void print_text(const std::string& model, const AnswersBenchResult& result) {
  const Summary sum = summary_of(result);
  fmt::print("{}\n", model);
  fmt::print("  right         {:>3} of {}   ({} refused wrongly)\n", sum.right, sum.answerable, sum.refused_wrongly);
  fmt::print("  cited         {:>3} of {} right ones\n", sum.cited, sum.right);
  fmt::print("  refused       {:>3} of {} that the documents do not answer\n", sum.refused, sum.unanswerable);
  fmt::print("  loops         {:>3}   failed {}\n", sum.loops, sum.failed);
  fmt::print("  first text    p50 {:.0f} ms, max {:.0f} ms; whole answer p50 {:.0f} ms\n", sum.first_text_ms_p50,
             sum.first_text_ms_max, sum.whole_ms_p50);
  fmt::print("  tokens        {} in, {} out (means)\n", sum.prompt_tokens, sum.completion_tokens);
  fmt::print("  models loaded in {:.1f} s, documents read in {:.1f} s\n", result.open_s, result.ingest_s);
}

Result<AnswersBenchResult> run_one(const AnswersFlags& flags, const std::vector<AnswerQuestion>& questions,
                                   const std::string& model) {
  std::error_code error;
  std::string folder = (std::filesystem::temp_directory_path(error) / "mnema-bench-XXXXXX").string();
  if (error || ::mkdtemp(folder.data()) == nullptr) {
    return fail(ErrorCode::kStorage, "cannot make a folder in TMPDIR", "set TMPDIR to one that may be written");
  }
  AnswersBenchOptions options = flags.options;
  options.folder = folder;
  options.model = model;
  const SystemClock clock;
  Result<AnswersBenchResult> result = run_answers_bench(options, questions, clock, [&](const JudgedAnswer& answer) {
    if (flags.verbose && !flags.json) print_answer(answer);
  });
  std::filesystem::remove_all(folder, error);
  return result;
}

int run_answers(const AnswersFlags& flags) {
  LogOptions log;
  log.level = LogLevel::kError;
  if (const Status status = configure_log(std::move(log)); !status.ok()) return report(status.error(), kExitFailed);
  const Result<std::vector<AnswerQuestion>> questions = read_questions(flags.file);
  if (!questions.ok()) return report(questions.error(), kExitUsage);
  boost::json::array all;
  for (const std::string& model : flags.models) {
    const Result<AnswersBenchResult> result = run_one(flags, *questions, model);
    if (!result.ok()) return report(result.error(), kExitModel);
    if (flags.json) {
      all.push_back(json_of(model, *result));
    } else {
      print_text(model, *result);
    }
  }
  if (flags.json) fmt::print("{}\n", boost::json::serialize(boost::json::object{{"models", std::move(all)}}));
  return kExitOk;
}

}  // namespace

void add_answers_bench(CLI::App& bench, int& exit_code) {
  CLI::App* answers =
      bench.add_subcommand("answers", "How good the quickstart's assistant answers questions over a folder");
  const auto flags = std::make_shared<AnswersFlags>();
  answers->add_option("--file", flags->file, "Questions with the facts of their answers (TOML)")->required();
  answers->add_option("--docs", flags->options.docs, "Folder of the documents")->required();
  answers->add_option("--model", flags->models, "Catalogue names or GGUF files, one after the other")
      ->capture_default_str();
  answers->add_option("--threads", flags->options.threads, "Compute threads; 0 = one per core")->capture_default_str();
  answers->add_flag("--verbose", flags->verbose, "Print each question with its answer and verdict");
  answers->add_flag("--json", flags->json, "One JSON object on standard output, every answer in it");
  answers->footer(
      "The file:\n\n"
      "  [[question]]\n"
      "  ask = \"How many tokens does a KV page hold?\"\n"
      "  facts = [[\"32\", \"thirty-two\"]]     # each group must stand in the answer, in one of its spellings\n"
      "  document = [\"GLOSSARY.md\"]         # one of these must be cited\n\n"
      "  [[question]]\n"
      "  ask = \"Who owns the moon?\"\n"
      "  answerable = false                 # the answer must say that the documents do not tell\n\n"
      "An answer is right if it has every fact, cited if it is right and cites a named document, and a refusal if it\n"
      "says that the documents do not tell. Asked is the agent of `mnema serve`, as a chat client asks it.");
  answers->callback([flags, &exit_code] { exit_code = run_answers(*flags); });
}

}  // namespace mnema
