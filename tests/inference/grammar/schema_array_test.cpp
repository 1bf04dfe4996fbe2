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

TEST(SchemaArray, ItemsOfALongListAreUniqueInItsOrder) {
  expect_cases({
      {R"({"type":"array","items":{"enum":[1,2,3,4,5,6,7,8,9,10]},"uniqueItems":true,"minItems":2,"maxItems":3})",
       {"[1,2]", "[3,7,10]"},
       {"[1]", "[2,2]", "[1,2,3,4]", "[11,12]"}},
      {R"({"type":"array","items":{"enum":[1,2,3,4,5,6,7,8,9]},"uniqueItems":true})",
       {"[]", "[9]", "[1,5,9]"},
       {"[5,5]"}},
  });
}

TEST(SchemaArray, ItemsOfAShortListAreUnique) {
  expect_cases({
      {R"({"type":"array","items":{"enum":["a","b","c"]},"uniqueItems":true,"minItems":1})",
       {R"(["b","a"])", R"(["c","a","b"])", R"(["a"])"},
       {"[]", R"(["a","a"])", R"(["a","b","a"])", R"(["d"])"}},
      {R"({"type":"array","items":{"type":"boolean"},"uniqueItems":true})", {"[]", "[false,true]"}, {"[true,true]"}},
      {R"({"type":"array","items":{"type":"string"},"uniqueItems":true,"maxItems":1})", {R"(["a"])"}, {R"(["a","b"])"}},
      {R"({"type":"array","items":{"type":"string"},"uniqueItems":false})", {R"(["a","a"])"}, {"1"}},
  });
  expect_refused(R"({"type":"array","items":{"type":"string"},"uniqueItems":true})", ", at /uniqueItems");
}

}  // namespace
}  // namespace mnema::grammar
