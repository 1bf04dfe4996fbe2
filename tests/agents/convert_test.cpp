#include "agents/convert.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

enum class Severity { low, high };
BOOST_DESCRIBE_ENUM(Severity, low, high)

struct Item {
  std::string name;
  int count = 0;
};
BOOST_DESCRIBE_STRUCT(Item, (), (name, count))

struct Order {
  std::string id;
  double amount = 0;
  bool paid = false;
  Severity severity = Severity::low;
  std::vector<Item> items;
  std::map<std::string, int> tags;
  std::optional<std::string> note;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id, amount, paid, severity, items, tags, note))

Docs docs_of(const Order*) { return {{"", "An order"}, {"amount", "in euros"}}; }

std::string problem_with(const std::string& json) {
  auto parsed = parse_bounded_json(json, "the order");
  if (!parsed.ok()) return parsed.error().message;
  auto order = from_json<Order>(*parsed);
  return order.ok() ? "none" : order.error().message;
}

TEST(Convert, BringsAStructThroughJsonAndBack) {
  Order order;
  order.id = "A\"1";
  order.amount = 12.25;
  order.paid = true;
  order.severity = Severity::high;
  order.items = {{"pen", 2}, {"ink", 1}};
  order.tags = {{"a/b", 3}};
  const std::string text = boost::json::serialize(to_json(order));
  auto back = from_json<Order>(*parse_bounded_json(text, "it"));
  ASSERT_TRUE(back.ok()) << back.error().text();
  EXPECT_EQ(boost::json::serialize(to_json(*back)), text);
  EXPECT_EQ(back->items[1].name, "ink");
  EXPECT_EQ(back->note, std::nullopt);
}

TEST(Convert, SaysWhereAndWhatIsWrongByJsonPointer) {
  const std::string good = R"("id":"x","amount":1,"paid":false,"severity":"low","tags":{})";
  EXPECT_EQ(problem_with("{" + good + R"(,"items":[]})"), "none");
  EXPECT_EQ(problem_with("{" + good + R"(,"items":[{"name":"a","count":1},{"name":"b","count":"2"}]})"),
            "at /items/1/count: expected an integer, found a string");
  EXPECT_EQ(problem_with("{" + good + R"(,"items":[{"name":"a"}]})"), "at /items/0/count: is missing");
  EXPECT_EQ(problem_with("{" + good + R"(,"items":[],"a/b":1})"), "at /a~1b: is not a known member");
  EXPECT_EQ(problem_with(R"([1])"), "at the top: expected an object, found an array");
  EXPECT_EQ(problem_with(R"({"id":"x","amount":1,"paid":false,"severity":"mid","items":[],"tags":{}})"),
            R"(at /severity: expected one of "low", "high", found "mid")");
}

TEST(Convert, TakesAMissingOrNullOptionalAsAbsent) {
  const std::string start = R"({"id":"x","amount":1,"paid":false,"severity":"low","items":[],"tags":{})";
  EXPECT_EQ(from_json<Order>(*parse_bounded_json(start + "}", "it"))->note, std::nullopt);
  EXPECT_EQ(from_json<Order>(*parse_bounded_json(start + R"(,"note":null})", "it"))->note, std::nullopt);
  EXPECT_EQ(from_json<Order>(*parse_bounded_json(start + R"(,"note":"n"})", "it"))->note, "n");
}

TEST(Convert, RefusesNumbersThatDoNotFit) {
  EXPECT_TRUE(from_json<int>(boost::json::value(3.0)).ok());
  EXPECT_FALSE(from_json<int>(boost::json::value(3.5)).ok());
  EXPECT_FALSE(from_json<int>(boost::json::value(std::int64_t{1} << 40)).ok());
  EXPECT_FALSE(from_json<unsigned>(boost::json::value(-1)).ok());
  EXPECT_FALSE(from_json<std::int64_t>(boost::json::value(1e300)).ok());
}

struct Digits {
  std::int64_t i = 0;
  std::uint64_t u = 0;
  double d = 0;
  boost::json::value any;
};
BOOST_DESCRIBE_STRUCT(Digits, (), (i, u, d, any))

TEST(Convert, KeepsTheDigitsOfIntegersOrSaysThatTheyDoNotFit) {
  JsonBounds exact;
  exact.exact_integers = true;
  const auto read = [&](const std::string& text) { return from_json<Digits>(*parse_bounded_json(text, "it", exact)); };
  const auto fits = read(R"({"i":-9007199254740993,"u":18446744073709551615,"d":1234567890123456789012,"any":[1]})");
  ASSERT_TRUE(fits.ok()) << fits.error().text();
  EXPECT_EQ(fits->i, -9007199254740993);
  EXPECT_EQ(fits->u, 18446744073709551615U);
  EXPECT_EQ(fits->d, 1234567890123456789012.0);
  EXPECT_EQ(read(R"({"i":1234567890123456789012,"u":1,"d":1,"any":1})").error().message,
            "at /i: expected an integer from -9223372036854775808 to 9223372036854775807, in its digits, found "
            "1234567890123456789012");
  EXPECT_EQ(read(R"({"i":1,"u":1,"d":1,"any":{"a/b":[0,1234567890123456789012]}})").error().message,
            "at /any/a~1b/1: expected an integer of 64 bits at most, found more");
  EXPECT_FALSE(read(R"({"i":1e17,"u":1,"d":1,"any":1})").ok()) << "it may have been rounded";
  EXPECT_EQ(read(R"({"i":{"a":1},"u":1,"d":1,"any":1})").error().message,
            "at /i: expected an integer, found an object");
}

TEST(Convert, IgnoresUnknownMembersOnlyWhereAsked) {
  auto value = parse_bounded_json(R"({"name":"a","count":1,"later":true})", "it");
  EXPECT_FALSE(from_json<Item>(*value).ok());
  EXPECT_TRUE(from_json<Item>(*value, UnknownMembers::kIgnore).ok());
}

TEST(Describe, MakesAClosedSchemaWithRequiredMembersEnumsAndDocs) {
  const boost::json::object schema = schema_of<Order>();
  EXPECT_EQ(schema.at("description"), "An order");
  EXPECT_EQ(schema.at("additionalProperties"), false);
  EXPECT_EQ(boost::json::serialize(schema.at("required")), R"(["id","amount","paid","severity","items","tags"])");
  const auto& properties = schema.at("properties").as_object();
  EXPECT_EQ(boost::json::serialize(properties.at("amount")), R"({"type":"number","description":"in euros"})");
  EXPECT_EQ(boost::json::serialize(properties.at("severity")), R"({"type":"string","enum":["low","high"]})");
  EXPECT_EQ(boost::json::serialize(properties.at("note")), R"({"type":"string"})");
  EXPECT_EQ(properties.at("items").at("items").at("properties").at("count").at("type"), "integer");
  EXPECT_EQ(properties.at("tags").at("additionalProperties").at("type"), "integer");
}

}  // namespace
}  // namespace mnema
