#include "connectors/protobuf/decoder.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "connectors/protobuf/schema.hpp"
#include "runtime/base/json.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

std::string read_file(const std::string& name) {
  std::ifstream in(std::string(MNEMA_SOURCE_DIR "/tests/connectors/protobuf/") + name);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string bytes_of(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

ProtobufSchema compiled(const std::string& text, const std::map<std::string, std::string>& imports = {}) {
  Result<ProtobufSchema> schema = ProtobufSchema::compile(text, imports);
  CHECK(schema.ok(), schema.ok() ? "" : schema.error().text().c_str());
  return std::move(*schema);
}

std::string problem_with(const ProtobufSchema& schema, std::string_view bytes, const ProtobufBounds& bounds = {}) {
  const Result<std::string> decoded = protobuf_to_json(*schema.message({0}), bytes, bounds);
  return decoded.ok() ? "none: " + decoded->substr(0, 100) : decoded.error().message;
}

class ProtobufDecoder : public ::testing::Test {
 protected:
  const ProtobufSchema schema_ = compiled(read_file("cases.proto"), {{"address.proto", read_file("address.proto")}});
  const json::value cases_ = *parse_bounded_json(read_file("cases.json"), "the cases");
  [[nodiscard]] const google::protobuf::Descriptor* message(const json::value& one) const {
    for (int i = 0; const auto* found = schema_.message({i}); ++i) {
      if (found->name() == std::string(one.at("message").as_string())) return found;
    }
    return nullptr;
  }
};

TEST_F(ProtobufDecoder, ReadsWhatAnotherProgramHasWritten) {
  ASSERT_GE(cases_.as_array().size(), 8U);
  for (const json::value& one : cases_.as_array()) {
    const std::string name(one.at("name").as_string());
    const auto decoded = protobuf_to_json(*message(one), bytes_of(one.at("hex").as_string()), {});
    ASSERT_TRUE(decoded.ok()) << name << ": " << decoded.error().text();
    const Result<json::value> value = parse_bounded_json(*decoded, "it");
    ASSERT_TRUE(value.ok()) << name << ": " << *decoded;
    EXPECT_EQ(canonical_json(*value), canonical_json(one.at("json"))) << name;
  }
}

TEST_F(ProtobufDecoder, TakesAnyCutOrChangedByteForDataOrRefusesIt) {
  int refused = 0;
  for (const json::value& one : cases_.as_array()) {
    const std::string bytes = bytes_of(one.at("hex").as_string());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (const int flip : {0xff, 0x80, 0x01, 0x07}) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ flip);
        for (const std::string_view part : {std::string_view(changed), std::string_view(bytes).substr(0, at)}) {
          const auto decoded = protobuf_to_json(*message(one), part, {});
          if (decoded.ok()) {
            ASSERT_TRUE(parse_bounded_json(*decoded, "it").ok()) << *decoded;
          } else {
            ++refused;
          }
        }
      }
    }
  }
  EXPECT_GT(refused, 100);
}

TEST_F(ProtobufDecoder, MergesWhatComesTwiceAndLeavesOutWhatIsUnknown) {
  // The last of a number counts; a message goes on; of a oneof the last field counts; field 100 is of another schema.
  const std::string bytes = bytes_of(
      "0801"
      "0802"
      "3a00"
      "3a060a044265726e"
      "420163"
      "4807"
      "a20601ff");
  EXPECT_EQ(problem_with(schema_, bytes),
            R"(none: {"id":2,"customer_id":"","items":[],"tags":{},"status":"OPEN","to":{"city":"Bern"},"invoice":7})");
}

TEST_F(ProtobufDecoder, SaysWhereAndWhatIsWrong) {
  EXPECT_EQ(problem_with(schema_, bytes_of("08ff")), "the Protobuf data is wrong: its bytes are no message");
  EXPECT_EQ(problem_with(schema_, bytes_of("1a030a01ff")),
            "the Protobuf data is wrong at /items/0/sku: a string is not UTF-8");
  EXPECT_EQ(problem_with(schema_, bytes_of("1affffffff0f")), "the Protobuf data is wrong: its bytes are no message");
  EXPECT_EQ(problem_with(schema_, bytes_of("0c")), "the Protobuf data is wrong: its bytes are no message");
}

