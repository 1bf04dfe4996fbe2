#include "inference/grammar/schema_expansion.hpp"

#include <gtest/gtest.h>

#include "tests/inference/grammar/matching.hpp"

namespace mnema::grammar {
namespace {

using testing::expect_cases;
using testing::expect_refused;

TEST(SchemaExpansion, AllOfTakesEveryPartOfEveryType) {
  expect_cases({
      {R"({"type":"string","allOf":[{"required":["a"]}]})", {R"("x")"}, {R"({"a":1})", "1"}},
      {R"({"allOf":[{},{}]})", {"1", "[]", R"("a")", "{}"}, {""}},
      {R"({"allOf":[{"type":["integer","string"]},{"type":["string","null"]}]})", {R"("a")"}, {"1", "null"}},
      {R"({"allOf":[{"enum":[1,2,3]},{"enum":[2,3,4]}]})", {"2", "3"}, {"1", "4"}},
      {R"({"allOf":[{"minimum":2},{"maximum":4}],"type":"integer"})", {"2", "4"}, {"1", "5"}},
  });
}

TEST(SchemaExpansion, ReferencesHoldWithWhatStandsBesideThem) {
  expect_cases({
      {R"({"$defs":{"a":{"type":"integer"}},"$ref":"#/$defs/a","minimum":1})", {"1", "7"}, {"0", R"("a")"}},
      {R"({"$defs":{"a":{"type":"object","properties":{"x":{"type":"integer"}}}},"allOf":[{"$ref":"#/$defs/a","required":["x"]},{"properties":{"y":{"type":"integer"}}}]})",
       {R"({"x":1})", R"({"x":1,"y":2})"},
       {R"({"y":1})", "{}"}},
      {R"({"$defs":{"a b%c":{"type":"null"},"é/~":{"type":"integer"}},"type":["array"],"prefixItems":[{"$ref":"#/$defs/a%20b%25c"},{"$ref":"#/$defs/%C3%A9~1~0"}]})",
       {"[null,1]"},
       {"[1]", "[null,null]"}},
      {R"({"$defs":{"x":{"$anchor":"here","type":"integer"}},"$ref":"#here"})", {"1"}, {R"("a")"}},
      {R"({"$id":"https://example.org/root.json","$defs":{"x":{"$id":"other.json","type":"integer"}},"$ref":"other.json"})",
       {"1"},
       {R"("a")"}},
  });
}

TEST(SchemaExpansion, AlternativesHoldWithWhatStandsBesideThem) {
  expect_cases({
      {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"anyOf":[{"required":["a"]},{"required":["b"]}]})",
       {R"({"a":1})", R"({"b":1})", R"({"a":1,"b":2})"},
       {"{}", R"({"a":"x"})"}},
      {R"({"type":"integer","oneOf":[{"minimum":10},{"maximum":0}]})", {"10", "0", "-5"}, {"5", "1.5"}},
      {R"({"type":["string","null"],"anyOf":[{"minLength":2},{"type":"null"}]})", {R"("ab")", "null"}, {R"("a")", "1"}},
      {R"({"anyOf":[{"type":"integer"},{}]})", {"1", R"("a")"}, {""}},
  });
}

TEST(SchemaExpansion, OneOfHoldsForExactlyOneAlsoWhereBothMay) {
  expect_cases({
      {R"({"oneOf":[{"type":"integer"},{"type":"number"}]})", {"1.5", "-0.5"}, {"1", "1.0", "-3"}},
      {R"({"type":"integer","oneOf":[{"multipleOf":2},{"multipleOf":3}]})", {"2", "3", "4", "9"}, {"6", "1", "12"}},
      {R"({"type":"object","properties":{"a":{"const":1},"b":{"const":1}},"oneOf":[{"required":["a"]},{"required":["b"]}]})",
       {R"({"a":1})", R"({"b":1})"},
       {"{}", R"({"a":1,"b":1})"}},
      {R"({"oneOf":[{"type":"object","properties":{"k":{"const":"x"},"v":{"type":"integer"}},"required":["k"]},{"type":"object","properties":{"k":{"const":"y"},"w":{"type":"string"}},"required":["k"]}]})",
       {R"({"k":"x","v":1})", R"({"k":"y","w":"z"})"},
       {R"({"k":"x","w":"z"})", R"({"k":"z"})", "{}"}},
      {R"({"oneOf":[{"properties":{"k":{"const":"x","default":"x"}},"type":"object","required":["k"]},{"properties":{"k":{"const":"y"}},"type":"object"}]})",
       {R"({"k":"x"})", R"({"k":"y"})", "{}"},
       {R"({"k":"z"})"}},
      {R"({"oneOf":[{"type":"object","properties":{"a":{}},"additionalProperties":false},{"type":"object","properties":{"a":{},"b":{}},"required":["b"],"additionalProperties":false}]})",
       {"{}", R"({"a":1})", R"({"b":1})", R"({"a":1,"b":2})"},
       {R"({"c":1})"}},
      {R"({"type":"object","required":["k"],"oneOf":[{"properties":{"k":{"const":"x"},"v":{"type":"integer"}}},{"properties":{"k":{"const":"y"}}}]})",
       {R"({"k":"x","v":1})", R"({"k":"y"})"},
       {R"({"k":"z"})", "{}"}},
      {R"({"$defs":{"if":{"type":"string"}},"oneOf":[{"type":"object","properties":{"a":{},"if":{"$ref":"#/$defs/if"}},"additionalProperties":false},{"type":"object","properties":{"b":{},"if":{"$ref":"#/$defs/if"}},"additionalProperties":false},{"type":"object","properties":{"c":{},"if":{"$ref":"#/$defs/if"}},"additionalProperties":false}]})",
       {R"({"a":1})", R"({"b":1,"if":"x"})", R"({"c":1})"},
       {"{}", R"({"if":"x"})", R"({"a":1,"b":1})"}},
      {R"({"oneOf":[{"type":"object","properties":{".":{"type":"string"}},"patternProperties":{"^\\./.+":{"type":"string"}},"additionalProperties":false},{"type":"object","properties":{"import":{"type":"string"}},"required":["import"],"additionalProperties":false}]})",
       {R"({".":"a"})", R"({"import":"a"})", R"({".":"a","./b":"c"})"},
       {R"({".":"a","import":"b"})", R"({"./b":1})", R"({"x":1})"}},
      {R"({"oneOf":[{"type":"string","maxLength":3},{"type":"string","pattern":"^a"}]})",
       {R"("bcd")", R"("abcd")"},
       {R"("abc")", R"("bcde")"}},
  });
}

TEST(SchemaExpansion, ConditionsChooseWhatHolds) {
  expect_cases({
      {R"({"type":"object","properties":{"kind":{"enum":["a","b"]},"n":{"type":"integer"}},"required":["kind"],"if":{"properties":{"kind":{"const":"a"}}},"then":{"required":["n"]},"else":{"properties":{"n":false}}})",
       {R"({"kind":"a","n":1})", R"({"kind":"b"})"},
       {R"({"kind":"a"})", R"({"kind":"b","n":1})"}},
      {R"({"if":{"type":"integer"},"then":{"minimum":5}})", {"5", R"("a")", "1.5"}, {"4"}},
      {R"({"type":"integer","then":{"minimum":5}})", {"1"}, {R"("a")"}},
  });
}

/// 24 schemas, `before` and `behind` around the number of each.
std::string many(const std::string& before, const std::string& behind) {
  std::string parts;
  for (int i = 0; i < 24; ++i) parts += (i > 0 ? "," : "") + before + std::to_string(i) + behind;
  return parts;
}

TEST(SchemaExpansion, AConstantTellsManyAlternativesApart) {
  // The member is required by a schema beside them.
  const std::string beside =
      R"({"type":"object","allOf":[{"required":["k"],"properties":{"k":{"type":"integer"}}},{"oneOf":[)" +
      many(R"({"properties":{"k":{"enum":[)", R"(]},"a":{"type":"integer"},"b":{"type":"string"}}})") + "]}]}";
  // It is required by one part of each alternative or another.
  const std::string within =
      R"({"type":"object","oneOf":[)" +
      many(R"({"properties":{"k":{"const":)",
           R"(},"a":{"type":"integer"}},"oneOf":[{"required":["k","a"]},{"required":["k","b"]}]})") +
      "]}";
  // Conditions on a member that need not be there.
  const std::string conditions =
      R"({"type":"object","properties":{"k":{"type":"integer","minimum":0,"maximum":50},"a":{}},"allOf":[)" +
      many(R"({"if":{"required":["k"],"properties":{"k":{"const":)",
           R"(}}},"then":{"properties":{"a":{"type":"integer"}},"required":["a"]}})") +
      "]}";
  // A member that each alternative must have, and the last one must not.
  const std::string absent = R"({"type":"object","required":["k"],"properties":{"k":{"type":"integer"}},"oneOf":[)" +
                             many(R"({"properties":{"k":{"const":)", R"(},"a":{"type":"integer"}}})") +
                             R"(,{"properties":{"k":{"const":99},"a":false}}]})";
  expect_cases({
      {beside.c_str(), {R"({"k":3,"a":1})", R"({"k":23})"}, {R"({"k":24})", R"({"a":1})", R"({"k":3,"a":"x"})"}},
      {within.c_str(), {R"({"k":3,"a":1})"}, {R"({"k":3})", R"({"a":1})", R"({"k":30,"a":1})"}},
      {conditions.c_str(),
       {R"({"k":3,"a":1})", R"({"k":40,"a":"x"})", R"({"k":40})", R"({"a":"x"})", "{}"},
       {R"({"k":3})", R"({"k":3,"a":"x"})"}},
      {absent.c_str(), {R"({"k":3,"a":1})", R"({"k":99})"}, {R"({"k":99,"a":1})", R"({"k":98})", "{}"}},
  });
}

TEST(SchemaExpansion, ListedValuesAreThoseThatAllKeywordsLeave) {
  expect_cases({
      {R"({"enum":[1,2.5,3.0,"a","bcd",true,null,[1],{"a":1}],"type":["integer","string","array","object","null"],"minimum":2})",
       {"3.0", R"("a")", R"("bcd")", "[1]", R"({"a":1})", "null"},
       {"1", "2.5", "true"}},
      {R"({"enum":["a","ab","abc","öö"],"minLength":2,"maxLength":2})", {R"("ab")", R"("öö")"}, {R"("a")", R"("abc")"}},
      {R"({"enum":["a","b1","1"],"pattern":"[0-9]"})", {R"("b1")", R"("1")"}, {R"("a")"}},
      {R"({"enum":[2,3,4,6],"multipleOf":2,"exclusiveMaximum":6,"not":{"const":2.0}})", {"4"}, {"2", "3", "6"}},
      {R"({"enum":[[1],[2]],"items":{"minimum":2}})", {"[2]"}, {"[1]"}},
      {R"({"enum":["a","b",null],"not":{"enum":["a",null]}})", {R"("b")"}, {R"("a")", "null"}},
  });
}

TEST(SchemaExpansion, NotExcludesWhatCanBeTold) {
  expect_cases({
      {R"({"not":{"type":"string"}})", {"1", "null", "[]"}, {R"("a")"}},
      {R"({"type":"object","properties":{"a":{},"b":{}},"not":{"required":["a","b"]}})",
       {R"({"a":1})", R"({"b":1})", "{}"},
       {R"({"a":1,"b":1})"}},
      {R"({"type":"integer","not":{"anyOf":[{"minimum":5},{"const":1}]}})", {"4", "0", "-7"}, {"5", "1"}},
      {R"({"not":{"not":{"type":"integer"}}})", {"1"}, {R"("a")"}},
      {R"({"type":"object","additionalProperties":{"type":"integer"},"not":{"properties":{"a":{"minimum":3}}}})",
       {R"({"a":2})", R"({"a":2,"b":9})"},
       {R"({"a":3})", "{}"}},
      {R"({"type":["array","boolean","null"],"not":{"enum":[null,true,[]]}})",
       {"false", "[1]"},
       {"null", "true", "[]"}},
  });
  expect_refused(R"({"not":{}})", "no value is valid");
  expect_refused(R"({"type":"array","not":{"uniqueItems":true}})", ", at /not");
}

}  // namespace
}  // namespace mnema::grammar
