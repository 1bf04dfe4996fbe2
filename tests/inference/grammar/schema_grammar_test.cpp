#include "inference/grammar/schema_grammar.hpp"

#include <gtest/gtest.h>

#include "runtime/base/json.hpp"
#include "tests/inference/grammar/matching.hpp"

namespace mnema::grammar {
namespace {

using testing::matcher_of;
using testing::matcher_of_schema;
using testing::whole;

using Case = testing::SchemaCase;

TEST(SchemaGrammar, AllowsValidTextsAndRefusesInvalidOnes) {
  const std::vector<Case> cases = {
      {R"({"type":"string"})",
       {R"("")", R"("a\"b\\\n\u00e9é")", R"("😀\ud83d\ude00")"},
       {"1", R"("a)", "\"\n\"", R"("\ud83d")", R"("\x")"}},
      {R"({"type":"integer"})", {"0", "-1", "12", "1.0"}, {"01", "1.5", "\"1\"", "-"}},
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
      {R"({"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1})",
       {"0.5", "0.001", "0.999", "0.10"},
       {"0", "1", "0.0", "0.000", "1.0", "-0.5", "-0.0"}},
      {R"({"type":"number","exclusiveMinimum":0})", {"0.5", "1", "7.25", "1.0"}, {"0", "0.0", "-1", "-0.5"}},
      {R"({"type":"number","exclusiveMaximum":0})", {"-0.5", "-1", "-7.0"}, {"0", "-0.0", "0.5", "1"}},
      {R"({"type":"number","exclusiveMinimum":-2,"exclusiveMaximum":2})",
       {"-1.99", "1.99", "-1", "0", "0.0", "-0.5"},
       {"-2", "2", "-2.0", "2.5"}},
      {R"({"type":"number","exclusiveMinimum":3,"minimum":3,"maximum":5})", {"3.1", "4", "5"}, {"3", "3.0", "5.5"}},
      {R"({"type":"number","exclusiveMaximum":-3,"minimum":-4})", {"-3.1", "-4"}, {"-3", "-3.0", "-4.5"}},
      {R"({"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":2})", {"1"}, {"0", "2", "1.5"}},
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
  testing::expect_cases(cases);
}

TEST(SchemaGrammar, TakesSchemasAsLibrariesWriteThem) {
  testing::expect_cases({
      // Names of members that need an escape.
      {R"({"additionalProperties":{"type":"string"}})",
       {R"({"a\\b":"x","a/b":"y","a\"b":"z","\n":""})", R"({"a\u005cb":"x"})"},
       {R"({"a\\b":1})", R"({"a\b":"x","\u0061\b":"y"})"}},
      // A type beside alternatives that only require.
      {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"anyOf":[{"required":["a"]},{"required":["b"]}]})",
       {R"({"a":1})", R"({"b":1})", R"({"a":1,"b":2})"},
       {"{}", R"({"a":"x"})", "1"}},
      // An optional member whose list has no value of its type.
      {R"({"type":"object","properties":{"a":{"type":"string","enum":[1,null]},"b":{"type":"integer"}}})",
       {"{}", R"({"b":1})"},
       {R"({"a":1})", R"({"a":null,"b":1})"}},
      // pydantic: a discriminated union with defaults; Path, SecretStr, bytes, IPv6, timedelta.
      {R"({"$defs":{"Cat":{"properties":{"kind":{"const":"cat","default":"cat","title":"Kind","type":"string"},"lives":{"default":9,"title":"Lives","type":"integer"}},"title":"Cat","type":"object"},
           "Dog":{"properties":{"kind":{"const":"dog","default":"dog","title":"Kind","type":"string"}},"title":"Dog","type":"object"}},
           "properties":{"pet":{"discriminator":{"mapping":{"cat":"#/$defs/Cat","dog":"#/$defs/Dog"},"propertyName":"kind"},"oneOf":[{"$ref":"#/$defs/Cat"},{"$ref":"#/$defs/Dog"}],"title":"Pet"}},"required":["pet"],"type":"object"})",
       {R"({"pet":{"kind":"cat","lives":3}})", R"({"pet":{"kind":"dog"}})"},
       {R"({"pet":{"kind":"cow"}})", R"({"pet":{"lives":3}})", "{}"}},
      {R"({"properties":{"p":{"format":"path","title":"P","type":"string"},"s":{"format":"password","type":"string","writeOnly":true},
           "b":{"format":"binary","type":"string"},"a":{"format":"ipv6","type":"string"},"t":{"format":"duration","type":"string"}},"type":"object"})",
       {R"({"p":"/tmp/x","s":"***","b":"xyz","a":"fe80::1","t":"P1DT2H"})"},
       {R"({"a":"fe80::1::2"})", R"({"t":"1 day"})", R"({"p":1})"}},
      // zod: the range of safe integers, and a record.
      {R"({"type":"integer","minimum":-9007199254740991,"maximum":9007199254740991})",
       {"0", "-9007199254740991", "9007199254740991"},
       {"9007199254740992", "1.5"}},
      {R"({"type":"object","propertyNames":{"type":"string"},"additionalProperties":{"type":"number"}})",
       {R"({"a":1,"b":2.5})"},
       {R"({"a":"x"})"}},
      // Indented by 4, as deep as people nest.
      {R"({"type":"object"})",
       {"{\n    \"a\": {\n        \"b\": [\n            1,\n            {\n                \"c\": null\n            "
        "}\n        ]\n    }\n}"},
       {"{\n\n\"a\": 1}"}},
  });
}

