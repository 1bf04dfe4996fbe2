#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>

#include "cli/exit_code.hpp"
#include "cli/memory_command.hpp"
#include "runtime/base/limits.hpp"
#include "tests/cli/command_run.hpp"
#include "tests/memory/temporary_folder.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

TEST(MemoryTransfer, RefusesALineThatNoRequestHoldsByItsNumberAndTakesTheOthers) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder.path() + "/mnema.db").close();
  const std::string file = folder.path() + "/memory.ndjson";
  const auto row = [](const std::string& name) {
    return R"({"type":"folders","scope":{"agent":"","user":"","session":""},"row":{"path":")" + name + R"(","name":")" +
           name + R"(","collection":")" + name + "\"}}\n";
  };
  {
    std::ofstream out(file, std::ios::binary);
    out << "{\"mnema_memory_export\":1,\"tenant\":\"local\"}\n" << row("a");
    out << std::string(static_cast<std::size_t>(Limits{}.http_body_bytes_max) + 1, 'x') << "\n";
    out << row("b") << "no line\n" << "{\"end\":true,\"lines\":4}\n";
  }
  const testing::CommandRun run =
      testing::run_command(add_memory_command, "memory", {"import", file, "--json"}, folder.path());
  const json::value report = run.json();
  EXPECT_EQ(run.exit_code, kExitFailed);
  EXPECT_EQ(report.at("imported").at("folders").to_number<int>(), 2);
  EXPECT_TRUE(report.at("whole").as_bool());
  std::vector<int> lines;
  for (const json::value& refused : report.at("refused_lines").as_array()) {
    lines.push_back(refused.at("line").to_number<int>());
  }
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(lines, (std::vector<int>{3, 5}));
}

}  // namespace
}  // namespace mnema
