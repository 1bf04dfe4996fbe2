#include "runtime/events/event_codec.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

Event full_event() {
  Event event;
  event.id = "e-1\n\"quoted\"";
  event.source = "kafka:cluster/topic/3";
  event.type = "order.placed";
  event.subject = "größe";
  event.time = from_micros(-5);
  event.content_type = "text/plain";
  event.tenant = "acme";
  event.user = "mia";
  event.agent = "shop";
  event.key = "k";
  event.priority = EventPriority::kBackground;
  event.trust = Trust::kOperator;
  event.deadline = from_micros(1'700'000'000'000'000);
  event.traceparent = "00-1-2-01";
  event.attributes = {{"a", "1"}, {"b", ""}};
  return event;
}

TEST(EventCodec, GivesEveryFieldBackBesideThePayload) {
  const Event event = full_event();
  const Result<Event> decoded = decode_event_fields(encode_event_fields(event));
  ASSERT_TRUE(decoded.ok()) << decoded.error().text();
  EXPECT_EQ(encode_event_fields(*decoded), encode_event_fields(event));
  EXPECT_EQ(decoded->id, event.id);
  EXPECT_EQ(decoded->time, event.time);
  EXPECT_EQ(decoded->deadline, event.deadline);
  EXPECT_EQ(decoded->priority, event.priority);
  EXPECT_EQ(decoded->trust, event.trust);
  EXPECT_EQ(decoded->attributes, event.attributes);
  Event without = event;
  without.deadline.reset();
  EXPECT_EQ(decode_event_fields(encode_event_fields(without))->deadline, std::nullopt);
}

TEST(EventCodec, RefusesStoredTextThatIsNotItsOwn) {
  std::string text = encode_event_fields(full_event());
  text.replace(text.find("\"acme\""), 6, "7");
  const Result<Event> decoded = decode_event_fields(text);
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(decoded.error().message.find("\"tenant\""), std::string::npos) << decoded.error().message;
  for (const char* bad : {"", "[]", "{}", "{\"id\":"}) {
    EXPECT_EQ(decode_event_fields(bad).error().code, ErrorCode::kCorrupt) << bad;
  }
  EXPECT_EQ(decode_attributes(R"({"a":1})").error().code, ErrorCode::kCorrupt);
}

TEST(EventCodec, BoundsWhatIsTakenInAtTheBorder) {
  const auto refusal = [](const std::function<void(Event&)>& change, std::int64_t bytes_max = 10'000) {
    Event event = full_event();
    change(event);
    const Status status = check_event(event, bytes_max);
    return status.ok() ? "" : status.error().message;
  };
  EXPECT_EQ(refusal([](Event&) {}), "");
  EXPECT_NE(refusal([](Event& event) { event.id.clear(); }).find("has no id"), std::string::npos);
  EXPECT_NE(refusal([](Event& event) { event.source.clear(); }).find("has no source"), std::string::npos);
  EXPECT_NE(refusal([](Event& event) { event.subject = std::string(1'025, 's'); }).find("subject has 1025 bytes"),
            std::string::npos);
  EXPECT_NE(refusal([](Event& event) { event.user = "\xc3"; }).find("user is not UTF-8"), std::string::npos);
  EXPECT_NE(refusal([](Event& event) { event.attributes["\xff"] = ""; }).find("attribute is not UTF-8"),
            std::string::npos);
  EXPECT_NE(refusal([](Event& event) { event.priority = static_cast<EventPriority>(3); }).find("no priority 3"),
            std::string::npos);
  EXPECT_EQ(refusal([](Event& event) { event.data = "\xff\0"; }), "") << "a payload may be any bytes";
  EXPECT_NE(refusal([](Event& event) { event.attributes["a"] = std::string(9'990, 'a'); }).find("bytes"),
            std::string::npos)
      << "attributes count too";
}

}  // namespace
}  // namespace mnema
