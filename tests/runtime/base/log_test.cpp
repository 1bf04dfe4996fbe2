#include "runtime/base/log.hpp"

#include <gtest/gtest.h>

#include <type_traits>
#include <vector>

#include "runtime/base/json.hpp"

namespace mnema {
namespace {

class LogTest : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_TRUE(configure_log({}).ok()); }
  void capture(LogLevel level, LogFormat format) {
    LogOptions options;
    options.level = level;
    options.format = format;
    options.capture = [this](std::string_view line) { lines.emplace_back(line); };
    ASSERT_TRUE(configure_log(options).ok());
  }
  std::vector<std::string> lines;
};

TEST_F(LogTest, WritesOneLineForPeople) {
  capture(LogLevel::kInfo, LogFormat::kText);
  log_warning("outbox", "delivery\nfailed",
              {{"destination", "mail"}, {"error", "no \"way\"\n"}, {"attempt", 3}, {"ok", false}});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(
      lines[0].find("warning outbox: delivery failed destination=mail error=\"no \\\"way\\\"\\n\" attempt=3 ok=false"),
      std::string::npos)
      << lines[0];
}

TEST_F(LogTest, WritesOneObjectForMachines) {
  capture(LogLevel::kInfo, LogFormat::kJson);
  log_error("database", "commit {} %v \"failed\"", {{"file", "a\nb"}, {"rows", 7}, {"share", 0.5}});
  ASSERT_EQ(lines.size(), 1U);
  const auto parsed = parse_bounded_json(lines[0], "the line");
  ASSERT_TRUE(parsed.ok()) << lines[0];
  const boost::json::object& line = parsed->get_object();
  EXPECT_EQ(line.at("level"), "error");
  EXPECT_EQ(line.at("component"), "database");
  EXPECT_EQ(line.at("message"), "commit {} %v \"failed\"") << "nothing in a message is a pattern";
  EXPECT_EQ(line.at("file"), "a\nb");
  EXPECT_EQ(line.at("rows"), 7);
  EXPECT_EQ(line.at("share"), 0.5);
  EXPECT_TRUE(line.contains("time"));
}

TEST_F(LogTest, WritesNothingBelowItsLevel) {
  capture(LogLevel::kWarning, LogFormat::kText);
  log_debug("a", "payload");
  log_info("a", "news");
  EXPECT_FALSE(log_enabled(LogLevel::kInfo));
  EXPECT_TRUE(lines.empty());
  log_warning("a", "trouble");
  EXPECT_EQ(lines.size(), 1U);
  capture(LogLevel::kOff, LogFormat::kText);
  log_error("a", "trouble");
  EXPECT_EQ(lines.size(), 1U);
}

TEST_F(LogTest, CannotBeHandedASecret) {
  static_assert(!std::is_constructible_v<LogField, std::string_view, Secret>);
  static_assert(!std::is_constructible_v<LogField, std::string_view, const Secret&>);
  static_assert(std::is_constructible_v<LogField, std::string_view, std::string>);
  static_assert(!std::is_convertible_v<Secret, std::string> && !std::is_convertible_v<Secret, std::string_view>);
}

TEST_F(LogTest, SaysWhenItsFileCannotBeOpened) {
  LogOptions options;
  options.file = "/proc/none/mnema.log";
  const Status status = configure_log(options);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kStorage);
  EXPECT_NE(status.error().message.find("/proc/none/mnema.log"), std::string::npos);
  EXPECT_FALSE(parse_log_level("loud").ok());
  EXPECT_EQ(parse_log_level("warning").value(), LogLevel::kWarning);
}

}  // namespace
}  // namespace mnema
