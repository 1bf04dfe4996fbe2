// agents/rest/embeddings_request.hpp
//
// POST /v1/embeddings, read and written. Texts only: token arrays are made with a tokenizer that is not this model's.
//
// Threads: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agents/rest/json_fields.hpp"
#include "runtime/base/limits.hpp"

namespace mnema {

struct ParsedEmbeddings {
  std::string model;  // "" if it was not named
  std::vector<std::string> texts;
  bool base64 = false;  // little-endian float32, as openai-python asks for
  std::optional<int> dimensions;
};

[[nodiscard]] Parsed<ParsedEmbeddings> parse_embeddings_request(std::string_view body, const Limits& limits);

[[nodiscard]] boost::json::value embeddings_json(const std::vector<std::vector<float>>& vectors, bool base64,
                                                 const std::string& model, int prompt_tokens);

}  // namespace mnema
