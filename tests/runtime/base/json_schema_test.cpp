#include "runtime/base/json_schema.hpp"

#include <gtest/gtest.h>

#include "runtime/base/json.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

boost::json::value json(std::string_view text) { return parse_bounded_json(text, "the test").value(); }

/// "" if `value` fits `schema`, else its first breach.
std::string breach(std::string_view schema, std::string_view value) {
  const Result<JsonSchema> compiled = JsonSchema::compile(json(schema));
  if (!compiled.ok()) return "no schema: " + compiled.error().text();
  const std::vector<SchemaBreach> breaches = compiled->validate(json(value));
  return breaches.empty() ? "" : breaches[0].pointer + ": " + breaches[0].problem;
}

std::string refusal(std::string_view schema) {
  const Result<JsonSchema> compiled = JsonSchema::compile(json(schema));
  return compiled.ok() ? "" : compiled.error().message;
}

constexpr const char* kOrder = R"({
  "type": "object", "required": ["id", "items"], "additionalProperties": false,
  "properties": {
    "id": {"type": "string", "pattern": "^[A-Z]+-[0-9]+$"},
    "note": {"type": ["string", "null"], "maxLength": 5},
    "items": {"type": "array", "minItems": 1, "uniqueItems": true, "items": {"$ref": "#/$defs/item"}}},
  "$defs": {"item": {"type": "object", "required": ["amount"],
    "properties": {"amount": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.01}}}}})";

TEST(JsonSchema, SaysWhereAndWhatIsWrong) {
  EXPECT_EQ(breach(kOrder, R"({"id":"AB-1","items":[{"amount":0.07}],"note":null})"), "");
  EXPECT_EQ(breach(kOrder, R"({"id":"AB-1"})"), "/items: is missing");
  EXPECT_EQ(breach(kOrder, R"({"id":"ab","items":[{"amount":1}]})"), "/id: does not fit the pattern ^[A-Z]+-[0-9]+$");
  EXPECT_EQ(breach(kOrder, R"({"id":"A-1","items":[{"amount":1},{"amount":0}]})"),
            "/items/1/amount: expected more than 0, found 0");
  EXPECT_EQ(breach(kOrder, R"({"id":"A-1","items":[{"amount":0.005}]})"),
            "/items/0/amount: expected a multiple of 0.01, found 0.005");
  EXPECT_EQ(breach(kOrder, R"({"id":"A-1","items":[]})"), "/items: expected at least 1 item, found 0");
  EXPECT_EQ(breach(kOrder, R"({"id":"A-1","items":[{"amount":1.0},{"amount":1}]})"),
            R"(/items/1: repeats an earlier item: {"amount":1})");
  EXPECT_EQ(breach(kOrder, R"({"id":"A-1","items":[{"amount":1}],"note":"größer"})"),
            "/note: expected at most 5 characters, found 6")
      << "characters, not bytes";
  EXPECT_NE(breach(kOrder, R"({"id":"A-1","items":[{"amount":1}],"nota":""})").find("not a known member"),
            std::string::npos);
}

TEST(JsonSchema, GivesAllThatIsWrongInOneTextThatAModelCanActOn) {
  const JsonSchema schema = JsonSchema::compile(json(kOrder)).value();
  const Status status = schema.check(json(R"({"id":7,"items":[{}]})"), "the arguments");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(status.error().message.find("the arguments: at /id: expected string, found a number 7"), std::string::npos)
      << status.error().message;
  EXPECT_NE(status.error().message.find("; at /items/0/amount: is missing"), std::string::npos)
      << status.error().message;
}

TEST(JsonSchema, ComparesNumbersAsNumbersAlsoBeyondDoubles) {
  EXPECT_EQ(breach(R"({"type":"integer"})", "3.0"), "");
  EXPECT_NE(breach(R"({"type":"integer"})", "3.5"), "");
  EXPECT_EQ(breach(R"({"const": 1})", "1.0"), "");
  EXPECT_NE(breach(R"({"maximum": 9007199254740992})", "9007199254740993"), "") << "2^53 + 1";
  EXPECT_EQ(breach(R"({"maximum": 18446744073709551615})", "18446744073709551615"), "");
  EXPECT_NE(breach(R"({"minimum": 0})", "-9223372036854775808"), "");
  EXPECT_EQ(breach(R"({"multipleOf": 0.1})", "0.3"), "");
}

