#include "inference/grammar/schema_compiler.hpp"

#include <gtest/gtest.h>

#include "tests/inference/grammar/matching.hpp"

namespace mnema::grammar {
namespace {

using testing::expect_cases;
using testing::expect_refused;

TEST(SchemaObject, NamesOfOtherMembersAreFreeButForThoseThatAreListed) {
  expect_cases({
      {R"({"type":"object","additionalProperties":{"type":"string"}})",
       {R"({"a\\b":"x"})", R"({"":"x"})", R"({"\u00e9":"x"})", R"({"é\"\n":"x"})", R"({"a/b":"x","a\/c":"y"})"},
       {R"({"a":1})"}},
      {R"({"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"boolean"}})",
       {"{}", R"({"a":1})", R"({"a":1,"x":true})", R"({"ab":true,"b":false})", R"({"\\":true})"},
       {R"({"a":true})", R"({"x":1})", R"({"\u0061":true})"}},
      {R"({"type":"object","properties":{"é\"":{"type":"null"}},"additionalProperties":{"type":"boolean"}})",
       {R"({"é\"":null})", R"({"\u00e9\"":null})", R"({"é":true})", R"({"éx":true})"},
       {R"({"é\"":true})", R"({"\u00e9\"":true})", R"({"é\u0022":true})"}},
      {R"({"type":"object"})", {"{}", R"({"x":[1,{"y":null}]})"}, {"[]"}},
      {R"({"type":"object","properties":{}})", {"{}", R"({"x":1})"}, {"1"}},
  });
}

TEST(SchemaObject, AdditionalPropertiesSeesOnlyTheMembersOfItsOwnSchema) {
  expect_cases({
      {R"({"allOf":[{"properties":{"foo":{}}}],"additionalProperties":{"type":"boolean"},"type":"object"})",
       {R"({"foo":true})", R"({"foo":true,"bar":false})"},
       {R"({"foo":1,"bar":true})", R"({"foo":1})"}},
      {R"({"type":"object","properties":{"a":{}},"additionalProperties":false,"anyOf":[{"properties":{"b":{}}},{"required":["a"]}]})",
       {R"({"a":1})", "{}"},
       {R"({"b":1})", R"({"a":1,"b":1})"}},
      {R"({"type":"object","allOf":[{"properties":{"a":{"type":"integer"}},"additionalProperties":true},{"properties":{"a":{"minimum":3}}}]})",
       {R"({"a":3})", R"({"a":3,"b":1})"},
       {R"({"a":2})", R"({"a":"x"})"}},
  });
}

TEST(SchemaObject, UnevaluatedPropertiesSeesWhatHoldsForTheSameValue) {
  expect_cases({
      {R"({"type":"object","allOf":[{"properties":{"a":{"type":"integer"}}}],"properties":{"b":{}},"unevaluatedProperties":false})",
       {"{}", R"({"b":1})", R"({"b":1,"a":2})"},
       {R"({"c":1})", R"({"a":"x"})"}},
      {R"({"$defs":{"base":{"properties":{"id":{"type":"string"}},"required":["id"]}},"type":"object","$ref":"#/$defs/base","properties":{"n":{"type":"integer"}},"unevaluatedProperties":{"type":"null"}})",
       {R"({"n":1,"id":"x"})", R"({"id":"x","z":null})"},
       {R"({"n":1})", R"({"id":"x","z":1})"}},
      {R"({"type":"object","unevaluatedProperties":false,"anyOf":[{"properties":{"a":{"const":1}},"required":["a"]},{"properties":{"b":{"const":2}},"required":["b"]}]})",
       {R"({"a":1})", R"({"b":2})", R"({"a":1,"b":2})"},
       {"{}", R"({"a":1,"c":2})"}},
  });
}

TEST(SchemaObject, PatternsOfNamesHoldBesideOneAnotherAndBesideListedNames) {
  expect_cases({
      {R"({"type":"object","patternProperties":{"^x-":{"type":"integer"},"y$":{"minimum":5}},"additionalProperties":false})",
       {"{}", R"({"x-a":1})", R"({"x-y":5})", R"({"my":7})", R"({"my":"seven"})"},
       {R"({"x-y":1})", R"({"x-a":"b"})", R"({"z":1})", R"({"my":3})"}},
      {R"({"type":"object","properties":{"x-1":{"maximum":9}},"patternProperties":{"^x-":{"type":"integer"}}})",
       {R"({"x-1":3})", R"({"x-1":3,"x-2":30})"},
       {R"({"x-1":30})", R"({"x-1":"a"})", R"({"x-2":"a"})", R"({"z":1})"}},
      {R"({"type":"object","patternProperties":{"^(a|b)$":{"type":"integer"}},"additionalProperties":false})",
       {R"({"a":1,"b":2})", R"({"b":2})"},
       {R"({"a":1,"a":2})", R"({"c":1})"}},
      {R"({"type":"object","patternProperties":{"^.*$":false}})", {"{}"}, {R"({"a":1})"}},
  });
}

