#include "cli/docs_command.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "cli/exit_code.hpp"

namespace mnema {
namespace {

namespace fs = std::filesystem;

class DocsCheck : public ::testing::Test {
 protected:
  DocsCheck() { fs::create_directories(folder_); }
  ~DocsCheck() override { fs::remove_all(folder_.parent_path()); }

  void write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }

  /// What the command prints; its exit code goes to `exit_code_`.
  std::string run(std::vector<std::string> words) {
    CLI::App app;
    add_docs_command(app, exit_code_);
    std::reverse(words.begin(), words.end());
    ::testing::internal::CaptureStdout();
    app.parse(words);
    std::fflush(stdout);
    return ::testing::internal::GetCapturedStdout();
  }

  const fs::path folder_ = fs::temp_directory_path() / ("mnema_docs_check_" + std::to_string(::getpid())) / "docs";
  int exit_code_ = -1;
};

TEST_F(DocsCheck, SaysWhatWouldBeReadAndHow) {
  write("a.md", "# Quorum\nFive.\n");
  write("b.txt",
        "sch\xf6n und gr\xf6\xdf"
        "er, t\xe4glich");
  write("photo.png", "x");
  const std::string printed = run({"docs", "check", folder_.string()});
  EXPECT_EQ(exit_code_, kExitOk);
  EXPECT_NE(printed.find("1 chunks  docs/a.md  (Markdown, UTF-8)\n"), std::string::npos) << printed;
  EXPECT_NE(printed.find("docs/b.txt  (text, windows-1252: read as windows-1252 (detected))\n"), std::string::npos);
  EXPECT_NE(printed.find("no document  docs/photo.png\n"), std::string::npos);
  EXPECT_NE(printed.find("2 documents in 2 chunks, 0 not read, 1 files of other kinds\n"), std::string::npos);
}

TEST_F(DocsCheck, SaysWhatWouldNotBeReadAndWhy) {
  write("two\nlines.md", std::string("a\0\1\2", 4));
  write("ok.md", "text");
  const auto found = boost::json::parse(run({"docs", "check", folder_.string(), "--json"})).as_object();
  EXPECT_EQ(exit_code_, kExitFailed);
  EXPECT_EQ(found.at("failures").as_int64(), 1);
  const auto& documents = found.at("documents").as_array();
  ASSERT_EQ(documents.size(), 2U);
  EXPECT_EQ(documents[0].at("encoding").as_string(), "UTF-8");
  EXPECT_EQ(documents[0].at("chunks").as_int64(), 1);
  EXPECT_EQ(documents[1].at("uri").as_string(), "docs/two\\nlines.md");
  EXPECT_EQ(documents[1].at("failure").as_string(), "docs/two\\nlines.md is not text: it has zero bytes");
}

TEST_F(DocsCheck, NeedsAFolder) {
  run({"docs", "check", "/nowhere/at/all"});
  EXPECT_EQ(exit_code_, kExitUsage);
}

}  // namespace
}  // namespace mnema
