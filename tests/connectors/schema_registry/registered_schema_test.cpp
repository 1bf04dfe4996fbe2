#include "connectors/schema_registry/registered_schema.hpp"

#include <gtest/gtest.h>

#include "connectors/schema_registry/versions.hpp"

namespace mnema {
namespace {

std::shared_ptr<const RegisteredSchema> compiled(SchemaKind kind, const std::string& text) {
  SchemaText schema;
  schema.kind = kind;
  schema.text = text;
  const auto made = RegisteredSchema::compile(schema);
  EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().text());
  return made.ok() ? *made : nullptr;
}

TEST(RegisteredSchema, IsNamedInTheFirstBytesOfARecord) {
  EXPECT_EQ(schema_id_of(std::string("\0\0\1\2\3rest", 9)), 66'051U);
  EXPECT_EQ(schema_id_of(std::string("\0\xff\xff\xff\xff", 5)), 4'294'967'295U);
  EXPECT_EQ(schema_id_of(std::string("\0\0\1\2", 4)), std::nullopt);
  EXPECT_EQ(schema_id_of("{\"id\":1}"), std::nullopt);
  EXPECT_EQ(schema_id_of(""), std::nullopt);
}

TEST(RegisteredSchema, OfJsonHoldsValuesToItAndKeepsTheirDigits) {
  const auto schema = compiled(SchemaKind::kJsonSchema,
                               R"({"type":"object","properties":{"id":{"type":"integer"}},"required":["id"]})");
  EXPECT_EQ(*schema->decode(R"({"id": 1234567890123456789012})", {}), R"({"id": 1234567890123456789012})");
  EXPECT_EQ(schema->decode(R"({"id":"7"})", {}).error().message,
            "the record's value does not fit its schema: at /id: expected integer, found a string \"7\"");
  EXPECT_NE(schema->decode(R"({"id":7)", {}).error().message.find("is not valid JSON"), std::string::npos);
}

TEST(RegisteredSchema, DescribesWhichMembersItsJsonHas) {
  const auto avro = compiled(SchemaKind::kAvro, R"({"type":"record","name":"R","fields":[
      {"name":"id","type":"long"},{"name":"note","type":["null","string"]},{"name":"at","type":{"type":"int","logicalType":"date"}},
      {"name":"items","type":{"type":"array","items":{"type":"record","name":"I","fields":[{"name":"sku","type":"string"},
        {"name":"parts","type":{"type":"array","items":"I"}}]}}}]})");
  const auto json = compiled(SchemaKind::kJsonSchema, R"({"type":"object","properties":{
      "id":{"type":"integer"},"note":{"type":["null","string"]},"at":{"type":"string"},
      "items":{"type":"array","items":{"type":"object","properties":{"sku":{"type":"string"},
        "parts":{"type":"array","items":{"type":"object"}}}}}}})");
  EXPECT_EQ(avro->shape().fields(), json->shape().fields());
  EXPECT_EQ(avro->shape().fields().at("/note").types, JsonShape::kNull | JsonShape::kString);
}

TEST(RegisteredSchema, IsDescribedWithinBoundsHoweverManyWaysLeadThroughIt) {
  // Each level has two records with the same member: 2^60 ways, 60 paths.
  std::string types = R"({"type":"record","name":"A0","fields":[]},{"type":"record","name":"B0","fields":[]})";
  for (int level = 1; level <= 60; ++level) {
    const std::string below = std::to_string(level - 1);
    for (const std::string name : {"A", "B"}) {
      types += R"(,{"type":"record","name":")" + name + std::to_string(level) +
               R"(","fields":[{"name":"a","type":["A)" + below + R"(","B)" + below + R"("]}]})";
    }
  }
  EXPECT_GE(compiled(SchemaKind::kAvro, "[" + types + "]")->shape().fields().size(), 61U);
}

