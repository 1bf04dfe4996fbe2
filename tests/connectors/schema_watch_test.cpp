#include "connectors/schema_watch.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace mnema {
namespace {

boost::json::value json(std::string_view text) { return boost::json::parse(text); }

SchemaWatch taught(std::initializer_list<std::string_view> samples) {
  SchemaWatch watch("crm", static_cast<int>(samples.size()));
  for (std::string_view sample : samples) EXPECT_TRUE(watch.check(json(sample)).ok());
  return watch;
}

TEST(SchemaWatch, AcceptsAnswersOfTheSameShape) {
  SchemaWatch watch = taught({R"({"id":1,"name":"a","tags":["x"]})"});
  auto report = watch.check(json(R"({"id":99,"name":"zzz","tags":[]})"));
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->new_paths.empty());
}

TEST(SchemaWatch, NamesAMissingField) {
  SchemaWatch watch = taught({R"({"id":1,"owner":{"mail":"m"}})"});
  auto report = watch.check(json(R"({"id":1,"owner":{}})"));
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::kSchemaDrift);
  EXPECT_NE(report.error().message.find("/owner/mail is missing"), std::string::npos);
  EXPECT_NE(report.error().message.find("crm"), std::string::npos);
}

TEST(SchemaWatch, DraftsARename) {
  SchemaWatch watch = taught({R"({"customer_id":"c1","total":3})"});
  auto report = watch.check(json(R"({"customerId":"c1","total":3})"));
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().message.find("/customer_id is missing (renamed to /customerId?)"), std::string::npos);
}

TEST(SchemaWatch, NoticesAnotherType) {
  SchemaWatch watch = taught({R"({"amount":12.5})"});
  auto report = watch.check(json(R"({"amount":"12.50"})"));
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().message.find("/amount is string and was number"), std::string::npos);
}

TEST(SchemaWatch, TakesANewFieldAsANoteOnce) {
  SchemaWatch watch = taught({R"({"id":1})"});
  auto first = watch.check(json(R"({"id":1,"extra":{"deep":true}})"));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->new_paths, std::vector<std::string>{"/extra"});
  auto second = watch.check(json(R"({"id":1,"extra":{"deep":true}})"));
  ASSERT_TRUE(second.ok());
  EXPECT_TRUE(second->new_paths.empty());
}

TEST(SchemaWatch, LearnsWhatIsOptionalAndWhatMayBeNull) {
  SchemaWatch watch = taught({R"({"id":1,"note":"x"})", R"({"id":2,"note":null})", R"({"id":3})"});
  EXPECT_TRUE(watch.check(json(R"({"id":4})")).ok());
  EXPECT_TRUE(watch.check(json(R"({"id":4,"note":null})")).ok());
  EXPECT_FALSE(watch.check(json(R"({"note":"x"})")).ok());
}

TEST(SchemaWatch, LooksIntoTheElementsOfArrays) {
  SchemaWatch watch = taught({R"({"items":[{"sku":"a","count":1},{"sku":"b"}]})"});
  EXPECT_TRUE(watch.check(json(R"({"items":[{"sku":"c"}]})")).ok());
  auto report = watch.check(json(R"({"items":[{"sku":"c"},{"count":2}]})"));
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().message.find("/items/*/sku is missing"), std::string::npos);
}

TEST(SchemaWatch, DoesNotMissFieldsOfAnObjectThatIsNull) {
  SchemaWatch watch = taught({R"({"user":{"name":"a"}})", R"({"user":null})"});
  EXPECT_TRUE(watch.check(json(R"({"user":null})")).ok());
  EXPECT_FALSE(watch.check(json(R"({"user":{}})")).ok());
}

TEST(JsonShape, ComesBackFromItsStoredForm) {
  JsonShape shape;
  shape.learn(json(R"({"a":[1,{"b/c":null}]})"));
  auto restored = JsonShape::from_json(shape.to_json());
  ASSERT_TRUE(restored.ok());
  EXPECT_EQ(restored->fields(), shape.fields());
  SchemaWatch watch("crm", *restored);
  EXPECT_TRUE(watch.check(json(R"({"a":[2]})")).ok());
  EXPECT_FALSE(watch.check(json(R"({"a":"2"})")).ok());
}

TEST(JsonShape, RefusesAStoredFormThatIsNotOne) {
  for (std::string_view text : {"1", "{}", R"({"samples":1,"fields":{"/a":{"types":0,"required":true}}})"}) {
    auto restored = JsonShape::from_json(json(text));
    ASSERT_FALSE(restored.ok()) << text;
    EXPECT_EQ(restored.error().code, ErrorCode::kCorrupt);
  }
}

}  // namespace
}  // namespace mnema
