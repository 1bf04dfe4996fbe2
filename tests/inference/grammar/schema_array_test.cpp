#include "inference/grammar/schema_compiler.hpp"

#include <gtest/gtest.h>

#include "tests/inference/grammar/matching.hpp"

namespace mnema::grammar {
namespace {

using testing::expect_cases;
using testing::expect_refused;

TEST(SchemaArray, TakesAPrefixInTheWordsOfBothDrafts) {
  for (const char* schema :
       {R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":{"type":"null"}})",
        R"({"type":"array","items":[{"type":"integer"},{"type":"string"}],"additionalItems":{"type":"null"}})"}) {
    expect_cases({{schema, {"[]", "[1]", R"([1,"a"])", R"([1,"a",null,null])"}, {R"(["a"])", R"([1,"a",2])"}}});
  }
}

TEST(SchemaArray, AdditionalItemsAssertsNothingBesideItemsThatAreNoList) {
  expect_cases({
      {R"({"type":"array","items":{"type":"integer"},"additionalItems":false})", {"[]", "[1,2,3]"}, {R"(["a"])"}},
      {R"({"type":"array","additionalItems":false})", {R"([1,"a"])"}, {"1"}},
  });
}

TEST(SchemaArray, ItemsOfSeveralSchemasHoldTogether) {
  expect_cases({
      {R"({"type":"array","allOf":[{"items":{"minimum":2}},{"items":{"type":"integer"}},{"prefixItems":[{"maximum":5}]}]})",
       {"[]", "[3]", "[5,9]"},
       {"[6]", "[1]", "[3,1]", R"(["a"])"}},
      {R"({"type":"array","prefixItems":[{"type":"integer"},false]})", {"[]", "[1]"}, {"[1,2]"}},
      {R"({"type":"array","prefixItems":[{"const":1}],"unevaluatedItems":false})", {"[]", "[1]"}, {"[1,2]"}},
  });
}

TEST(SchemaArray, ContainsWhatItMustAsOftenAsItMust) {
  expect_cases({
      {R"({"type":"array","items":{"type":"integer"},"contains":{"minimum":5}})",
       {"[5]", "[1,7]", "[7,1,8]"},
       {"[]", "[1]", "[1,2]", R"([7,"a"])"}},
      {R"({"type":"array","contains":{"const":"x"},"minContains":2,"maxContains":3})",
       {R"(["x","x"])", R"([1,"x","y","x","x"])"},
       {R"(["x"])", R"(["x","x","x","x"])"}},
      {R"({"type":"array","contains":{"type":"null"},"minItems":2,"maxItems":3})",
       {"[null,1]", "[1,2,null]"},
       {"[null]", "[1,2,3,null]", "[1,2]"}},
      {R"({"type":"array","contains":{"type":"null"},"minContains":0})", {"[]", "[1]"}, {"1"}},
  });
}

TEST(SchemaArray, ItemsAreUniqueInAnyOrder) {
  expect_cases({
      {R"({"type":"array","items":{"enum":["a","b","c"]},"uniqueItems":true,"minItems":1})",
       {R"(["b","a"])", R"(["c","a","b"])", R"(["a"])"},
       {"[]", R"(["a","a"])", R"(["a","b","a"])", R"(["d"])"}},
      {R"({"type":"array","items":{"enum":[1,2,3,4,5,6,7,8,9,10]},"uniqueItems":true,"minItems":2,"maxItems":3})",
       {"[1,2]", "[10,3,7]"},
       {"[1]", "[2,2]", "[2,2.0]", "[1,2,3,4]", "[11,12]"}},
      {R"({"type":"array","items":{"type":"boolean"},"uniqueItems":true})", {"[]", "[false,true]"}, {"[true,true]"}},
      {R"({"type":"array","items":{"type":"string"},"uniqueItems":true,"maxItems":1})", {R"(["a"])"}, {R"(["a","b"])"}},
      {R"({"type":"array","items":{"type":"string"},"uniqueItems":false})", {R"(["a","a"])"}, {"1"}},
      {R"({"type":"array","items":{"type":"string"},"uniqueItems":true})",
       {R"(["a", "aa", "A"])", "[\n  \"b\",\n  \"a\"\n]"},
       {R"(["a","a"])", R"(["a","b", "\u0061"])"}},
      {R"({"type":"array","uniqueItems":true})",
       {R"([1,"1",[1],{"a":1},true,null])"},
       {"[1,1.0]", R"([{"a":1,"b":2},{"b":2,"a":1}])", "[[],[]]"}},
      {R"({"uniqueItems":true})", {R"("a")", R"(["a"])", R"([["a","a"]])"}, {R"(["a","a"])"}},
      {R"({"type":"object","properties":{"tags":{"type":"array","items":{"type":"string"},"uniqueItems":true},
           "more":{"type":"array","items":{"type":"string"}}}})",
       {R"({"tags":["a","b"],"more":["a","a"]})", R"({"more":["a","a"]})"},
       {R"({"tags":["a","a"]})"}},
      {R"({"anyOf":[{"type":"array","items":{"type":"integer"},"uniqueItems":true},{"type":"string"}]})",
       {"[1,2]", R"("a")"},
       {"[1,1]"}},
  });
}