TEST(JsonSchema, KeepsTheDigitsOfIntegersBeyond64Bits) {
  JsonBounds bounds;
  bounds.exact_integers = true;
  const auto exact = [&](std::string_view text) { return parse_bounded_json(text, "the test", bounds).value(); };
  const auto fits = [&](std::string_view schema, std::string_view value) {
    return JsonSchema::compile(exact(schema)).value().validate(exact(value)).empty();
  };
  EXPECT_TRUE(fits(R"({"type":"integer"})", "123456789012345678901234567890"));
  EXPECT_FALSE(fits(R"({"type":["object","string"]})", "123456789012345678901234567890"));
  EXPECT_TRUE(fits(R"({"maximum":100000000000000000000001})", "100000000000000000000001"));
  EXPECT_FALSE(fits(R"({"maximum":100000000000000000000001})", "100000000000000000000002"));
  EXPECT_TRUE(fits(R"({"const":123456789012345678901})", "123456789012345678901"));
  EXPECT_FALSE(fits(R"({"const":123456789012345678901})", "123456789012345678902"));
  EXPECT_FALSE(fits(R"({"multipleOf":2})", "123456789012345678901"));
  EXPECT_TRUE(fits(R"({"properties":{"a":false}})", "123456789012345678901"));
}

TEST(JsonSchema, CombinesAlternatives) {
  EXPECT_EQ(breach(R"({"anyOf":[{"type":"string"},{"type":"object","required":["a"]}]})", R"({"a":1})"), "");
  EXPECT_NE(
      breach(R"({"anyOf":[{"type":"string"},{"type":"object","properties":{"a":{"type":"null"}}}]})", R"({"a":1})")
          .find("nearest: at /a"),
      std::string::npos);
  EXPECT_EQ(breach(R"({"oneOf":[{"minimum":1},{"maximum":0}]})", "5"), "");
  EXPECT_EQ(breach(R"({"oneOf":[{"minimum":1},{"minimum":2}]})", "5"),
            ": fits 2 alternatives where exactly one is wanted");
  EXPECT_NE(breach(R"({"not":{"type":"string"}})", R"("a")"), "");
  EXPECT_EQ(breach(R"({"not":false})", R"("a")"), "");
  EXPECT_EQ(breach(R"({"prefixItems":[{"const":1}],"items":false})", "[1]"), "");
  EXPECT_EQ(breach(R"({"prefixItems":[{"const":1}],"items":false})", "[1,2]"), "/1: is not allowed");
  EXPECT_NE(breach(R"({"propertyNames":{"maxLength":1}})", R"({"ab":1})"), "");
}

