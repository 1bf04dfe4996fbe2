#include "inference/grammar/schema_compiler.hpp"

#include <gtest/gtest.h>

#include "runtime/base/json.hpp"
#include "tests/inference/grammar/matching.hpp"

namespace mnema::grammar {
namespace {

using testing::expect_cases;

TEST(SchemaNumber, ListedNumbersAreWrittenAsPeopleWriteThem) {
  expect_cases({
      {R"({"enum":[0.5,5,50]})", {"0.5", "5", "5.0", "50"}, {"5E-1", "0.05", "500", "0"}},
      {R"({"const":1e2})", {"100", "100.0"}, {"1e3", "10"}},
      {R"({"const":-0.25})", {"-0.25"}, {"0.25", "-0.2"}},
      {R"({"enum":[1.0,2]})", {"1", "1.0", "2"}, {"1.5"}},
      {R"({"const":9007199254740993})", {"9007199254740993"}, {"9007199254740992"}},
      {R"({"const":18446744073709551615})", {"18446744073709551615"}, {"18446744073709551616"}},
  });
}

TEST(SchemaNumber, IntegersHaveAllTheirDigitsAndMayEndInZerosBehindThePoint) {
  expect_cases({
      {R"({"type":"integer"})",
       {"9223372036854775807", "-9223372036854775808", "1234567890123456789", "123456789012345678901234567890", "1.0",
        "0", "-3.00"},
       {"1.5", "01", "1.", "1.05"}},
      {R"({"type":"integer","minimum":-9007199254740991,"maximum":9007199254740991})",
       {"9007199254740991", "-9007199254740991", "0", "12.0"},
       {"9007199254740992", "-9007199254740992", "0.5"}},
      {R"({"type":"integer","minimum":9223372036854775807})",
       {"9223372036854775807", "9223372036854775808", "18446744073709551616"},
       {"9223372036854775806", "7"}},
      {R"({"type":"integer","exclusiveMaximum":10,"minimum":8})", {"8", "9", "9.0"}, {"10", "7", "9.5"}},
      {R"({"type":"integer","minimum":1.5,"maximum":3.5})", {"2", "3"}, {"1", "4", "1.7"}},
  });
}

TEST(SchemaNumber, TheSchemaKeepsItsDigitsBeyond64Bits) {
  JsonBounds bounds;
  bounds.exact_integers = true;
  const auto matcher = [&](std::string_view schema) {
    return *testing::matcher_of(rules_of_schema(parse_bounded_json(schema, "the test", bounds).value()));
  };
  const auto listed = matcher(R"({"enum":[123456789012345678901,1]})");
  EXPECT_TRUE(testing::whole(*listed, "123456789012345678901"));
  EXPECT_FALSE(testing::whole(*listed, "123456789012345680000"));
  const auto bound = matcher(R"({"type":"integer","maximum":123456789012345678901,"minimum":123456789012345678900})");
  EXPECT_TRUE(testing::whole(*bound, "123456789012345678901"));
  EXPECT_FALSE(testing::whole(*bound, "123456789012345678902"));
  EXPECT_FALSE(testing::whole(*bound, "123456789012345678899"));
}

TEST(SchemaNumber, BoundsMayBeFractionsAndTheirZerosDoNotCount) {
  expect_cases({
      {R"({"type":"number","maximum":10})", {"10", "10.0", "9.99", "-100", "-0.5"}, {"10.01", "11"}},
      {R"({"type":"number","minimum":0.5})", {"0.5", "0.50", "0.51", "1", "7.25"}, {"0.49", "0", "0.4999", "-1"}},
      {R"({"type":"number","minimum":0.1,"maximum":0.25})",
       {"0.1", "0.10", "0.2", "0.249", "0.25", "0.250"},
       {"0.09", "0.251", "0.3", "0", "1.2"}},
      {R"({"type":"number","exclusiveMinimum":-1.5,"exclusiveMaximum":2.25})",
       {"-1.49", "0", "2", "2.2499", "-1", "-0.3"},
       {"-1.5", "-1.50", "2.25", "2.3", "-2"}},
      {R"({"type":"number","exclusiveMinimum":0})", {"0.001", "3", "1e-9", "2.5E+10"}, {"0", "0.0", "-1", "0e5"}},
      {R"({"type":"number","minimum":0})", {"0", "0.0", "1e20", "1.5e-05"}, {"-1", "-0.1"}},
      {R"({"type":"number","exclusiveMaximum":0})", {"-0.5", "-1e3"}, {"0", "0.5", "-0.0"}},
      {R"({"type":"number","minimum":2,"exclusiveMinimum":true})", {"2.1", "3"}, {"2", "2.0", "1"}},
      {R"({"type":"number","minimum":123456.789,"maximum":123456.79})",
       {"123456.789", "123456.7895"},
       {"123456.788", "123456.8"}},
  });
}

TEST(SchemaNumber, MultiplesAreKnownByTheirDigits) {
  expect_cases({
      {R"({"type":"integer","multipleOf":7})", {"0", "7", "-14", "700", "21.0"}, {"1", "8", "-13"}},
      {R"({"type":"number","multipleOf":0.01})", {"1.25", "3", "0.1", "-7.05", "2.500"}, {"1.255", "0.001"}},
      {R"({"type":"number","multipleOf":2.5,"minimum":0,"maximum":10})",
       {"0", "2.5", "5", "7.50", "10"},
       {"2", "12.5", "-2.5", "1.25"}},
      {R"({"type":"number","multipleOf":100})", {"0", "300", "1200.0"}, {"150", "10"}},
      {R"({"type":"integer","allOf":[{"multipleOf":2},{"multipleOf":3}]})", {"6", "12", "0"}, {"2", "3", "4"}},
      {R"({"type":"integer","multipleOf":2,"not":{"multipleOf":4}})", {"2", "6", "-10"}, {"4", "3", "8.0"}},
  });
}

TEST(SchemaNumber, ANumberThatIsExcludedIsSoInAllItsForms) {
  expect_cases({
      {R"({"type":"number","not":{"const":5}})", {"4", "5.5", "50", "-5"}, {"5", "5.0", "5.000"}},
      {R"({"type":"integer","not":{"enum":[0,1]}})", {"2", "-1", "10"}, {"0", "-0", "1", "1.0"}},
      {R"({"type":"number","not":{"type":"integer"}})", {"1.5", "-0.25"}, {"1", "1.0", "3"}},
  });
}

}  // namespace
}  // namespace mnema::grammar
