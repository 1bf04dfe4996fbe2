#include "connectors/avro/decoder.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <sstream>

#include "runtime/base/json.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

json::value read_cases() {
  std::ifstream in(MNEMA_SOURCE_DIR "/tests/connectors/avro/cases.json");
  std::stringstream text;
  text << in.rdbuf();
  Result<json::value> cases = parse_bounded_json(text.str(), "the cases", {1 << 20, 64});
  EXPECT_TRUE(cases.ok());
  return cases.ok() ? *cases : json::array{};
}

std::string bytes_of(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

/// As Avro writes an int or long.
std::string zigzag(std::int64_t number) {
  auto bits = static_cast<std::uint64_t>(number) << 1 ^ static_cast<std::uint64_t>(number >> 63);
  std::string bytes;
  for (; bits >= 0x80; bits >>= 7) bytes += static_cast<char>(bits | 0x80);
  return bytes + static_cast<char>(bits);
}

Result<std::string> decode(std::string_view schema, std::string_view bytes, const AvroBounds& bounds = {}) {
  const Result<AvroSchema> compiled = AvroSchema::compile(schema);
  EXPECT_TRUE(compiled.ok()) << (compiled.ok() ? "" : compiled.error().text());
  return avro_to_json(*compiled, bytes, bounds);
}

std::string problem_with(std::string_view schema, std::string_view bytes, const AvroBounds& bounds = {}) {
  const Result<std::string> decoded = decode(schema, bytes, bounds);
  return decoded.ok() ? "none: " + decoded->substr(0, 100) : decoded.error().message;
}

constexpr const char* kList = R"({"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]})";

TEST(AvroDecoder, ReadsWhatAnotherProgramHasWritten) {
  const json::value cases = read_cases();
  ASSERT_GT(cases.as_array().size(), 50U);
  for (const json::value& one : cases.as_array()) {
    const std::string name(one.at("name").as_string());
    const Result<std::string> decoded = decode(json_text(one.at("schema")), bytes_of(one.at("hex").as_string()));
    ASSERT_TRUE(decoded.ok()) << name << ": " << decoded.error().text();
    const Result<json::value> value = parse_bounded_json(*decoded, "it");
    ASSERT_TRUE(value.ok()) << name << ": " << *decoded;
    EXPECT_EQ(canonical_json(*value), canonical_json(one.at("json"))) << name;
  }
}

TEST(AvroDecoder, RefusesEveryPrefixOfWhatAnotherProgramHasWritten) {
  const json::value cases = read_cases();
  for (const json::value& one : cases.as_array()) {
    const std::string bytes = bytes_of(one.at("hex").as_string());
    const Result<AvroSchema> schema = AvroSchema::compile(json_text(one.at("schema")));
    ASSERT_TRUE(schema.ok());
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_FALSE(avro_to_json(*schema, std::string_view(bytes).substr(0, length), {}).ok())
          << one.at("name").as_string() << " cut to " << length;
    }
    EXPECT_FALSE(avro_to_json(*schema, bytes + "x", {}).ok()) << one.at("name").as_string() << " and a byte more";
  }
}

