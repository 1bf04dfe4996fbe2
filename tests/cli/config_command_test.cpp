#include "cli/config_command.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>

#include "cli/exit_code.hpp"

namespace mnema {
namespace {

struct Told {
  int exit_code = 0;
  std::string out;
  std::string err;
};

/// What `mnema config check` says of a file with this text.
Told check(const std::string& text) {
  const std::string file =
      (std::filesystem::temp_directory_path() / ("mnema-config-" + std::to_string(getpid()) + ".toml")).string();
  std::ofstream(file) << text;
  CLI::App app;
  Told told;
  add_config_command(app, told.exit_code);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  app.parse("config check " + file, false);
  told.out = testing::internal::GetCapturedStdout();
  told.err = testing::internal::GetCapturedStderr();
  std::filesystem::remove(file);
  return told;
}

TEST(ConfigCommand, FindsNoProblemInARightFile) {
  const Told told = check("[server]\nlisten = \"127.0.0.1:7071\"\n");
  EXPECT_EQ(told.exit_code, kExitOk);
  EXPECT_NE(told.out.find("no problem found"), std::string::npos);
}

TEST(ConfigCommand, TellsEveryProblemWithItsLineAndTheNearestKey) {
  const Told told = check("[server]\nlistn = \"127.0.0.1:7071\"\n[inference]\nthreads = -1\n");
  EXPECT_EQ(told.exit_code, kExitConfig);
  EXPECT_NE(told.err.find(":2:9: unknown key 'server.listn'; did you mean 'listen'?"), std::string::npos) << told.err;
  EXPECT_NE(told.err.find(":4:11: 'inference.threads' is -1"), std::string::npos) << told.err;
}

}  // namespace
}  // namespace mnema
