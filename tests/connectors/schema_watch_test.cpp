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

std::size_t bytes_of(const JsonShape& shape) {
  std::size_t bytes = 0;
  for (const auto& [path, field] : shape.fields()) bytes += path.size();
  return bytes;
}

TEST(JsonShape, DoesNotLearnNamesThatAreTooLongForOne) {
  std::string text = R"({"id":1,")" + std::string(100'000, 'k') + R"(":{)";
  for (int i = 0; i < 1'000; ++i) text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":1";
  JsonShape shape;
  shape.learn(json(text + "}}"));
  EXPECT_TRUE(shape.fields().contains("/id"));
  EXPECT_LT(bytes_of(shape), 10'000U);
  EXPECT_FALSE(shape.add("/" + std::string(100'000, 'k'), JsonShape::kString));
}

TEST(JsonShape, IsBoundedHoweverManySamplesItLearns) {
  JsonShape shape;
  for (int sample = 0; sample < 20; ++sample) {
    std::string text = "{\"id\":1";
    for (int i = 0; i < 1'000; ++i) text += ",\"" + std::to_string(sample * 1'000 + i) + "\":1";
    shape.learn(json(text + "}"));
  }
  EXPECT_LE(shape.fields().size(), 2'000U);
  EXPECT_EQ(shape.samples(), 20);
}

TEST(SchemaWatch, SaysOnlySoMuchOfAnAnswerThatIsNothingLikeTheOthers) {
  std::string before = "{";
  std::string now = "{";
  for (int i = 0; i < 1'900; ++i) {
    before += (i == 0 ? "\"a" : ",\"a") + std::to_string(i) + "\":1";
    now += (i == 0 ? "\"b" : ",\"b") + std::to_string(i) + "\":1";
  }
  SchemaWatch watch = taught({before + "}"});
  const auto report = watch.check(json(now + "}"));
  ASSERT_FALSE(report.ok());
  EXPECT_LT(report.error().message.size(), 4'000U);
  EXPECT_NE(report.error().message.find("and 1880 more"), std::string::npos) << report.error().message;
}

TEST(SchemaWatch, RequiresWhatEveryElementOfALaterListHas) {
  SchemaWatch watch = taught({R"({"items":[]})", R"({"items":[{"id":1},{"id":2}],"page":{"next":3}})"});
  EXPECT_TRUE(watch.check(json(R"({"items":[]})")).ok());
  const auto report = watch.check(json(R"({"items":[{"sku":1}],"page":{}})"));
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().message.find("/items/*/id is missing"), std::string::npos) << report.error().message;
  EXPECT_NE(report.error().message.find("/page/next is missing"), std::string::npos) << report.error().message;
}

}  // namespace
}  // namespace mnema
