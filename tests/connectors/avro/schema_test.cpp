#include "connectors/avro/schema.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

std::string problem_with(std::string_view schema, const std::vector<std::string>& references = {}) {
  const Result<AvroSchema> compiled = AvroSchema::compile(schema, references);
  return compiled.ok() ? "none" : compiled.error().message;
}

TEST(AvroSchema, ThatIsNoneIsRefusedWithItsPlace) {
  EXPECT_NE(problem_with("{").find("is not valid JSON"), std::string::npos);
  EXPECT_EQ(problem_with("7"), "the Avro schema is wrong at its top: expected a type: a name, an object or an array");
  EXPECT_EQ(problem_with(R"("Order")"), "the Avro schema is wrong at its top: there is no type 'Order'");
  EXPECT_EQ(problem_with(R"({"type":"record","name":"R","fields":[{"name":"a","type":"whole"}]})"),
            "the Avro schema is wrong at /fields/0/type: there is no type 'whole'");
  EXPECT_EQ(
      problem_with(R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]})"),
      "the Avro schema is wrong at /fields/1: a second field is 'a'");
  EXPECT_EQ(problem_with(R"({"type":"record","name":"a b","fields":[]})"),
            "the Avro schema is wrong at its top: has no name of letters, digits and '_'");
  EXPECT_EQ(problem_with(R"([["null"]])"), "the Avro schema is wrong at /0: a union stands directly in a union");
  EXPECT_EQ(problem_with(R"({"type":"array"})"), "the Avro schema is wrong at its top: has no 'items'");
  EXPECT_EQ(problem_with(R"({"type":"fixed","name":"F","size":-1})"),
            "the Avro schema is wrong at its top: has no size of 0 to 2147483647");
  EXPECT_EQ(problem_with(R"(["null",{"type":"enum","name":"E","symbols":["A","\"B"]}])"),
            "the Avro schema is wrong at /1: has a symbol that is no name");
  EXPECT_EQ(problem_with(R"([{"type":"enum","name":"E","symbols":[]},{"type":"fixed","name":"E","size":1}])"),
            "the Avro schema is wrong at /1: a second type is named 'E'");
}

TEST(AvroSchema, MayNameTypesOfTheSchemasThatItRefersTo) {
  const std::string city = R"({"type":"record","name":"shop.City","fields":[{"name":"name","type":"string"}]})";
  const std::string address = R"({"type":"record","name":"shop.Address","fields":[{"name":"city","type":"City"}]})";
  const char* order = R"({"type":"record","name":"shop.Order","fields":[{"name":"to","type":"shop.Address"}]})";
  EXPECT_EQ(problem_with(order, {city, address}), "none");
  EXPECT_EQ(problem_with(order, {city}), "the Avro schema is wrong at /fields/0/type: there is no type 'shop.Address'");
}

TEST(AvroSchema, IsBounded) {
  std::string deep = R"("null")";
  for (int i = 0; i < 50'000; ++i) deep = R"({"type":"array","items":)" + deep;
  EXPECT_NE(problem_with(deep).find("nested too deep"), std::string::npos);
  std::string wide = "[";
  for (int i = 0; i < 20'000; ++i) {
    wide += std::string(i == 0 ? "" : ",") + R"({"type":"array","items":"null"})";
  }
  EXPECT_NE(problem_with(wide + "]").find("more than 10000 types"), std::string::npos);
}

}  // namespace
}  // namespace mnema
