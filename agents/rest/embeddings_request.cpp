#include "agents/rest/embeddings_request.hpp"

#include <bit>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "agents/rest/completion_request.hpp"
#include "connectors/base64.hpp"

namespace mnema {
namespace json = boost::json;

namespace {

constexpr const char* kInputs = "must be a text, token ids, or an array of either";
constexpr int kTokensMin = 3;  // the marks of an encoder, and one between

void read_input(JsonFields& fields, const json::value& value, std::vector<EmbeddingInput>& inputs) {
  if (value.is_string()) {
    if (value.get_string().empty()) return fields.refuse("input", "must not have an empty text");
    inputs.emplace_back(std::string(value.get_string()));
  } else if (const json::array* ids = value.if_array()) {
    inputs.emplace_back(read_token_ids(fields, "input", *ids));
  } else {
    fields.refuse("input", kInputs);
  }
}

void read_inputs(JsonFields& fields, const Limits& limits, std::vector<EmbeddingInput>& inputs) {
  const json::value* input = fields.find("input");
  if (input == nullptr) return fields.refuse("input", "is missing");
  const json::array* array = input->if_array();
  if (array == nullptr || (!array->empty() && array->front().is_number())) return read_input(fields, *input, inputs);
  if (array->empty()) return fields.refuse("input", "must not be empty");
  if (static_cast<int>(array->size()) > limits.embedding_inputs_max) {
    return fields.refuse("input", "must have at most " + std::to_string(limits.embedding_inputs_max) + " texts");
  }
  for (const json::value& element : *array) read_input(fields, element, inputs);
}

void read_truncation(JsonFields& fields, ParsedEmbeddings& request) {
  if (const json::value* value = fields.find("truncate"); value != nullptr && value->is_string()) {
    const json::string& side = value->get_string();
    if (side != "NONE" && side != "END") {
      fields.refuse("truncate", "must be true, false, \"END\" or \"NONE\"", "the beginning of a text is kept",
                    ErrorCode::kUnsupported);
    }
    request.truncate = side == "END";
  } else {
    request.truncate = fields.boolean("truncate").value_or(false);
  }
  const auto tokens = fields.integer("truncate_prompt_tokens", -1, 1 << 20);
  if (!tokens) return;
  if (*tokens != -1 && *tokens < kTokensMin) {
    return fields.refuse("truncate_prompt_tokens", "must be -1, or from " + std::to_string(kTokensMin));
  }
  request.truncate = true;
  request.tokens_max = *tokens == -1 ? 0 : static_cast<int>(*tokens);
}

}  // namespace

Parsed<ParsedEmbeddings> parse_embeddings_request(std::string_view body, const Limits& limits) {
  Parsed<json::object> object = parse_body(body, limits);
  if (auto* error = std::get_if<RequestError>(&object)) return std::move(*error);
  std::optional<RequestError> first_error;
  JsonFields fields(std::get<json::object>(object), "", first_error);

  ParsedEmbeddings request;
  request.model = fields.text("model").value_or("");
  read_inputs(fields, limits, request.inputs);
  read_truncation(fields, request);
  std::string format = fields.text("encoding_format").value_or("float");
  request.base64 = format == "base64";
  if (format != "float" && format != "base64") fields.refuse("encoding_format", "must be float or base64");
  if (auto dimensions = fields.integer("dimensions", 1, 1 << 20)) request.dimensions = static_cast<int>(*dimensions);
  if (first_error) return std::move(*first_error);
  return request;
}

json::value embeddings_json(const Embeddings& made, const ParsedEmbeddings& request, const std::string& model) {
  const std::vector<std::vector<float>>& vectors = made.vectors;
  json::array data;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    json::value embedding;
    if (request.base64) {
      std::string bytes;
      bytes.reserve(vectors[i].size() * 4);
      for (float value : vectors[i]) {
        auto bits = std::bit_cast<std::uint32_t>(value);
        for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(bits >> shift & 0xFFU);
      }
      embedding = base64_encode(bytes);
    } else {
      json::array numbers;
      numbers.reserve(vectors[i].size());
      for (float value : vectors[i]) numbers.emplace_back(static_cast<double>(value));
      embedding = std::move(numbers);
    }
    json::object entry{{"object", "embedding"}, {"index", i}, {"embedding", std::move(embedding)}};
    if (i < made.cut_from.size() && made.cut_from[i] > 0) {
      entry["mnema"] = json::object{{"note", "cut: the text has " + std::to_string(made.cut_from[i]) + " tokens"}};
    }
    data.push_back(std::move(entry));
  }
  return json::object{{"object", "list"},
                      {"data", std::move(data)},
                      {"model", model},
                      {"usage", json::object{{"prompt_tokens", made.tokens}, {"total_tokens", made.tokens}}}};
}

}  // namespace mnema
