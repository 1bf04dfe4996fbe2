#include "agents/rest/structured_output.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "agents/rest/chat_request.hpp"
#include "agents/rest/completion_request.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

struct Read {
  StructuredOutput output;
  std::optional<RequestError> error;
  [[nodiscard]] std::string refused_param() const { return error ? error->param : "not refused"; }
};

Read read(const std::string& body) {
  Read all;
  const json::value value = json::parse(body);
  JsonFields fields(value.get_object(), "", all.error);
  all.output = read_structured_output(fields, all.error);
  return all;
}

const json::value kSchema = json::parse(R"({"type": "object", "required": ["a"]})");

TEST(StructuredOutput, TakesASchemaInEveryWayInWhichServersTakeOne) {
  for (const auto& [body, param] : {
           std::pair(R"({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "strict": true,
                        "schema": {"type": "object", "required": ["a"]}}}})",
                     "response_format.json_schema.schema"),
           std::pair(R"({"response_format": {"type": "json_object", "schema": {"type": "object", "required": ["a"]}}})",
                     "response_format.schema"),
           std::pair(R"({"json_schema": {"type": "object", "required": ["a"]}})", "json_schema"),
           std::pair(R"({"json_schema": "{\"type\": \"object\", \"required\": [\"a\"]}"})", "json_schema"),
           std::pair(R"({"guided_json": {"type": "object", "required": ["a"]}})", "guided_json"),
           std::pair(R"({"guided_json": "{\"type\": \"object\", \"required\": [\"a\"]}"})", "guided_json"),
           std::pair(R"({"structured_outputs": {"json": {"type": "object", "required": ["a"]}}})",
                     "structured_outputs.json"),
           std::pair(R"({"format": {"type": "object", "required": ["a"]}})", "format"),
       }) {
    const Read all = read(body);
    ASSERT_FALSE(all.error) << body << all.error->error.text();
    const auto* schema = std::get_if<JsonSchemaConstraint>(&all.output.constraint);
    ASSERT_NE(schema, nullptr) << body;
    EXPECT_EQ(schema->schema, kSchema) << body;
    EXPECT_EQ(all.output.param, param);
  }
}

TEST(StructuredOutput, TakesOtherShapes) {
  const auto regex = [](const char* body) { return std::get<RegexConstraint>(read(body).output.constraint).pattern; };
  EXPECT_EQ(regex(R"({"guided_regex": "a+"})"), "a+");
  EXPECT_EQ(regex(R"({"regex": "a+"})"), "a+");
  EXPECT_EQ(regex(R"({"structured_outputs": {"regex": "a+"}})"), "a+");
  const auto gbnf = [](const char* body) { return std::get<GrammarConstraint>(read(body).output.constraint).gbnf; };
  EXPECT_EQ(gbnf(R"({"grammar": "root ::= \"a\""})"), "root ::= \"a\"");
  EXPECT_EQ(gbnf(R"({"guided_grammar": "root ::= \"a\""})"), "root ::= \"a\"");
  EXPECT_EQ(gbnf(R"({"ebnf": "root ::= \"a\""})"), "root ::= \"a\"");
  EXPECT_EQ(gbnf(R"({"structured_outputs": {"grammar": "root ::= \"a\""}})"), "root ::= \"a\"");
  const std::vector<std::string> choices{"yes", "no"};
  const auto choice = [](const char* body) { return std::get<ChoiceConstraint>(read(body).output.constraint).choices; };
  EXPECT_EQ(choice(R"({"guided_choice": ["yes", "no"]})"), choices);
  EXPECT_EQ(choice(R"({"structured_outputs": {"choice": ["yes", "no"]}})"), choices);
  for (const char* body :
       {R"({"response_format": {"type": "json_object"}})", R"({"guided_json_object": true})", R"({"format": "json"})",
        R"({"structured_outputs": {"json_object": true, "disable_fallback": true}})"}) {
    EXPECT_TRUE(std::holds_alternative<JsonObjectConstraint>(read(body).output.constraint)) << body;
  }
}

