// tests/cli/command_run.hpp
//
// A command of `mnema` as a person runs it, inside the test's process.
//
// Threads: the test's; standard output and error are the process's.
#pragma once

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "cli/exit_code.hpp"

namespace mnema::testing {

struct CommandRun {
  int exit_code = -1;
  std::string out;
  std::string err;
  [[nodiscard]] boost::json::value json() const { return boost::json::parse(out); }
};

/// Runs `mnema ARGUMENTS`, of the commands that `add` gives the program. Its exit code is the usage's where the
/// arguments are refused.
inline CommandRun run_command(void (*add)(CLI::App& app, int& exit_code), std::vector<std::string> arguments) {
  CommandRun run;
  CLI::App app;
  add(app, run.exit_code);
  std::reverse(arguments.begin(), arguments.end());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& refused) {
    run.exit_code = kExitUsage;
    run.err = refused.what();
  }
  std::fflush(stdout);
  run.out = ::testing::internal::GetCapturedStdout();
  run.err += ::testing::internal::GetCapturedStderr();
  return run;
}

/// `mnema NAME ARGUMENTS --data FOLDER`.
inline CommandRun run_command(void (*add)(CLI::App& app, int& exit_code), const std::string& name,
                              std::vector<std::string> arguments, const std::string& folder) {
  arguments.insert(arguments.begin(), name);
  arguments.insert(arguments.end(), {"--data", folder});
  return run_command(add, std::move(arguments));
}

}  // namespace mnema::testing
