#include "inference/grammar/schema_grammar.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "inference/grammar/integer_range.hpp"
#include "tests/inference/grammar/matching.hpp"

namespace mnema::grammar {
namespace {

using testing::matcher_of;
using testing::matcher_of_schema;
using testing::whole;

struct Case {
  const char* schema;
  std::vector<const char*> in;
  std::vector<const char*> out;
};

TEST(SchemaGrammar, AllowsValidTextsAndRefusesInvalidOnes) {
  const std::vector<Case> cases = {
      {R"({"type":"string"})",
       {R"("")", R"("a\"b\\\n\u00e9é")", R"("😀\ud83d\ude00")"},
       {"1", R"("a)", "\"\n\"", R"("\ud83d")", R"("\x")"}},
      {R"({"type":"integer"})", {"0", "-1", "12"}, {"01", "1.5", "\"1\"", "-"}},
      {R"({"type":"number"})", {"0.5", "-1e9", "3", "2.5E+10"}, {"1.", ".5", "+1"}},
      {R"({"type":"boolean"})", {"true", "false"}, {"True", "null"}},
      {R"({"type":["string","null"]})", {"null", R"("x")"}, {"1"}},
      {R"({"enum":["bug","feature",3]})", {R"("bug")", "3"}, {R"("Bug")", "4"}},
      {R"({"type":"string","enum":["a",1]})", {R"("a")"}, {"1"}},
      {R"({"const":{"a":[1,2]}})", {R"({"a":[1,2]})"}, {R"({"a":[1]})"}},
      {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},"required":["a","b"]})",
       {R"({"a":1,"b":"x"})", R"({"a": 1, "b": "x"})", "{\n  \"a\": 1,\n  \"b\": \"x\"\n}"},
       {R"({"b":"x","a":1})", R"({"a":1})", R"({"a":1,"b":"x","c":1})", "{}"}},
      {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"},"c":{"type":"integer"}},"required":["b"]})",
       {R"({"b":1})", R"({"a":1,"b":2})", R"({"b":1,"c":2})", R"({"a":1,"b":2,"c":3})"},
       {R"({"a":1})", R"({"a":1,"c":2})", R"({,"b":1})", R"({"b":1,})"}},
      {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}}})",
       {"{}", R"({"a":1})", R"({"b":1})", R"({"a":1,"b":2})"},
       {R"({"a":"x"})", R"({"c":1})"}},
      {R"({"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"boolean"}})",
       {"{}", R"({"a":1})", R"({"a":1,"x":true})", R"({"ab":true,"b":false})"},
       {R"({"a":true})", R"({"x":1})", R"({"\u0061":true})"}},
      {R"({"type":"object"})", {"{}", R"({"x":[1,{"y":null}]})"}, {"[]"}},
      {R"({"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3})",
       {"[1]", "[1,2,3]", "[ 1, 2 ]"},
       {"[]", "[1,2,3,4]", "[\"a\"]"}},
      {R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false})",
       {"[]", "[1]", R"([1,"a"])"},
       {R"([1,"a",2])", R"(["a"])"}},
      {R"({"type":"array","prefixItems":[{"type":"integer"}],"items":{"type":"string"},"minItems":2})",
       {R"([1,"a"])", R"([1,"a","b"])"},
       {"[1]", "[1,2]"}},
      {R"({"type":"array","maxItems":0})", {"[]"}, {"[1]"}},
      {R"({"type":"string","minLength":2,"maxLength":3})",
       {R"("ab")", R"("é\n")", R"("abc")"},
       {R"("a")", R"("abcd")"}},
      {R"({"type":"string","pattern":"^[A-Z]{2}-\\d+$"})",
       {R"("AB-1")", R"("ZZ-123")"},
       {R"("ab-1")", R"("AB-")", R"("xAB-1")"}},
      {R"({"type":"string","pattern":"b"})", {R"("b")", R"("abc")"}, {R"("ac")"}},
      {R"({"type":"string","pattern":"^(?:a|b\"c)$"})", {R"("a")", R"("b\"c")"}, {R"("b")"}},
      {R"({"type":"string","format":"date"})",
       {R"("2026-11-24")"},
       {R"("2026-13-01")", R"("2026-02-30")", R"("2026-1-1")"}},
      {R"({"type":"string","format":"date-time"})",
       {R"("2026-11-24T10:00:00Z")", R"("2026-11-24T10:00:00.5+02:00")"},
       {R"("2026-11-24")", R"("2026-11-24T25:00:00Z")"}},
      {R"({"type":"string","format":"uuid"})", {R"("123e4567-e89b-12d3-a456-426614174000")"}, {R"("123e4567")"}},
      {R"({"type":"string","format":"email"})", {R"("a.b@example.org")"}, {R"("a@")", R"("@b.c")"}},
      {R"({"type":"integer","minimum":-5,"maximum":120})", {"-5", "0", "120", "99"}, {"-6", "121", "1000"}},
      {R"({"type":"integer","exclusiveMinimum":0})", {"1", "1000000"}, {"0", "-1"}},
      {R"({"type":"number","minimum":0,"maximum":1})", {"0", "1", "0.5", "0.25"}, {"1.5", "-0.1", "2"}},
      {R"({"type":"number","minimum":-2,"maximum":-1})", {"-1", "-1.5", "-2"}, {"-2.5", "-0.5", "1"}},
      {R"({"anyOf":[{"type":"integer"},{"type":"null"}]})", {"1", "null"}, {"\"a\""}},
      {R"({"oneOf":[{"type":"integer"},{"type":"string"}]})", {"1", "\"a\""}, {"null"}},
      {R"({"$defs":{"tree":{"type":"object","properties":{"v":{"type":"integer"},"kids":{"type":"array","items":{"$ref":"#/$defs/tree"}}},"required":["v"]}},"$ref":"#/$defs/tree"})",
       {R"({"v":1})", R"({"v":1,"kids":[{"v":2,"kids":[]}]})"},
       {R"({"kids":[]})", R"({"v":1,"kids":[1]})"}},
      {R"({"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":{"type":"integer"}}}]})",
       {R"({"a":1})", R"({"a":1,"b":2})"},
       {R"({"b":2})"}},
      {R"(true)", {"1", "[{}]", "null"}, {""}},
      {R"({"title":"anything","description":"d"})", {"1", "{}"}, {"x"}},
  };
  for (const Case& one : cases) {
    const auto matcher = matcher_of_schema(one.schema);
    ASSERT_TRUE(matcher.ok()) << one.schema << "\n" << matcher.error().text();
    for (const char* text : one.in) EXPECT_TRUE(whole(**matcher, text)) << one.schema << "\nshould allow " << text;
    for (const char* text : one.out) EXPECT_FALSE(whole(**matcher, text)) << one.schema << "\nshould refuse " << text;
  }
}