TEST(SchemaObject, RequiredMembersNeedNotBeListed) {
  expect_cases({
      {R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["b"]})",
       {R"({"b":[]})", R"({"a":1,"b":"x"})"},
       {"{}", R"({"a":1})", R"({"b":1,"c":2})"}},
      {R"({"type":"object","required":["z","a"]})",
       {R"({"z":1,"a":2})", R"({"z":1,"a":2,"b":3})"},
       {R"({"a":2,"z":1})", R"({"z":1})"}},
      {R"({"type":"object","required":["b"],"patternProperties":{"^b":{"type":"null"}},"additionalProperties":false})",
       {R"({"b":null})"},
       {R"({"b":1})", "{}"}},
  });
  expect_refused(R"({"type":"object","required":["b"],"properties":{"b":false}})", "no value is valid");
}

TEST(SchemaObject, CountsItsMembers) {
  expect_cases({
      {R"({"type":"object","additionalProperties":{"type":"integer"},"minProperties":1,"maxProperties":2})",
       {R"({"a":1})", R"({"a":1,"b":2})"},
       {"{}", R"({"a":1,"b":2,"c":3})"}},
      {R"({"type":"object","properties":{"a":{"const":1},"b":{"const":1},"c":{"const":1}},"minProperties":2})",
       {R"({"a":1,"b":1})", R"({"a":1,"c":1})", R"({"b":1,"c":1})", R"({"a":1,"b":1,"c":1})"},
       {"{}", R"({"a":1})", R"({"c":1})"}},
      {R"({"type":"object","properties":{"a":{"const":1},"b":{"const":1},"c":{"const":1}},"required":["c"],"maxProperties":2})",
       {R"({"c":1})", R"({"a":1,"c":1})", R"({"b":1,"c":1})"},
       {R"({"a":1,"b":1})", R"({"a":1,"b":1,"c":1})"}},
      {R"({"type":"object","properties":{"a":{"const":1}},"minProperties":2})", {R"({"a":1,"b":2})"}, {R"({"a":1})"}},
  });
  expect_refused(R"({"type":"object","properties":{"a":true},"additionalProperties":false,"minProperties":2})",
                 "no object has so many members");
}

TEST(SchemaObject, NamesMayHaveASchemaOfTheirOwn) {
  expect_cases({
      {R"({"type":"object","propertyNames":{"type":"string"},"additionalProperties":{"type":"integer"}})",
       {"{}", R"({"any thing":1})"},
       {R"({"a":"x"})"}},
      {R"({"type":"object","propertyNames":{"enum":["red","blue"]},"additionalProperties":{"type":"integer"}})",
       {R"({"blue":1,"red":2})", R"({"red":1})"},
       {R"({"green":1})", R"({"red":1,"red":2})"}},
      {R"({"type":"object","propertyNames":{"pattern":"^[a-z]+$","maxLength":3}})",
       {R"({"abc":1})"},
       {R"({"abcd":1})", R"({"A":1})", R"({"":1})"}},
      {R"({"type":"object","properties":{"ab":{"type":"null"},"B":{"type":"null"}},"propertyNames":{"pattern":"^[a-z]+$"}})",
       {R"({"ab":null})", "{}"},
       {R"({"B":null})"}},
      {R"({"type":"object","propertyNames":{"anyOf":[{"const":"a"},{"pattern":"^x"}]}})",
       {R"({"a":1})", R"({"x1":2})"},
       {R"({"b":1})"}},
  });
}

TEST(SchemaObject, DependenciesHoldInTheWordsOfBothDrafts) {
  for (const char* schema :
       {R"({"type":"object","properties":{"a":{},"b":{}},"dependentRequired":{"a":["b"]}})",
        R"({"type":"object","properties":{"a":{},"b":{}},"dependencies":{"a":["b"]}})",
        R"({"type":"object","properties":{"a":{},"b":{}},"dependentSchemas":{"a":{"required":["b"]}}})"}) {
    expect_cases({{schema, {"{}", R"({"b":1})", R"({"a":1,"b":1})"}, {R"({"a":1})"}}});
  }
}

TEST(SchemaObject, HoldsThousandsOfMembersWithinTheBoundsOfAGrammar) {
  std::string schema = R"({"type":"object","properties":{)";
  for (int i = 0; i < 3000; ++i)
    schema += (i > 0 ? "," : "") + std::string("\"member_") + std::to_string(i) + R"(":{"type":"string"})";
  const auto matcher = testing::matcher_of_schema(schema + "}}");
  ASSERT_TRUE(matcher.ok()) << matcher.error().text();
  EXPECT_TRUE(testing::whole(**matcher, R"({"member_3":"a","member_2999":"b"})"));
}

}  // namespace
}  // namespace mnema::grammar
