#include "runtime/events/key_template.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

Event issue() {
  Event event;
  event.type = "github.issues.opened";
  event.subject = "octo/hello";
  event.data = R"({"repository":{"full_name":"octo/hello"},"issue":{"number":7,"open":true,"weight":1.5},"a/b":"slash",
                   "customer_id":"c1"})";
  event.attributes = {{"delivery", "d-1"}};
  return event;
}

std::string key(std::string_view key_template) {
  const Result<std::string> rendered = render_key(key_template, issue());
  return rendered.ok() ? *rendered : "error: " + rendered.error().message;
}

TEST(KeyTemplate, FillsItsPlacesFromPayloadFieldsAndAttributes) {
  EXPECT_EQ(key("{/repository/full_name}#{/issue/number}"), "octo/hello#7");
  EXPECT_EQ(key("{/issue/open}:{subject}:{delivery}"), "true:octo/hello:d-1");
  EXPECT_EQ(key("customer_id"), "c1") << "a bare name is a member of the payload";
  EXPECT_EQ(key("a/b"), "slash") << "whatever its letters";
  EXPECT_EQ(key("{/a~1b}"), "slash");
  EXPECT_EQ(key(""), "");
}

TEST(KeyTemplate, RefusesAnEventThatHasNoSuchPlace) {
  EXPECT_EQ(key("{/issue/title}"), "error: the event's key cannot be made: /issue/title is not in the payload");
  EXPECT_NE(key("{/issue}").find("is no text, integer or boolean"), std::string::npos);
  EXPECT_NE(key("{/issue/weight}").find("is no text, integer or boolean"), std::string::npos)
      << "1.5 and 1.50 would be two keys";
  EXPECT_NE(key("{nobody}").find("neither a field nor an attribute"), std::string::npos);
  Event event = issue();
  event.data = "no json";
  EXPECT_EQ(render_key("customer_id", event).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(render_key("{subject}", event).value(), "octo/hello") << "a payload that is not asked need not be JSON";
}

TEST(KeyTemplate, TellsAMalformedOneBeforeTheFirstEvent) {
  for (const char* bad : {"{", "}", "a{}", "{/a", "a}b{/c}", "{/a}{", "{/a~2}", "{/a~}", "{/~/b}"}) {
    const Status status = check_key_template(bad);
    ASSERT_FALSE(status.ok()) << bad;
    EXPECT_NE(status.error().message.find(std::string("'") + bad + "'"), std::string::npos);
  }
  for (const char* good : {"", "customer_id", "{/a}-{subject}", "{/a~0b~1c}", "{a~b}", "a~b"})
    EXPECT_TRUE(check_key_template(good).ok()) << good;
}

}  // namespace
}  // namespace mnema