TEST(SchemaGrammar, RefusesWhatItCannotEnforceWithThePointerToIt) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {R"({"type":"array","not":{"uniqueItems":true}})", ", at /not"},
      {R"({"properties":{"a":{"type":"array","items":{"type":"null"},"uniqueItems":true,"minItems":2}}})",
       ", at /properties/a/uniqueItems"},
      {R"({"type":"number","multipleOf":0.1234567891})", ", at /multipleOf"},
      {R"({"type":"string","pattern":"(?<=a)b"})", ", at /pattern"},
      {R"({"type":"string","pattern":"(a)\\1"})", ", at /pattern"},
      {R"({"properties":{"x/y":{"type":"strin"}}})", ", at /properties/x~1y/type"},
      {R"({"type":"array","contains":{"const":1},"allOf":[{"contains":{"const":2}}]})", ", at /allOf/0/contains"},
      {R"({"$ref":"#/$defs/none"})", ", at /$ref"},
      {R"({"oneOf":[{"propertyNames":{"pattern":"^a"}},{"propertyNames":{"pattern":"^b"}}]})", ", at /oneOf/1"},
      {R"({"enum":[]})", "no value is valid"},
      {R"({"type":"object","required":["a"],"properties":{},"additionalProperties":false})", "member 'a' is required"},
      {R"({"anyOf":[]})", ", at /anyOf"},
      {R"(7)", "at the root"},
      {R"(false)", "no value is valid"},
  };
  for (const auto& [schema, part] : cases) testing::expect_refused(schema, part);
}

TEST(SchemaGrammar, TakesWordsItDoesNotKnowAsAnnotations) {
  const auto matcher = matcher_of_schema(
      R"({"type":"integer","title":"t","default":1,"examples":[1],"deprecated":true,"$comment":"c","uniqueItems":false,"x-ours":1})");
  ASSERT_TRUE(matcher.ok()) << matcher.error().text();
  EXPECT_TRUE(whole(**matcher, "7"));
}