TEST(RegisteredSchema, ReadsAJsonSchemaThatRefersToOthersOfTheRegistry) {
  SchemaText text;
  text.kind = SchemaKind::kJsonSchema;
  text.text = R"({"$id": "https://shop.example/order.json", "type": "object",
                  "properties": {"to": {"$ref": "address.json"}, "zip": {"$ref": "address.json#/$defs/code"}}})";
  // The registry gives each after those it refers to.
  text.references = {{"city.json", R"({"type": "string", "minLength": 1})"},
                     {"address.json", R"({"$id": "https://elsewhere.example/address", "type": "object",
                       "required": ["city"], "properties": {"city": {"$ref": "city.json"}},
                       "$defs": {"code": {"type": "integer"}}})"}};
  const auto schema = RegisteredSchema::compile(text);
  ASSERT_TRUE(schema.ok()) << schema.error().text();
  EXPECT_TRUE((*schema)->decode(R"({"to": {"city": "Bern"}, "zip": 3000})", {}).ok());
  const auto problem = [&](const char* value) {
    const Result<std::string> decoded = (*schema)->decode(value, {});
    return decoded.ok() ? "none" : decoded.error().text();
  };
  EXPECT_NE(problem(R"({"to": {"city": ""}})").find("/to/city"), std::string::npos) << problem(R"({"to":{"city":""}})");
  EXPECT_NE(problem(R"({"to": {}})").find("/to"), std::string::npos);
  EXPECT_NE(problem(R"({"zip": "3000"})").find("/zip"), std::string::npos);
  text.references.pop_back();
  const auto lacking = RegisteredSchema::compile(text);
  ASSERT_FALSE(lacking.ok());
  EXPECT_NE(lacking.error().text().find("address.json"), std::string::npos) << lacking.error().text();
}

TEST(RegisteredSchema, RefusesTwoSchemasUnderOneName) {
  SchemaText text;
  text.kind = SchemaKind::kJsonSchema;
  text.text = R"({"properties": {"to": {"$ref": "address.json"}}})";
  text.references = {{"address.json", R"({"type": "string"})"}, {"address.json", R"({"type": "integer"})"}};
  const auto schema = RegisteredSchema::compile(text);
  ASSERT_FALSE(schema.ok()) << "one of them would hold silently";
  EXPECT_NE(schema.error().text().find("address.json"), std::string::npos) << schema.error().text();
}

TEST(SchemaVersions, CountWhatANewerSchemaOfATopicHasChanged) {
  const auto of = [](const std::string& fields) {
    return compiled(SchemaKind::kAvro, R"({"type":"record","name":"R","fields":[)" + fields + "]}");
  };
  const auto first = of(R"({"name":"id","type":"int"},{"name":"customer_id","type":"string"})");
  const Limits limits;
  SchemaVersions versions("orders", limits);
  versions.note("a", 5, *first);
  versions.note("a", 6,
                *of(R"({"name":"id","type":"long"},{"name":"customer_id","type":"string"},{"name":"x","type":"int"})"));
  EXPECT_EQ(versions.counts().added, 1);
  EXPECT_EQ(versions.counts().broken, 0) << "a long is a number too";
  versions.note("a", 5, *first);
  versions.note("a", 6, *first);
  EXPECT_EQ(versions.counts().added, 1) << "a producer that was not updated is no change";
  versions.note(
      "a", 9, *of(R"({"name":"id","type":"string"},{"name":"customerId","type":"string"},{"name":"x","type":"int"})"));
  EXPECT_EQ(versions.counts().broken, 2);
  EXPECT_EQ(versions.counts().added, 2);
  versions.note("b", 1, *first);
  EXPECT_EQ(versions.counts().broken, 2) << "another topic";
}

TEST(ShapeChanges, NameMissingRenamedAndRetypedMembersAndNewOnes) {
  const auto shape = [](const std::string& fields) {
    return compiled(SchemaKind::kAvro, R"({"type":"record","name":"R","fields":[)" + fields + "]}")->shape();
  };
  const ShapeChanges changes =
      changes_between(shape(R"({"name":"a","type":"int"},{"name":"b","type":"int"},{"name":"c","type":"bytes"})"),
                      shape(R"({"name":"a","type":"string"},{"name":"d","type":"long"})"));
  EXPECT_EQ(changes.added, std::vector<std::string>{"/d"});
  EXPECT_EQ(changes.broken, (std::vector<std::string>{"/a is string and was number", "/b is missing (renamed to /d?)",
                                                      "/c is missing"}));
}

}  // namespace
}  // namespace mnema
