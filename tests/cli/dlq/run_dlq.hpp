// tests/cli/dlq/run_dlq.hpp
//
// `mnema dlq` as a person runs it, inside the test's process.
//
// Threads: the test's; standard output and error are the process's.
#pragma once

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "cli/dlq_command.hpp"

namespace mnema::testing {

struct DlqRun {
  int exit_code = -1;
  std::string out;
  std::string err;
};

/// Runs `mnema dlq ARGUMENTS --data FOLDER`.
inline DlqRun run_dlq(std::vector<std::string> arguments, const std::string& folder) {
  DlqRun run;
  CLI::App app;
  add_dlq_command(app, run.exit_code);
  arguments.insert(arguments.begin(), "dlq");
  arguments.insert(arguments.end(), {"--data", folder});
  std::reverse(arguments.begin(), arguments.end());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  app.parse(arguments);
  std::fflush(stdout);
  run.out = ::testing::internal::GetCapturedStdout();
  run.err = ::testing::internal::GetCapturedStderr();
  return run;
}

}  // namespace mnema::testing
