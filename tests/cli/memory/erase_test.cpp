#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>

#include "cli/exit_code.hpp"
#include "cli/memory/memory_routes.hpp"
#include "cli/memory_command.hpp"
#include "tests/cli/command_run.hpp"
#include "tests/memory/temporary_folder.hpp"

namespace mnema {
namespace {

using testing::CommandRun;
using testing::TemporaryFolder;

CommandRun run(std::vector<std::string> arguments, const std::string& folder) {
  return testing::run_command(add_memory_command, "memory", std::move(arguments), folder);
}

/// A data folder in which anna of tenant "acme" has said something.
struct Folder : TemporaryFolder {
  Folder() {
    std::ofstream(path() + "/mnema.db").close();
    const CommandRun added =
        run({"add", "I live in Hamburg.", "--tenant", "acme", "--user", "anna", "--thread", "talk"}, path());
    EXPECT_EQ(added.exit_code, kExitOk) << added.err;
  }
  std::string would_erase() { return run({"erase", "--tenant", "acme", "--whole-tenant", "--dry-run"}, path()).out; }
};

TEST(MemoryErase, TakesAnEmptyNameForAMistakeAndNotForEverybody) {
  Folder folder;
  const std::string one = "1 episodes";  // and perhaps the facts that were made of it meanwhile
  EXPECT_NE(folder.would_erase().find(one), std::string::npos);
  const std::vector<std::vector<std::string>> mistakes = {{"--tenant", "acme", "--session", "", "--yes"},
                                                          {"--tenant", "acme", "--agent", "", "--yes"},
                                                          {"--tenant", "acme", "--agent", "bot", "--user", "", "--yes"},
                                                          {"--tenant", "", "--whole-tenant", "--yes"},
                                                          {"--tenant", "acme", "--yes"},
                                                          {"--tenant", "acme", "--user", "x", "--whole-tenant"}};
  for (std::vector<std::string> mistake : mistakes) {
    mistake.insert(mistake.begin(), "erase");
    const CommandRun refused = run(mistake, folder.path());
    EXPECT_EQ(refused.exit_code, kExitUsage) << refused.out << refused.err;
  }
  EXPECT_EQ(run({"export", "--tenant", "acme", "--user", ""}, folder.path()).exit_code, kExitUsage);
  EXPECT_NE(folder.would_erase().find(one), std::string::npos);
  EXPECT_EQ(run({"erase", "--tenant", "acme", "--whole-tenant", "--yes"}, folder.path()).exit_code, kExitOk);
  EXPECT_EQ(folder.would_erase(), "would erase: nothing\n");
}

TEST(MemoryErase, IsRefusedByTheRouteForANameThatIsGivenAndEmpty) {
  Folder folder;
  const auto routes = open_memory_routes({folder.path(), {}, false}).value();
  for (const char* body : {R"({"tenant":"acme","agent":"bot","user":""})",
                           R"({"tenant":"acme","agent":"bot","user":null})", R"({"tenant":"","whole_tenant":true})",
                           R"({"tenant":"acme","session":"","whole_tenant":true})", R"({"tenant":"acme"})"}) {
    const auto refused = routes->call("POST", "/admin/v1/memory/erasures", body, "");
    ASSERT_FALSE(refused.ok()) << body;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument) << refused.error().text();
  }
  EXPECT_TRUE(routes->call("POST", "/admin/v1/memory/erasures", R"({"tenant":"acme","agent":"bot"})", "").ok());
}

}  // namespace
}  // namespace mnema
