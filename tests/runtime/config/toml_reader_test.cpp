#include "runtime/config/toml_reader.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

/// Reads `text` as `read` asks for it, and gives the problems.
template <class Read>
std::vector<std::string> problems_of(std::string_view text, const Read& read) {
  const std::string file = "mnema.toml";
  const toml::table table = toml::parse(text);
  std::vector<std::string> problems;
  {
    TomlReader reader(table, "", file, problems);
    read(reader);
  }
  return problems;
}

TEST(TomlReader, ReadsWhatIsThereAndKeepsTheDefaultOfTheRest) {
  std::string text = "default";
  std::string kept = "kept";
  bool flag = false;
  double share = 0;
  int count = 1;
  std::int64_t bytes = 0;
  std::vector<std::string> list;
  std::map<std::string, std::string> named;
  std::optional<std::string> secret;
  const auto problems = problems_of(R"(text = "a"
flag = true
share = 1
count = 7
bytes = "2 GiB"
list = ["a", "b"]
named = {x = "1"}
secret = {file = "/run/key"}
)",
                                    [&](TomlReader& reader) {
                                      reader.read("text", text);
                                      reader.read("kept", kept);
                                      reader.read("flag", flag);
                                      reader.read("share", share);
                                      reader.read_integer("count", count, 0, 10);
                                      reader.read_bytes("bytes", bytes);
                                      reader.read("list", list);
                                      reader.read("named", named);
                                      reader.read_secret("secret", secret);
                                    });
  EXPECT_TRUE(problems.empty()) << problems[0];
  EXPECT_EQ(text, "a");
  EXPECT_EQ(kept, "kept");
  EXPECT_TRUE(flag);
  EXPECT_EQ(share, 1.0);
  EXPECT_EQ(count, 7);
  EXPECT_EQ(bytes, std::int64_t{2} << 30);
  EXPECT_EQ(list, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(named.at("x"), "1");
  EXPECT_EQ(secret, "file:/run/key");
}

TEST(TomlReader, NamesFileLineAndColumnOfEachProblemAndChangesNothing) {
  int count = 1;
  std::string level = "info";
  std::vector<std::string> list{"kept"};
  const auto problems = problems_of("count = 11\nlevel = \"loud\"\nlist = [1]\n", [&](TomlReader& reader) {
    reader.read_integer("count", count, 0, 10);
    reader.read_choice("level", level, {"info", "debug"});
    reader.read("list", list);
  });
  EXPECT_EQ(problems, (std::vector<std::string>{
                          "mnema.toml:1:9: 'count' is 11, and must be between 0 and 10",
                          "mnema.toml:2:9: 'level' is 'loud', and must be one of info, debug",
                          "mnema.toml:3:8: 'list' must be a list of texts",
                      }));
  EXPECT_EQ(count, 1);
  EXPECT_EQ(level, "info");
  EXPECT_EQ(list, std::vector<std::string>{"kept"});
}

TEST(TomlReader, DoesNotTakeOneTypeForAnother) {
  std::string text;
  bool flag = false;
  std::int64_t whole = 0;
  const auto problems = problems_of("text = 1\nflag = \"true\"\nwhole = 1.0\n", [&](TomlReader& reader) {
    reader.read("text", text);
    reader.read("flag", flag);
    reader.read_integer("whole", whole, 0, 10);
  });
  EXPECT_EQ(problems.size(), 3U);
}

TEST(TomlReader, ReportsUnknownKeysWithTheNearestKnownOne) {
  std::string text;
  const auto problems =
      problems_of("adress = \"x\"\nzzzzzz = 1\n", [&](TomlReader& reader) { reader.read("address", text); });
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_NE(problems[0].find("unknown key 'adress'; did you mean 'address'?"), std::string::npos) << problems[0];
  EXPECT_EQ(problems[1].find("did you mean"), std::string::npos) << "nothing is near: " << problems[1];
}

TEST(TomlReader, RefusesSecretsInPlainTextAndDoesNotRepeatThem) {
  std::optional<std::string> secret;
  std::map<std::string, std::string> headers;
  const auto problems = problems_of(
      "key = \"sk-1\"\nheaders = {X-Api-Key = \"sk-1\", Accept = \"json\"}\nmy_password = \"sk-1\"\nother_key = {}\n",
      [&](TomlReader& reader) {
        reader.read_secret("key", secret);
        reader.read("headers", headers);
        std::optional<std::string> other;
        reader.read_secret("other_key", other);
      });
  ASSERT_EQ(problems.size(), 4U);
  for (const std::string& problem : problems) EXPECT_EQ(problem.find("sk-1"), std::string::npos) << problem;
  for (const std::size_t i : {0U, 1U, 3U})
    EXPECT_NE(problems[i].find("secret as plain text"), std::string::npos) << problems[i];
  EXPECT_FALSE(secret.has_value());
  EXPECT_EQ(headers, (std::map<std::string, std::string>{{"Accept", "json"}}));
}

}  // namespace
}  // namespace mnema
