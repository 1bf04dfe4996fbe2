#include "cli/demo_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "cli/demo/scenario.hpp"
#include "cli/demo/serve.hpp"
#include "cli/exit_code.hpp"

namespace mnema {
namespace {

struct DemoFlags {
  std::string serve;
  std::string documents = "docs";
  bool json = false;
  bool keep = false;
};

/// One line of a table: no line breaks, and cut at a character.
std::string one_line(std::string text, std::size_t bytes_max) {
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

std::string number_or_dash(double value, int digits) { return value > 0 ? fmt::format("{:.{}f}", value, digits) : "-"; }

void print_table(const DemoResult& result) {
  fmt::print("{:<32}{:>9}{:>11}{:>8}{:>8}{:>9}  {}\n", "", "wake ms", "recall ms", "prompt", "reused", "tok/s",
             "reply");
  for (const DemoRow& row : result.rows) {
    fmt::print("{:<32}{:>9}{:>11}{:>8}{:>8}{:>9}  {}\n", row.what, number_or_dash(row.wake_ms, 2),
               number_or_dash(row.recall_ms, 1), row.prompt_tokens, row.cached_tokens,
               number_or_dash(row.decode_tokens_per_s, 0), one_line(row.reply, 70));
  }
  fmt::print("\n");
  for (const DemoCheck& check : result.checks) fmt::print("{}  {}\n", check.held ? "held   " : "BROKEN ", check.what);
}

void print_json(const DemoResult& result) {
  boost::json::array rows;
  for (const DemoRow& row : result.rows) {
    rows.push_back({{"what", row.what},
                    {"wake_ms", row.wake_ms},
                    {"recall_ms", row.recall_ms},
                    {"prompt_tokens", row.prompt_tokens},
                    {"cached_tokens", row.cached_tokens},
                    {"decode_tokens_per_s", row.decode_tokens_per_s},
                    {"reply", row.reply}});
  }
  boost::json::array checks;
  for (const DemoCheck& check : result.checks) checks.push_back({{"what", check.what}, {"held", check.held}});
  const boost::json::object all{{"held", result.held()}, {"rows", rows}, {"checks", checks}};
  fmt::print("{}\n", boost::json::serialize(all));
}

int demo(const DemoFlags& flags) {
  std::error_code error;
  const std::string documents = std::filesystem::absolute(flags.documents, error).string();
  if (!std::filesystem::is_directory(documents, error)) {
    return report(
        fail(ErrorCode::kNotFound, "there is no folder '" + flags.documents + "'", "name one with --docs DIR"),
        kExitUsage);
  }
  std::string folder = (std::filesystem::temp_directory_path(error) / "mnema-demo-XXXXXX").string();
  if (error || !::mkdtemp(folder.data())) {
    return report(
        fail(ErrorCode::kStorage, "cannot make a folder for the demo", "set TMPDIR to one that may be written"),
        kExitFailed);
  }
  const Result<DemoResult> result = run_demo_scenario({folder, documents});
  if (!result.ok()) return report(result.error(), kExitFailed);
  flags.json ? print_json(*result) : print_table(*result);
  if (!result->held() || flags.keep) {
    fmt::print(stderr, "mnema: data and log of the demo are in {}\n", folder);
  } else {
    std::filesystem::remove_all(folder, error);
  }
  return result->held() ? kExitOk : kExitFailed;
}

}  // namespace

void add_demo_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "demo",
      "Play the whole scenario once, with two kill -9 in it; exit code 0 only if nothing was lost or done twice");
  const auto flags = std::make_shared<DemoFlags>();
  command->add_option("--docs", flags->documents, "Folder of documents that the assistant reads")
      ->capture_default_str();
  command->add_flag("--json", flags->json, "The table and the checks as JSON");
  command->add_flag("--keep", flags->keep, "Keep the demo's data and log");
  command->add_option("--serve", flags->serve, "(for the demo's own child process)")->group("");
  command->callback(
      [flags, &exit_code] { exit_code = flags->serve.empty() ? demo(*flags) : serve_demo(flags->serve); });
}

}  // namespace mnema
