#include "cli/config_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/config/reference.hpp"
#include "cli/exit_code.hpp"
#include "runtime/config/config.hpp"

namespace mnema {
namespace {

int check(const std::string& file) {
  const Result<Config> config = load_config(file);
  if (!config.ok()) return report(config.error(), kExitConfig);
  fmt::print("{}: no problem found\n", file);
  return kExitOk;
}

}  // namespace

void add_config_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("config", "Check a configuration, or say what may stand in one");
  command->require_subcommand(1);
  const auto file = std::make_shared<std::string>();
  CLI::App* checked = command->add_subcommand("check", "Report every problem of a TOML file, without serving");
  checked->add_option("file", *file, "The configuration")->required();
  checked->callback([file, &exit_code] { exit_code = check(*file); });
  command->add_subcommand("reference", "Print every key with type, default and meaning (Markdown)")->callback([] {
    fmt::print("{}", config_reference());
  });
  command->add_subcommand("example", "Print a file with every key and its default (TOML)")->callback([] {
    fmt::print("{}", config_example());
  });
}

}  // namespace mnema
