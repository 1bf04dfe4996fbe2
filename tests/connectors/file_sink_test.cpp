#include "connectors/file_sink.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "runtime/sim/simulation_executor.hpp"

namespace mnema {
namespace {

class FileSinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/mnema_sink_XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/out.ndjson";
  }
  void TearDown() override {
    std::remove(path_.c_str());
    rmdir(folder_.c_str());
  }
  std::unique_ptr<FileSink> open() {
    auto sink = FileSink::open(path_, simulation_.lane("blocking"));
    EXPECT_TRUE(sink.ok()) << sink.error().text();
    return std::move(*sink);
  }
  Status deliver(FileSink& sink, const std::string& key, const std::string& body,
                 const std::string& content_type = "application/json") {
    OutboxMessage message;
    message.destination = "file";
    message.key = "k";
    message.idempotency_key = key;
    message.content_type = content_type;
    message.body = body;
    std::optional<Status> answer;
    sink.deliver(message, simulation_.lane("loop"), [&](Status status) { answer = status; });
    simulation_.run_ready();
    return answer.value_or(Status{fail(ErrorCode::kInternal, "no answer")});
  }
  std::string content() {
    std::stringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }
  void append_raw(const std::string& text) { std::ofstream(path_, std::ios::app) << text; }

  std::string folder_;
  std::string path_;
  Simulation simulation_{1};
};

TEST_F(FileSinkTest, WritesOneJsonLinePerRow) {
  auto sink = open();
  ASSERT_TRUE(deliver(*sink, "a", R"({"label":"bug"})").ok());
  ASSERT_TRUE(deliver(*sink, "b", "two\nlines", "text/plain").ok());
  sink->check_integrity();
  std::istringstream lines(content());
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  auto first = boost::json::parse(line);
  EXPECT_EQ(first.at("idempotency_key"), "a");
  EXPECT_EQ(first.at("body").at("label"), "bug");
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(boost::json::parse(line).at("body"), "two\nlines");
  EXPECT_FALSE(std::getline(lines, line));
}

TEST_F(FileSinkTest, WritesAReplayedRowOnlyOnceAlsoAfterARestart) {
  {
    auto sink = open();
    ASSERT_TRUE(deliver(*sink, "a", "1").ok());
    ASSERT_TRUE(deliver(*sink, "a", "1").ok());
  }
  auto sink = open();
  ASSERT_TRUE(deliver(*sink, "a", "1").ok());
  ASSERT_TRUE(deliver(*sink, "b", "2").ok());
  std::string text = content();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  sink->check_integrity();
}

TEST_F(FileSinkTest, CutsOffALineThatACrashLeftTorn) {
  {
    auto sink = open();
    ASSERT_TRUE(deliver(*sink, "a", "1").ok());
  }
  append_raw(R"({"idempotency_key":"b","dest)");
  auto sink = open();
  ASSERT_TRUE(deliver(*sink, "b", "2").ok());
  sink->check_integrity();
  EXPECT_EQ(content().find("\"dest{"), std::string::npos);
}

TEST_F(FileSinkTest, RefusesAFileOfSomebodyElse) {
  append_raw("hello\n");
  auto sink = FileSink::open(path_, simulation_.lane("blocking"));
  ASSERT_FALSE(sink.ok());
  EXPECT_EQ(sink.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(sink.error().message.find("line 1"), std::string::npos);
  EXPECT_EQ(content(), "hello\n");
}

TEST_F(FileSinkTest, LeavesAFileOfSomebodyElseWithoutALineEndAsItIs) {
  append_raw("my only copy");
  auto sink = FileSink::open(path_, simulation_.lane("blocking"));
  ASSERT_FALSE(sink.ok());
  EXPECT_EQ(sink.error().code, ErrorCode::kCorrupt);
  EXPECT_FALSE(sink.error().hint.empty());
  EXPECT_EQ(content(), "my only copy");
}

TEST_F(FileSinkTest, CutsOffOurLineWhereverItWasTorn) {
  for (const char* torn : {"{", "{\"idempotency", "{\"idempotency_key\":\"b\",\"destination\":\"f"}) {
    append_raw(torn);
    open()->check_integrity();
    EXPECT_EQ(content(), "") << torn;
  }
}

TEST_F(FileSinkTest, RefusesASecondWriter) {
  auto sink = open();
  auto second = FileSink::open(path_, simulation_.lane("blocking"));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(FileSinkTest, KeepsBytesThatAreNoText) {
  {
    auto sink = open();
    ASSERT_TRUE(deliver(*sink, "a", "\xFF\xFE", "application/octet-stream").ok());
  }
  auto sink = open();
  sink->check_integrity();
  EXPECT_NE(content().find("\"body_base64\":\"//4=\""), std::string::npos);
}

TEST_F(FileSinkTest, SaysWhereItCannotWrite) {
  auto sink = FileSink::open("/nonexistent/out.ndjson", simulation_.lane("blocking"));
  ASSERT_FALSE(sink.ok());
  EXPECT_EQ(sink.error().code, ErrorCode::kStorage);
  EXPECT_NE(sink.error().message.find("/nonexistent/out.ndjson"), std::string::npos);
}

TEST_F(FileSinkTest, RefusesAPipeWhichWouldKeepNothing) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  auto sink = FileSink::open(path_, simulation_.lane("blocking"));
  ASSERT_FALSE(sink.ok());
  EXPECT_EQ(sink.error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(FileSinkTest, HoldsOneThreadOfThePoolHoweverManyRowsWait) {
  struct CountingExecutor final : Executor {
    void post(std::function<void()> work) override { waiting.push_back(std::move(work)); }
    void post_after(Duration, std::function<void()> work) override { post(std::move(work)); }
    std::vector<std::function<void()>> waiting;
  } pool;
  auto sink = *FileSink::open(path_, pool);
  std::vector<std::string> order;
  for (const std::string key : {"a", "b", "c"}) {
    OutboxMessage message;
    message.idempotency_key = key;
    message.body = "1";
    sink->deliver(message, simulation_.lane("loop"), [&order, key](const Status& status) {
      EXPECT_TRUE(status.ok());
      order.push_back(key);
    });
  }
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(pool.waiting.size(), 1U) << "one job at a time";
    auto work = std::move(pool.waiting.front());
    pool.waiting.clear();
    work();
  }
  simulation_.run_ready();
  EXPECT_EQ(order, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(pool.waiting.empty());
  sink->check_integrity();
}

TEST_F(FileSinkTest, AnswersEveryRowWhenItStops) {
  auto sink = open();
  std::vector<Status> answers;
  for (const std::string key : {"a", "b", "c"}) {
    OutboxMessage message;
    message.idempotency_key = key;
    sink->deliver(message, simulation_.lane("loop"), [&](const Status& status) { answers.push_back(status); });
  }
  sink->stop();
  sink->stop();
  simulation_.run_ready();
  ASSERT_EQ(answers.size(), 3U);
  for (const Status& answer : answers) EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
  EXPECT_FALSE(answers[0].error().never_left) << "it may be on its way to the disk";
  EXPECT_TRUE(answers[2].error().never_left);
  EXPECT_EQ(deliver(*sink, "d", "1").error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace mnema
