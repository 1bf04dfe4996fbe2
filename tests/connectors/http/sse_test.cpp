#include "connectors/http/sse.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

std::vector<SseEvent> parse(std::string_view text, std::size_t piece = 1000) {
  SseParser parser(1 << 20);
  std::vector<SseEvent> events;
  for (std::size_t at = 0; at < text.size(); at += piece) EXPECT_TRUE(parser.feed(text.substr(at, piece), events).ok());
  return events;
}

TEST(Sse, ReadsBackWhatItWrote) {
  std::vector<SseEvent> events = {{"", "one", ""}, {"error", "two\nlines\n", "7"}, {"", "", ""}};
  std::string text;
  for (const SseEvent& event : events) text += sse_frame(event);
  auto read = parse(text);
  ASSERT_EQ(read.size(), 3U);
  EXPECT_EQ(read[0], events[0]);
  EXPECT_EQ(read[1], events[1]);
  EXPECT_EQ(read[2].data, "");
  EXPECT_EQ(read[2].id, "7");  // the last id stays
}

TEST(Sse, DoesNotCareHowTheBytesAreCut) {
  std::string text = "\xEF\xBB\xBF: hello\r\ndata: a\r\ndata:b\r\n\r\nevent: x\rdata\r\rid: 4\ndata: c\n\n";
  auto whole = parse(text);
  ASSERT_EQ(whole.size(), 3U);
  EXPECT_EQ(whole[0].data, "a\nb");
  EXPECT_EQ(whole[1].event, "x");
  EXPECT_EQ(whole[1].data, "");
  EXPECT_EQ(whole[2].id, "4");
  for (std::size_t piece = 1; piece < 8; ++piece) EXPECT_EQ(parse(text, piece), whole) << piece;
}

TEST(Sse, DropsCommentsAndEventsWithoutTheirBlankLine) {
  auto events = parse(sse_comment("ping") + sse_data("x") + "data: never finished\n");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].data, "x");
}

TEST(Sse, RefusesAnEventWithoutEnd) {
  SseParser parser(100);
  std::vector<SseEvent> events;
  Status status;
  for (int i = 0; i < 50 && status.ok(); ++i) status = parser.feed("data: xxxxxxxx\n", events);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kResourceExhausted);
}

TEST(Sse, RemembersTheReconnectionDelay) {
  SseParser parser(100);
  std::vector<SseEvent> events;
  ASSERT_TRUE(parser.feed("retry: 1500\nretry: soon\n\n", events).ok());
  EXPECT_EQ(parser.retry_ms(), 1500);
  EXPECT_TRUE(events.empty());
}

}  // namespace
}  // namespace mnema