TEST(JsonSchema, RefusesWhatIsNoSchema) {
  EXPECT_NE(refusal(R"({"$ref":"https://example.org/schema"})").find("leads nowhere"), std::string::npos);
  EXPECT_NE(refusal(R"({"$ref":"#/$defs/none"})").find("leads nowhere"), std::string::npos);
  EXPECT_NE(refusal(R"({"type":"text"})").find("there is no type"), std::string::npos);
  EXPECT_NE(refusal(R"({"pattern":"("})").find("wrong at character"), std::string::npos);
  EXPECT_NE(refusal(R"({"multipleOf":0})").find("above 0"), std::string::npos);
  EXPECT_NE(refusal(R"({"properties":{"a":{"if":7}}})").find("'/properties/a/if'"), std::string::npos);
  for (const char* count : {"-1", "1.5", "\"1\""}) {
    EXPECT_NE(refusal(std::string(R"({"maxItems":)") + count + "}").find("expected an integer"), std::string::npos)
        << count;
  }
}

TEST(JsonSchema, TakesEveryOtherWordForAnAnnotation) {
  EXPECT_EQ(refusal(R"({"title":"t","format":"date","x-mine":1,"default":{},"id":"#a","readonly":true,"readOnly":true,
                        "example":1,"examples":[1],"nullable":true,"deprecated":true,"discriminator":{"propertyName":"a"},
                        "made up":[{"type":"nothing"}],"then":{},"else":{},"minContains":2,"contentEncoding":"base64"})"),
            "");
  EXPECT_EQ(breach(R"({"type":"string","format":"date","nullable":true})", R"("no date")"), "");
  EXPECT_EQ(breach(R"({"properties":{"id":{"type":"integer"}},"id":"http://a.b/c"})", R"({"id":1})"), "");
}

TEST(JsonSchema, KnowsTheWordsOfBothDrafts) {
  const auto fits = [](std::string_view schema, std::string_view value) { return breach(schema, value).empty(); };
  struct Case {
    const char* schema;
    std::vector<const char*> in, out;
  };
  const std::vector<Case> cases = {
      {R"({"patternProperties":{"^a":{"type":"integer"}},"additionalProperties":false})",
       {R"({"a1":1})"},
       {R"({"a":"x"})", R"({"b":1})"}},
      {R"({"items":[{"type":"integer"}],"additionalItems":false})", {"[1]", "[]"}, {"[1,2]", R"(["a"])"}},
      {R"({"items":{"type":"integer"},"additionalItems":false})", {"[1,2]"}, {R"(["a"])"}},
      {R"({"additionalItems":false})", {"[1,2]"}, {}},
      {R"({"dependencies":{"a":["b"],"c":{"minProperties":2}}})",
       {R"({"a":1,"b":1})", R"({"c":1,"d":1})"},
       {R"({"a":1})", R"({"c":1})"}},
      {R"({"dependentRequired":{"a":["b"]},"dependentSchemas":{"c":{"required":["d"]}}})",
       {R"({"b":1})", R"({"c":1,"d":1})"},
       {R"({"a":1})", R"({"c":1})"}},
      {R"({"if":{"type":"integer"},"then":{"minimum":5},"else":{"type":"string"}})", {"5", R"("a")"}, {"4", "null"}},
      {R"({"contains":{"const":1},"minContains":2,"maxContains":3})", {"[1,1]", "[1,2,1,1]"}, {"[1]", "[1,1,1,1]"}},
      {R"({"contains":{"const":1}})", {"[2,1]", "{}"}, {"[]", "[2]"}},
      {R"({"minimum":2,"exclusiveMinimum":true})", {"3"}, {"2"}},
      {R"({"enum":[1,2],"const":2})", {"2"}, {"1"}},
      {R"({"$defs":{"a b":{"type":"integer"}},"$ref":"#/$defs/a%20b","minimum":3})", {"3"}, {"2", R"("a")"}},
      {R"({"$defs":{"x":{"$anchor":"here","type":"integer"}},"$ref":"#here"})", {"1"}, {R"("a")"}},
      {R"({"allOf":[{"properties":{"a":{}}}],"properties":{"b":{}},"unevaluatedProperties":false})",
       {R"({"a":1,"b":2})"},
       {R"({"c":1})"}},
      {R"({"anyOf":[{"properties":{"a":{"const":1}},"required":["a"]},{"properties":{"b":{}}}],"unevaluatedProperties":false})",
       {R"({"a":1,"b":2})", R"({"b":2})"},
       {R"({"a":2})", R"({"c":1})"}},
      {R"({"prefixItems":[{}],"contains":{"const":7},"unevaluatedItems":{"type":"null"}})",
       {"[1,7,null]", "[7]"},
       {"[1,7,8]"}},
  };
  for (const Case& one : cases) {
    for (const char* value : one.in)
      EXPECT_TRUE(fits(one.schema, value)) << one.schema << " " << value << breach(one.schema, value);
    for (const char* value : one.out) EXPECT_FALSE(fits(one.schema, value)) << one.schema << " " << value;
  }
}

TEST(JsonSchema, CutsItsMessagesBetweenCharacters) {
  for (std::size_t blanks = 0; blanks < 4; ++blanks) {
    std::string text = "\"" + std::string(blanks, ' ');
    for (int i = 0; i < 40; ++i) text += "\u00e9\u65e5";
    const std::string problem = breach(R"({"type":"integer"})", text + "\"");
    EXPECT_TRUE(is_valid_utf8(problem)) << problem;
    EXPECT_NE(problem.find("..."), std::string::npos);
  }
}

TEST(JsonSchema, FollowsCircularReferences) {
  constexpr const char* kTree = R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object",
    "properties":{"children":{"type":"array","items":{"$ref":"#/$defs/node"}}},"additionalProperties":false}}})";
  EXPECT_EQ(breach(kTree, R"({"children":[{"children":[]},{}]})"), "");
  EXPECT_NE(breach(kTree, R"({"children":[{"children":[3]}]})"), "");
  EXPECT_NE(breach(R"({"$ref":"#"})", "1").find("nested too deep"), std::string::npos) << "ends all the same";
}

TEST(JsonSchema, RefusesAValueRatherThanCheckWithoutEnd) {
  // Each level tries its part twice: 2^22 times in all.
  const std::string defs = R"("$defs":{"a":{"type":"array","items":{"anyOf":[
    {"allOf":[{"$ref":"#/$defs/a"},{"maxItems":0}]},{"$ref":"#/$defs/a"}]}}})";
  std::string value = "[]";
  for (int i = 0; i < 22; ++i) value = "[" + value + "]";
  const std::string problem = breach(R"({"$ref":"#/$defs/a",)" + defs + "}", value);
  EXPECT_NE(problem.find("within the bound of work"), std::string::npos) << problem;
  EXPECT_NE(breach(R"({"not":{"$ref":"#/$defs/a"},)" + defs + "}", value), "")
      << "what could not be checked is not taken for excluded";
}

TEST(JsonSchema, KnowsIntegersBeyond64BitsByTheirDigits) {
  JsonBounds bounds;
  bounds.exact_integers = true;
  const auto exact = [&](const char* text) { return *parse_bounded_json(text, "a text", bounds); };
  const JsonSchema schema =
      *JsonSchema::compile(exact(R"({"type":"integer","enum":[1234567890123456789012,7],"minimum":8})"));
  EXPECT_TRUE(schema.validate(exact("1234567890123456789012")).empty());
  EXPECT_FALSE(schema.validate(exact("1234567890123456789013")).empty());
  EXPECT_FALSE(schema.validate(exact("7")).empty());
  EXPECT_FALSE((*JsonSchema::compile(exact(R"({"type":"object"})"))).validate(exact("1234567890123456789012")).empty());
}

TEST(JsonSchema, SaysOnlySoMuchHoweverLongNamesAre) {
  const std::string name(100'000, 'n');
  const JsonSchema schema = *JsonSchema::compile(
      json(R"({"additionalProperties":{"items":{"anyOf":[{"type":"integer"},{"items":{"type":"null"}}]}}})"));
  const Status status =
      schema.check(json("{\"" + name + R"(":["a",[1],["b"],{},"c","d","e","f"]})"), "it does not fit");
  ASSERT_FALSE(status.ok());
  EXPECT_LT(status.error().message.size(), 15'000U);
  EXPECT_TRUE(is_valid_utf8(status.error().message));
  EXPECT_NE(status.error().message.find("at /nnnn"), std::string::npos);
  EXPECT_NE(status.error().message.find("fits none of 2 alternatives"), std::string::npos);
}

TEST(JsonSchema, WritesNotAllOfALargeValueForEachAlternative) {
  // 2,000 alternatives of 4 MB each would be 8 GB of text.
  std::string alternatives;
  for (int i = 0; i < 2'000; ++i) alternatives += R"(,{"type":"integer"})";
  std::string value = "[1";
  while (value.size() < (4U << 20)) value += ",1";
  EXPECT_EQ(breach(R"({"anyOf":[)" + alternatives.substr(1) + "]}", value + "]"),
            ": fits none of 2000 alternatives (nearest: expected integer, found an array "
            "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,...)");
}

TEST(JsonSchema, CountsTheBytesThatAreComparedAsWork) {
  std::string alternatives;
  for (int i = 0; i < 2'000; ++i) alternatives += R"(,{"const":[)" + std::to_string(i) + "]}";
  std::string value = "[1";
  while (value.size() < (4U << 20)) value += ",1";
  EXPECT_NE(breach(R"({"anyOf":[)" + alternatives.substr(1) + "]}", value + "]").find("fits none of 2000"),
            std::string::npos);
  EXPECT_EQ(breach(R"({"not":{"anyOf":[)" + alternatives.substr(1) + "]}}", value + "]"),
            ": cannot be checked within the bound of work");
  EXPECT_EQ(breach(R"({"uniqueItems":true,"enum":[[1,2]]})", "[1,2]"), "");
}

}  // namespace
}  // namespace mnema
