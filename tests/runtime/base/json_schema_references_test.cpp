#include "runtime/base/json_schema_references.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace mnema {
namespace {

TEST(JsonSchemaReferences, LeadWhereTheDocumentSays) {
  const boost::json::value root = boost::json::parse(R"({
    "$id": "https://example.org/a/root.json",
    "$defs": {
      "plain": {"title": "plain"},
      "a b": {"title": "blank"},
      "per%cent": {"title": "percent"},
      "slash/~": {"title": "slash"},
      "named": {"$anchor": "name", "title": "named"},
      "inner": {"$id": "sub/inner.json", "title": "inner", "$defs": {"x": {"title": "inner x"}},
                "items": {"$ref": "#/$defs/x"}},
      "data": {"enum": [{"$anchor": "no", "$id": "no.json"}]}
    }, "$ref": "#"})");
  const JsonSchemaReferences references(root);
  const auto title = [&](std::string_view reference, const boost::json::object& from) {
    const auto target = references.resolve(reference, from);
    if (!target.ok()) return std::string("nowhere");
    const boost::json::value* found = target->schema->as_object().if_contains("title");
    return found != nullptr ? std::string(found->as_string()) : std::string("untitled");
  };
  const boost::json::object& here = root.as_object();
  EXPECT_EQ(title("#/$defs/plain", here), "plain");
  EXPECT_EQ(title("#/%24defs/a%20b", here), "blank");
  EXPECT_EQ(title("#/$defs/per%25cent", here), "percent");
  EXPECT_EQ(title("#/$defs/slash~1~0", here), "slash");
  EXPECT_EQ(title("#name", here), "named");
  EXPECT_EQ(title("root.json#name", here), "named");
  EXPECT_EQ(title("sub/inner.json", here), "inner");
  EXPECT_EQ(title("https://example.org/a/sub/inner.json#/$defs/x", here), "inner x");
  EXPECT_EQ(title("../a/./sub/inner.json", here), "inner");
  const boost::json::object& inner = here.at("$defs").at("inner").at("items").as_object();
  EXPECT_EQ(title("#/$defs/x", inner), "inner x") << "inside a document of its own";
  EXPECT_EQ(title("#/$defs/plain", inner), "plain") << "as many mean it, though it is the outer document's";
  EXPECT_EQ(title("#no", here), "nowhere");
  EXPECT_EQ(title("no.json", here), "nowhere");
  EXPECT_EQ(title("https://example.org/other.json", here), "nowhere");
}

TEST(JsonSchemaReferences, ADynamicAnchorIsClearWhereThereIsOne) {
  const boost::json::value once =
      boost::json::parse(R"({"$defs":{"a":{"$dynamicAnchor":"x","title":"t"}},"$dynamicRef":"#x"})");
  EXPECT_TRUE(JsonSchemaReferences(once).resolve_dynamic("#x", once.as_object()).ok());
  const boost::json::value twice = boost::json::parse(
      R"({"$defs":{"a":{"$dynamicAnchor":"x"},"b":{"$id":"b","$dynamicAnchor":"x"}},"$dynamicRef":"#x"})");
  const auto unclear = JsonSchemaReferences(twice).resolve_dynamic("#x", twice.as_object());
  ASSERT_FALSE(unclear.ok());
  EXPECT_EQ(unclear.error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace mnema
