#include "agents/rest/embeddings_request.hpp"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace mnema {
namespace {

using Ids = std::vector<TokenId>;

Parsed<ParsedEmbeddings> parsed(const std::string& members) {
  return parse_embeddings_request("{" + members + "}", Limits());
}

ParsedEmbeddings request_of(const std::string& members) {
  const Parsed<ParsedEmbeddings> result = parsed(members);
  const auto* error = std::get_if<RequestError>(&result);
  EXPECT_EQ(error, nullptr) << members << error->error.text();
  return error == nullptr ? std::get<ParsedEmbeddings>(result) : ParsedEmbeddings();
}

std::string refused_param(const std::string& members) {
  const Parsed<ParsedEmbeddings> result = parsed(members);
  const auto* error = std::get_if<RequestError>(&result);
  return error == nullptr ? "not refused" : error->param;
}

TEST(EmbeddingsRequest, TakesTextsAndTokenIdsOneOrMany) {
  const auto inputs_of = [](const char* input) { return request_of("\"input\": " + std::string(input)).inputs; };
  const std::vector<EmbeddingInput> one{"a"}, two{"a", "b"}, ids{Ids{1, 2}}, lists{Ids{1, 2}, Ids{3}},
      mixed{"a", Ids{3}};
  EXPECT_EQ(inputs_of("\"a\""), one);
  EXPECT_EQ(inputs_of(R"(["a", "b"])"), two);
  EXPECT_EQ(inputs_of("[1, 2]"), ids);
  EXPECT_EQ(inputs_of("[[1, 2], [3]]"), lists);
  EXPECT_EQ(inputs_of(R"(["a", [3]])"), mixed);
  for (const char* wrong : {"\"\"", "[]", "3", "{}", "[[]]", "[\"\"]", "[-1]", "[1.5]", "[1, \"a\"]", "[[1], 2]",
                            "[{}]", "[99999999999]"}) {
    EXPECT_EQ(refused_param("\"input\": " + std::string(wrong)), "input") << wrong;
  }
}

TEST(EmbeddingsRequest, CutsALongTextOnlyWhereThatIsAskedFor) {
  const auto request = [](const std::string& members) { return request_of("\"input\": \"a\"" + members); };
  for (const char* whole :
       {"", ", \"truncate\": false", ", \"truncate\": \"NONE\"", ", \"truncate_prompt_tokens\": null"}) {
    EXPECT_FALSE(request(whole).truncate) << whole;
  }
  for (const char* cut : {", \"truncate\": true", ", \"truncate\": \"END\"", ", \"truncate_prompt_tokens\": -1"}) {
    EXPECT_TRUE(request(cut).truncate) << cut;
    EXPECT_EQ(request(cut).tokens_max, 0) << cut;
  }
  EXPECT_TRUE(request(", \"truncate_prompt_tokens\": 64").truncate);
  EXPECT_EQ(request(", \"truncate_prompt_tokens\": 64").tokens_max, 64);
  EXPECT_EQ(refused_param(R"("input": "a", "truncate": "START")"), "truncate");
  for (const char* wrong : {"0", "2", "-2", "\"x\""}) {
    EXPECT_EQ(refused_param(R"("input": "a", "truncate_prompt_tokens": )" + std::string(wrong)),
              "truncate_prompt_tokens");
  }
}

TEST(EmbeddingsRequest, TellsWhichTextsWereCutAndWhatWasRead) {
  Embeddings made;
  made.vectors = {{1, 0}, {0, 1}};
  made.tokens = 259;
  made.cut_from = {0, 303};
  const boost::json::value answer = embeddings_json(made, {}, "m");
  EXPECT_FALSE(answer.at("data").at(0).as_object().contains("mnema"));
  EXPECT_EQ(answer.at("data").at(1).at("mnema").at("note"), "cut: the text has 303 tokens");
  EXPECT_EQ(answer.at("usage").at("prompt_tokens"), 259);
}

}  // namespace
}  // namespace mnema