TEST_F(ProtobufDecoder, IsBoundedInTextDepthAndFields) {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep = "\x1a" + std::string(1, static_cast<char>(deep.size() & 0x7f)) + deep;
  const ProtobufSchema list = compiled("syntax = \"proto3\"; message L { L next = 3; }");
  std::string nested;
  for (int i = 0; i < 60; ++i) nested = "\x1a" + std::string(1, static_cast<char>(nested.size())) + nested;
  ProtobufBounds shallow;
  shallow.depth_max = 10;
  EXPECT_NE(problem_with(list, nested, shallow).find("nested more than 10 deep"), std::string::npos);

  std::string wide = "syntax = \"proto3\"; message W { repeated W all = 1; ";
  for (int i = 2; i < 2'000; ++i) wide += "optional int32 f" + std::to_string(i) + " = " + std::to_string(i) + "; ";
  const ProtobufSchema many = compiled(wide + "}");
  std::string empty;
  for (int i = 0; i < 100'000; ++i) empty += std::string("\x0a\0", 2);
  EXPECT_NE(problem_with(many, empty).find("too many fields"), std::string::npos);

  const ProtobufSchema zeros =
      compiled("syntax = \"proto3\"; message Z { repeated Z all = 1; string name_of_it = 2; }");
  empty.clear();
  for (int i = 0; i < 1'000'000; ++i) empty += std::string("\x0a\0", 2);
  EXPECT_NE(problem_with(zeros, empty).find("more than 4194304 bytes"), std::string::npos);
}

TEST_F(ProtobufDecoder, ReadsProto2WithItsGroups) {
  const ProtobufSchema schema = compiled(
      "syntax = \"proto2\"; message M { optional int32 a = 1; repeated group G = 2 { optional int32 b = 3; } }");
  EXPECT_EQ(problem_with(schema, bytes_of("0807"
                                          "13"
                                          "1805"
                                          "14"
                                          "13"
                                          "14")),
            R"(none: {"a":7,"g":[{"b":5},{}]})");
  EXPECT_NE(problem_with(schema, bytes_of("131805")).find("no message"), std::string::npos);
  EXPECT_NE(problem_with(schema, std::string(100'000, '\x13')).find("no message"), std::string::npos);
}

TEST(ProtobufSchema, ThatIsNoneIsRefusedWithItsPlace) {
  const auto problem = [](const std::string& text) {
    const auto schema = ProtobufSchema::compile(text, {});
    return schema.ok() ? "none" : schema.error().message;
  };
  EXPECT_NE(problem("syntax = \"proto3\"; message M { int32 a }").find("line 1, column"), std::string::npos);
  EXPECT_NE(problem("syntax = \"proto3\"; message M { Unknown a = 1; }").find("Unknown"), std::string::npos);
  EXPECT_NE(problem("syntax = \"proto3\"; import \"other.proto\"; message M { }").find("other.proto"),
            std::string::npos);
  std::string deep = "syntax = \"proto3\";";
  for (int i = 0; i < 100'000; ++i) deep += "message M {";
  EXPECT_NE(problem(deep).find("nested more than 64 deep"), std::string::npos);
}

TEST(ProtobufSchema, CountsItsMessagesWithoutTheEntriesOfMaps) {
  const ProtobufSchema schema =
      compiled("syntax = \"proto3\"; message A { map<string, int32> m = 1; message B {} message C {} } message D {}");
  EXPECT_EQ(schema.message({0})->full_name(), "A");
  EXPECT_EQ(schema.message({1})->full_name(), "D");
  EXPECT_EQ(schema.message({0, 1})->full_name(), "A.C");
  EXPECT_EQ(schema.message({0, 2}), nullptr);
  EXPECT_EQ(schema.message({7}), nullptr);
}

TEST(ProtobufDecoderOfOneof, KeepsItsFieldWhereAnotherOneIsWrittenInAWayThatIsNotItsType) {
  const ProtobufSchema schema =
      compiled("syntax = \"proto3\"; message M { oneof way { int32 a = 1; string b = 2; } }", {});
  EXPECT_EQ(*protobuf_to_json(*schema.message({0}), bytes_of("0807120178"), {}), R"({"b":"x"})");
  EXPECT_EQ(*protobuf_to_json(*schema.message({0}), bytes_of("08071001"), {}), R"({"a":7})") << "b as a varint";
}

TEST(ProtobufDecoderOfHostileSchemas, TakesAMessageThatOnlyHasAWellKnownNameForWhatItSays) {
  for (const std::string body :
       {"message StringValue {}", "message Struct {}", "message ListValue {}", "message Value {}",
        "message Timestamp {}", "message BoolValue { int32 other = 7; }", "message Duration { string seconds = 1; }"}) {
    const ProtobufSchema schema = compiled("syntax = \"proto3\"; package google.protobuf; " + body, {});
    const auto decoded = protobuf_to_json(*schema.message({0}), "", {});
    EXPECT_TRUE(decoded.ok()) << body;
  }
  const ProtobufSchema schema =
      compiled("syntax = \"proto3\"; package google.protobuf; message Timestamp { repeated int64 seconds = 1; }", {});
  EXPECT_EQ(*protobuf_to_json(*schema.message({0}), bytes_of("0a00"), {}), R"({"seconds":[]})");
}

TEST(ProtobufDecoderOfHostileSchemas, RefusesWhatIsNestedWithoutEndHoweverItIsWritten) {
  const auto repeated = [](const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
  };
  const std::string option =
      "syntax = \"proto2\"; import \"google/protobuf/descriptor.proto\"; message M { optional M m = 1; } "
      "extend google.protobuf.FileOptions { optional M deep = 50000; } option (deep) = ";
  constexpr int kDeep = 200'000;
  for (const std::string& text :
       {"syntax = \"proto3\"; " + repeated("message A { /* } */ ", kDeep) + repeated("} ", kDeep),
        "syntax = \"proto3\"; " + repeated("message A { // }\n", kDeep) + repeated("} ", kDeep),
        "syntax = \"proto3\"; " + repeated("} ", kDeep) + repeated("message A { ", kDeep),
        "syntax = \"proto3\"; " + repeated("message A { ] ", kDeep),
        option + "{ " + repeated("m < ", kDeep) + repeated("> ", kDeep) + "};"}) {
    const auto schema = ProtobufSchema::compile(text, {});
    ASSERT_FALSE(schema.ok()) << text.substr(0, 60);
    EXPECT_NE(schema.error().message.find("nested more than"), std::string::npos) << schema.error().message;
    EXPECT_LT(schema.error().message.size(), 2'000U);
  }
  EXPECT_TRUE(ProtobufSchema::compile(option + "{ m < m { m < > } > };", {}).ok());
}

}  // namespace
}  // namespace mnema