TEST(SchemaGrammar, FollowsReferencesAroundInCircles) {
  const auto mutual = matcher_of_schema(
      R"({"$defs":{"a":{"type":"object","properties":{"b":{"$ref":"#/$defs/b"}}},
                   "b":{"type":"array","items":{"$ref":"#/$defs/a"}}},"$ref":"#/$defs/b"})");
  ASSERT_TRUE(mutual.ok()) << mutual.error().text();
  EXPECT_TRUE(whole(**mutual, R"([{"b":[{},{"b":[]}]}])"));
  EXPECT_FALSE(whole(**mutual, R"([{"b":{}}])"));
  const auto root = matcher_of_schema(R"({"anyOf":[{"type":"null"},{"type":"array","items":{"$ref":"#"}}]})");
  ASSERT_TRUE(root.ok()) << root.error().text();
  EXPECT_TRUE(whole(**root, "[null,[[],null]]"));
  EXPECT_FALSE(whole(**root, "[1]"));
}

TEST(SchemaGrammar, RefusesAReferenceOutOfTheDocument) {
  for (const char* schema : {R"({"$ref":"other.json#/a"})", R"({"$ref":"#/nowhere"})", R"({"$ref":7})"}) {
    EXPECT_FALSE(rules_of_schema(boost::json::parse(schema)).ok()) << schema;
  }
}

TEST(SchemaGrammar, RefusesCountsThatNoTextMeetsOrThatAreNone) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {R"({"type":"array","minItems":3,"maxItems":2})", "maxItems is below minItems"},
      {R"({"type":"array","minItems":-1})", "/minItems"},
      {R"({"type":"array","maxItems":1.5})", "/maxItems"},
      {R"({"type":"array","prefixItems":[true],"items":false,"minItems":2})", "so many items"},
      {R"({"type":"string","minLength":3,"maxLength":2})", "/maxLength"},
      {R"({"type":"string","maxLength":"3"})", "/maxLength"},
      {R"({"type":"integer","minimum":3,"maximum":2})", "between the bounds"},
      {R"({"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":1})", "between the bounds"},
      {R"({"type":"number","exclusiveMinimum":1,"maximum":1})", "between the bounds"},
      {R"({"type":"integer","const":"a"})", "no value is valid"},
      {R"({"const":1,"enum":[2,3]})", "no value is valid"},
      {R"({"type":"integer","minimum":"3"})", "/minimum"},
      {R"({"type":"object","minProperties":3,"maxProperties":2})", "so many members"},
      {R"({"type":"string","enum":["a"],"minLength":2})", "none of the listed values"},
  };
  for (const auto& [schema, part] : cases) testing::expect_refused(schema, part);
}

TEST(SchemaGrammar, AnImpossibleMemberIsLeftOutAndTheRestHolds) {
  testing::expect_cases({
      {R"({"type":"object","properties":{"a":{"type":"integer","enum":["x"]},"b":{"type":"integer"}}})",
       {"{}", R"({"b":1})"},
       {R"({"a":"x"})", R"({"a":1})"}},
      {R"({"type":"object","properties":{"a":false,"b":{"minLength":3,"maxLength":2,"type":"string"}}})",
       {"{}"},
       {R"({"a":1})", R"({"b":"abc"})"}},
  });
}

TEST(SchemaGrammar, IsNotKeptBusyOrBroughtDownByAHostileSchema) {
  // Each level is compiled once, though it is reached by two ways.
  std::string doubled = "true";
  for (int i = 0; i < 40; ++i)
    doubled = R"({"type":["object","object"],"anyOf":[{"required":["a"]},{"minProperties":1}],"properties":{"a":)" +
              doubled + "}}";
  EXPECT_TRUE(rules_of_schema(*parse_bounded_json(doubled, "the test", kWrittenByUs)).ok());
  // 3^20 combinations.
  std::string choices = "{\"allOf\":[";
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    choices += std::string(i > 0 ? "," : "") + R"({"anyOf":[{"required":["a)" + n + R"("]},{"required":["b)" + n +
               R"("]},{"required":["c)" + n + R"("]}]})";
  }
  testing::expect_refused(choices + "]}", "too many combinations");
  // Each of 200 would have to exclude all others.
  std::string overlapping = "{\"oneOf\":[";
  for (int i = 0; i < 200; ++i)
    overlapping +=
        std::string(i > 0 ? "," : "") + R"({"type":"object","properties":{"a)" + std::to_string(i) + R"(":{}}})";
  testing::expect_refused(overlapping + "]}", "too many alternatives that may hold together, at /oneOf");
  // Free names are told apart from this one character by character.
  const auto named =
      rules_of_schema({{"properties", {{std::string(1 << 20, 'n'), true}}}, {"additionalProperties", true}});
  ASSERT_FALSE(named.ok());
  EXPECT_EQ(named.error().code, ErrorCode::kUnsupported);
  // A pattern whose automaton has 2^30 states.
  testing::expect_refused(R"({"type":"string","pattern":"^[ab]*a[ab]{30}$"})", "too large");
  std::string deep = "true";
  for (int i = 0; i < 300; ++i) deep = R"({"items":)" + deep + "}";
  const auto nested = rules_of_schema(*parse_bounded_json(deep, "the test", kWrittenByUs));
  ASSERT_FALSE(nested.ok());
  EXPECT_NE(nested.error().message.find("nested too deeply"), std::string::npos) << nested.error().text();
}