TEST(SchemaArray, ItemsAreUniqueBesideAPrefixAndContains) {
  expect_cases({
      {R"({"type":"array","prefixItems":[{"type":"string"},{"type":"string"}],"items":{"type":"integer"},"uniqueItems":true})",
       {R"(["a","b",1,2])", R"(["a"])"},
       {R"(["a","a"])", R"(["a","b",1,1])"}},
      {R"({"type":"array","items":{"type":"integer"},"contains":{"minimum":5},"uniqueItems":true})",
       {"[5]", "[1,7]"},
       {"[1]", "[7,7]"}},
  });
}

TEST(SchemaArray, UniqueItemsOfWhichThereMayBeTooFewAreRefused) {
  expect_cases({
      {R"({"type":"array","items":{"type":"boolean"},"uniqueItems":true,"minItems":2})", {"[true,false]"}, {"[true]"}},
      {R"({"type":"array","items":{"type":"integer","minimum":1,"maximum":3},"uniqueItems":true,"minItems":3})",
       {"[2,1,3]"},
       {"[1,2]", "[1,2,1]"}},
      {R"({"type":"array","items":{"type":"string","pattern":"^[ab]$"},"uniqueItems":true,"minItems":2})",
       {R"(["b","a"])"},
       {R"(["a"])"}},
      {R"({"type":"array","items":{"type":"array","items":{"type":"number"},"minItems":2,"maxItems":2},"uniqueItems":true,
           "minItems":2})",
       {"[[1,2],[2,1]]"},
       {"[[1,2],[1,2]]", "[[1,2]]"}},
      {R"({"type":"array","items":{"$ref":"#/$defs/point"},"uniqueItems":true,"minItems":2,"$defs":{"point":{"type":"object",
           "properties":{"x":{"type":"number"}},"required":["x"]}}})",
       {R"([{"x":1},{"x":2}])"},
       {R"([{"x":1},{"x":1}])", R"([{"x":1}])"}},
  });
  expect_refused(R"({"type":"array","items":{"type":"boolean"},"uniqueItems":true,"minItems":3})", ", at /uniqueItems");
  expect_refused(R"({"type":"array","items":{"type":"string","pattern":"^[ab]$"},"uniqueItems":true,"minItems":3})",
                 ", at /uniqueItems");
  expect_refused(R"({"type":"array","items":{"type":"string","maxLength":0},"uniqueItems":true,"minItems":2})",
                 ", at /uniqueItems");
  expect_refused(R"({"type":"array","prefixItems":[{"type":"integer"},{"const":1}],"uniqueItems":true,"minItems":2})",
                 ", at /uniqueItems");
  expect_refused(R"({"type":"array","items":{"type":"string"},"uniqueItems":true,"minItems":10000})",
                 ", at /uniqueItems");
}

}  // namespace
}  // namespace mnema::grammar