TEST(AvroDecoder, KeepsTheDigitsOfNumbers) {
  EXPECT_EQ(*decode(R"("long")", zigzag(9'007'199'254'740'993)), "9007199254740993");
  EXPECT_EQ(*decode(R"("long")", zigzag(std::numeric_limits<std::int64_t>::min())), "-9223372036854775808");
  EXPECT_EQ(*decode(R"("float")", bytes_of("cdcccc3d")), "0.1");
  EXPECT_EQ(*decode(R"("double")", bytes_of("0000000000000840")), "3.0");
}

TEST(AvroDecoder, ReadsBlocksThatSayHowLongTheyAre) {
  // [1, 2] in a block of -2 items and 2 bytes, then [3].
  EXPECT_EQ(*decode(R"({"type":"array","items":"int"})",
                    zigzag(-2) + zigzag(2) + zigzag(1) + zigzag(2) + zigzag(1) + zigzag(3) + zigzag(0)),
            "[1,2,3]");
}

TEST(AvroDecoder, SaysWhereAndWhatIsWrong) {
  const char* schema =
      R"({"type":"record","name":"R","fields":[{"name":"items","type":{"type":"array","items":["null","string"]}}]})";
  EXPECT_EQ(problem_with(schema, zigzag(2) + zigzag(0) + zigzag(7)),
            "the Avro data is wrong at /items/1: a union has no branch 7");
  EXPECT_EQ(problem_with(schema, zigzag(1) + zigzag(1) + zigzag(100) + "short"),
            "the Avro data is wrong at /items/0: it ends too early");
  EXPECT_EQ(problem_with(R"("string")", zigzag(-5)), "the Avro data is wrong: a length is negative");
  EXPECT_EQ(problem_with(R"("string")", zigzag(2) + "\xff\xfe"), "the Avro data is wrong: a string is not UTF-8");
  EXPECT_EQ(problem_with(R"("boolean")", "\x02"), "the Avro data is wrong: a boolean is neither 0 nor 1");
  EXPECT_EQ(problem_with(R"("int")", zigzag(1LL << 31)), "the Avro data is wrong: an int has more than 32 bits");
  EXPECT_EQ(problem_with(R"("long")", std::string(10, '\xff')),
            "the Avro data is wrong: an integer has more than 64 bits");
  EXPECT_EQ(problem_with(R"({"type":"enum","name":"E","symbols":["A"]})", zigzag(-77)),
            "the Avro data is wrong: an enum has no symbol -77");
  EXPECT_EQ(problem_with(R"({"type":"map","values":"int"})",
                         zigzag(2) + zigzag(1) + "a" + zigzag(1) + zigzag(1) + "a" + zigzag(2) + zigzag(0)),
            "the Avro data is wrong: a key comes twice");
}

TEST(AvroDecoder, IsBoundedByWhatItWritesWhateverTheBytesClaim) {
  const char* nulls = R"({"type":"array","items":"null"})";
  for (const std::int64_t count : {std::int64_t{1} << 40, std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_NE(problem_with(nulls, zigzag(count)).find("more than 4194304 bytes"), std::string::npos);
  }
  EXPECT_NE(problem_with(nulls, zigzag(-(std::int64_t{1} << 62)) + zigzag(0)).find("more than 4194304 bytes"),
            std::string::npos);
  EXPECT_NE(problem_with(nulls, zigzag(std::numeric_limits<std::int64_t>::min())).find("out of range"),
            std::string::npos);
  const char* empty = R"({"type":"array","items":{"type":"record","name":"Nothing","fields":[]}})";
  EXPECT_NE(problem_with(empty, zigzag(std::int64_t{1} << 50)).find("more than 4194304 bytes"), std::string::npos);
  EXPECT_EQ(problem_with(R"("string")", zigzag(2'000'000'000)), "the Avro data is wrong: it ends too early");
  EXPECT_EQ(problem_with(R"("bytes")", zigzag(std::numeric_limits<std::int64_t>::max())),
            "the Avro data is wrong: it ends too early");
  EXPECT_EQ(problem_with(R"({"type":"fixed","name":"F","size":2147483647})", "abc"),
            "the Avro data is wrong: it ends too early");
  const std::string decimal(1000, '\x7f');
  EXPECT_NE(problem_with(R"({"type":"bytes","logicalType":"decimal","precision":10})", zigzag(1000) + decimal)
                .find("a decimal has more than 256 bytes"),
            std::string::npos);
}

TEST(AvroDecoder, IsBoundedInDepth) {
  AvroBounds bounds;
  bounds.depth_max = 3;
  EXPECT_EQ(problem_with(kList, std::string("\x02\x02\x00", 3), bounds), "none: {\"next\":{\"next\":{\"next\":null}}}");
  EXPECT_EQ(problem_with(kList, std::string("\x02\x02\x02\x00", 4), bounds),
            "the Avro data is wrong at /next/next/next: it is nested more than 3 deep");
  EXPECT_NE(problem_with(kList, std::string(5'000'000, '\x02')).find("nested more than 64 deep"), std::string::npos);
  const char* endless = R"({"type":"record","name":"L","fields":[{"name":"next","type":"L"}]})";
  EXPECT_NE(problem_with(endless, "").find("nested more than 64 deep"), std::string::npos);
}

}  // namespace
}  // namespace mnema
