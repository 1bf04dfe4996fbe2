// agents/rest/embeddings_request.hpp
//
// POST /v1/embeddings, read and written. Inputs are texts, or ids of the encoder's own tokenizer (POST /tokenize with
// its name). One that is longer than the encoder takes is refused, unless the client asks for its beginning: by
// `truncate` as other servers have it, or vLLM's `truncate_prompt_tokens`; the answer says which were cut.
//
// Threads: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agents/rest/json_fields.hpp"
#include "inference/engine.hpp"
#include "runtime/base/limits.hpp"

namespace mnema {

struct ParsedEmbeddings {
  std::string model;  // "" if it was not named
  std::vector<EmbeddingInput> inputs;
  bool truncate = false;
  int tokens_max = 0;   // with truncate: of an input, 0 = as many as the encoder takes
  bool base64 = false;  // little-endian float32, as openai-python asks for
  std::optional<int> dimensions;
};

[[nodiscard]] Parsed<ParsedEmbeddings> parse_embeddings_request(std::string_view body, const Limits& limits);

[[nodiscard]] boost::json::value embeddings_json(const Embeddings& made, const ParsedEmbeddings& request,
                                                 const std::string& model);

}  // namespace mnema