TEST(SchemaGrammar, RefusesWhatItCannotEnforceWithThePointerToIt) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {R"({"properties":{"a":{"not":{"type":"string"}}}})", "/properties/a/not"},
      {R"({"type":"array","uniqueItems":true})", "/uniqueItems"},
      {R"({"type":"integer","multipleOf":3})", "/multipleOf"},
      {R"({"type":"number","minimum":0.5})", "/minimum"},
      {R"({"type":"string","format":"iri"})", "/format"},
      {R"({"type":"string","pattern":"(?=a)b"})", "/pattern"},
      {R"({"type":"string","pattern":"(a)\\1"})", "/pattern"},
      {R"({"type":"string","pattern":"^a","minLength":3})", "at the root"},
      {R"({"oneOf":[{"type":"integer"},{"type":"number"}]})", "/oneOf"},
      {R"({"properties":{"x/y":{"type":"strin"}}})", "/properties/x~1y/type"},
      {R"({"$ref":"#/$defs/none"})", "at the root"},
      {R"({"items":[{"type":"integer"}]})", "/items"},
      {R"({"enum":[]})", "/enum"},
      {R"({"required":["a"],"properties":{},"additionalProperties":false})", "/required"},
      {R"({"patternProperties":{"^x":{}}})", "/patternProperties"},
      {R"({"anyOf":[{"type":"integer"}],"minimum":3})", "beside anyOf"},
      {R"(7)", "at the root"},
      {R"(false)", "at the root"},
  };
  for (const auto& [schema, pointer] : cases) {
    const auto result = rules_of_schema(boost::json::parse(schema));
    ASSERT_FALSE(result.ok()) << schema;
    EXPECT_NE(result.error().message.find(pointer), std::string::npos) << schema << "\n" << result.error().text();
  }
}

TEST(SchemaGrammar, RefusesASchemaThatOnlyRefersToItself) {
  EXPECT_FALSE(matcher_of_schema(R"({"$ref":"#"})").ok());
  EXPECT_FALSE(
      matcher_of_schema(R"({"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"})").ok());
}

TEST(SchemaGrammar, HoldsManyOptionalMembersWithoutBlowingUp) {
  std::string schema = R"({"type":"object","properties":{)";
  for (int i = 0; i < 200; ++i) {
    schema +=
        (i > 0 ? "," : "") + std::string("\"m") + std::to_string(i) + R"(":{"type":"array","items":{"type":"string"}})";
  }
  const auto matcher = matcher_of_schema(schema + "}}");
  ASSERT_TRUE(matcher.ok()) << matcher.error().text();
  EXPECT_TRUE(whole(**matcher, R"({"m3":["a"],"m199":[]})"));
  EXPECT_FALSE(whole(**matcher, R"({"m199":[],"m3":["a"]})"));
}

TEST(IntegerRange, HoldsExactlyTheIntegersBetweenItsBounds) {
  for (const auto& [first, last] : std::vector<std::pair<int, int>>{
           {0, 0}, {0, 9}, {5, 5}, {-7, 3}, {8, 12}, {99, 101}, {-120, -99}, {1, 1000}, {37, 642}}) {
    Rules rules;
    rules.root = rules.declare("root");
    rules.rules[0].body = integer_range(first, last);
    const auto matcher = matcher_of(rules);
    ASSERT_TRUE(matcher.ok());
    for (int value = -1100; value <= 1100; ++value) {
      EXPECT_EQ(whole(**matcher, std::to_string(value)), value >= first && value <= last)
          << value << " in " << first << ".." << last;
    }
    EXPECT_FALSE(whole(**matcher, "007"));
  }
}

}  // namespace
}  // namespace mnema::grammar