TEST(SchemaGrammar, HoldsExactlyTheCountsItIsGiven) {
  for (int least = 0; least <= 3; ++least) {
    for (int most = least; most <= 4; ++most) {
      const auto items = matcher_of_schema(R"({"type":"array","items":{"type":"null"},"minItems":)" +
                                           std::to_string(least) + R"(,"maxItems":)" + std::to_string(most) + "}");
      const auto prefixed = matcher_of_schema(
          R"({"type":"array","prefixItems":[{"type":"null"},{"type":"null"}],"items":{"type":"null"},"minItems":)" +
          std::to_string(least) + R"(,"maxItems":)" + std::to_string(most) + "}");
      const auto length = matcher_of_schema(R"({"type":"string","minLength":)" + std::to_string(least) +
                                            R"(,"maxLength":)" + std::to_string(most) + "}");
      ASSERT_TRUE(items.ok() && prefixed.ok() && length.ok());
      std::string list, text;
      for (int count = 0; count <= 6; ++count) {
        const bool in = count >= least && count <= most;
        EXPECT_EQ(whole(**items, "[" + list + "]"), in) << count << " in " << least << ".." << most;
        EXPECT_EQ(whole(**prefixed, "[" + list + "]"), in) << count << " in " << least << ".." << most;
        EXPECT_EQ(whole(**length, "\"" + text + "\""), in) << count << " in " << least << ".." << most;
        list += count == 0 ? "null" : ",null";
        text += "é";
      }
    }
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

TEST(SchemaGrammar, KeepsTheDigitsOfIntegersBeyond64Bits) {
  const auto matcher_of_exact = [](const char* schema) {
    JsonBounds exact;
    exact.exact_integers = true;
    return matcher_of(rules_of_schema(*parse_bounded_json(schema, "a schema", exact)));
  };
  const auto only = matcher_of_exact(R"({"type":"object","properties":{"id":{"type":"integer",
      "enum":[1234567890123456789012,-1234567890123456789012]}},"required":["id"],"additionalProperties":false})");
  ASSERT_TRUE(only.ok()) << only.error().text();
  EXPECT_TRUE(whole(**only, R"({"id":1234567890123456789012})"));
  EXPECT_TRUE(whole(**only, R"({"id":-1234567890123456789012})"));
  EXPECT_FALSE(whole(**only, R"({"id":1234567890123456789013})"));
  EXPECT_FALSE(whole(**only, R"({"id":1.2345678901234568e+21})"));
  const auto range =
      matcher_of_exact(R"({"type":"integer","minimum":1234567890123456789010,"maximum":1234567890123456789012})");
  ASSERT_TRUE(range.ok()) << range.error().text();
  EXPECT_TRUE(whole(**range, "1234567890123456789011"));
  EXPECT_FALSE(whole(**range, "1234567890123456789013"));
}

}  // namespace
}  // namespace mnema::grammar