TEST(StructuredOutput, AsksForNothingWhereNothingIsNamed) {
  for (const char* body :
       {"{}", R"({"response_format": {"type": "text"}})", R"({"guided_json": null, "grammar": "", "format": ""})",
        R"({"structured_outputs": {"json": null, "regex": null, "disable_any_whitespace": false}})",
        R"({"guided_decoding_backend": "xgrammar", "grammar_lazy": false, "structural_tag": null})"}) {
    const Read all = read(body);
    EXPECT_FALSE(all.error) << body << all.error->error.text();
    EXPECT_TRUE(std::holds_alternative<NoConstraint>(all.output.constraint)) << body;
  }
}

TEST(StructuredOutput, RefusesWhatItCannotHonourByTheFieldThatAsksForIt) {
  for (const auto& [body, param] : {
           std::pair(R"({"guided_json": 3})", "guided_json"),
           std::pair(R"({"guided_json": "{"})", "guided_json"),
           std::pair(R"({"json_schema": []})", "json_schema"),
           std::pair(R"({"guided_regex": 3})", "guided_regex"),
           std::pair(R"({"guided_choice": []})", "guided_choice"),
           std::pair(R"({"guided_choice": ["a", ""]})", "guided_choice"),
           std::pair(R"({"guided_choice": "a"})", "guided_choice"),
           std::pair(R"({"response_format": "json"})", "response_format"),
           std::pair(R"({"response_format": {"type": "xml"}})", "response_format.type"),
           std::pair(R"({"response_format": {"type": "structural_tag"}})", "response_format.type"),
           std::pair(R"({"response_format": {"type": "json_object", "json_schema": {"type": "array"}}})",
                     "response_format.json_schema"),
           std::pair(R"({"response_format": {"type": "json_object", "value": {}}})", "response_format.value"),
           std::pair(R"({"grammar": {"type": "json", "value": {}}})", "grammar"),
           std::pair(R"({"nvext": {"guided_json": {}}})", "nvext"),
           std::pair(R"({"response_format": {"type": "json_schema"}})", "response_format.json_schema"),
           std::pair(R"({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}})",
                     "response_format.json_schema.schema"),
           std::pair(R"({"structured_outputs": {"structural_tag": "x"}})", "structured_outputs.structural_tag"),
           std::pair(R"({"structured_outputs": {"disable_any_whitespace": true}})",
                     "structured_outputs.disable_any_whitespace"),
           std::pair(R"({"structural_tag": {}})", "structural_tag"),
           std::pair(R"({"guided_whitespace_pattern": " ?"})", "guided_whitespace_pattern"),
           std::pair(R"({"grammar_lazy": true})", "grammar_lazy"),
           std::pair(R"({"format": "yaml"})", "format"),
           std::pair(R"({"text": {"format": {"type": "json_object"}}})", "text"),
           std::pair(R"({"extra_body": {"guided_json": {}}})", "extra_body"),
           std::pair(R"({"guided_regex": "a", "guided_choice": ["a"]})", "guided_choice"),
           std::pair(R"({"response_format": {"type": "json_object"}, "grammar": "root ::= \"a\""})", "grammar"),
           std::pair(R"({"structured_outputs": {"regex": "a", "choice": ["a"]}})", "structured_outputs.choice"),
       }) {
    EXPECT_EQ(read(body).refused_param(), param) << body;
  }
}

TEST(StructuredOutput, CountsForChatsAndForCompletions) {
  const std::string shape = R"("guided_choice": ["yes", "no"]})";
  const auto chat = parse_chat_request(R"({"messages": [{"role": "user", "content": "x"}], )" + shape, Limits(), {});
  ASSERT_TRUE(std::holds_alternative<ParsedChat>(chat));
  EXPECT_TRUE(std::holds_alternative<ChoiceConstraint>(std::get<ParsedChat>(chat).generate.constraint));
  EXPECT_EQ(std::get<ParsedChat>(chat).constraint_param, "guided_choice");
  const auto completion = parse_completion_request(R"({"prompt": "x", )" + shape, Limits(), {});
  ASSERT_TRUE(std::holds_alternative<ParsedCompletion>(completion));
  EXPECT_TRUE(std::holds_alternative<ChoiceConstraint>(std::get<ParsedCompletion>(completion).generate.constraint));
  EXPECT_EQ(std::get<ParsedCompletion>(completion).constraint_param, "guided_choice");
}

}  // namespace
}  // namespace mnema
