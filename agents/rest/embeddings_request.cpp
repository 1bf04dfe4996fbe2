#include "agents/rest/embeddings_request.hpp"

#include <bit>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "connectors/base64.hpp"

namespace mnema {
namespace json = boost::json;

Parsed<ParsedEmbeddings> parse_embeddings_request(std::string_view body, const Limits& limits) {
  Parsed<json::object> object = parse_body(body, limits);
  if (auto* error = std::get_if<RequestError>(&object)) return std::move(*error);
  std::optional<RequestError> first_error;
  JsonFields fields(std::get<json::object>(object), "", first_error);

  ParsedEmbeddings request;
  request.model = fields.text("model").value_or("");
  const json::value* input = fields.find("input");
  if (input == nullptr) {
    fields.refuse("input", "is missing");
  } else if (input->is_string()) {
    request.texts.emplace_back(input->get_string());
  } else if (const json::array* array = input->if_array()) {
    if (array->empty()) fields.refuse("input", "must not be empty");
    if (static_cast<int>(array->size()) > limits.embedding_inputs_max) {
      fields.refuse("input", "must have at most " + std::to_string(limits.embedding_inputs_max) + " texts");
    }
    for (const json::value& element : *array) {
      if (element.is_string()) {
        request.texts.emplace_back(element.get_string());
      } else if (element.is_number() || element.is_array()) {
        fields.refuse("input", "has token ids, which belong to another model's vocabulary", "send texts",
                      ErrorCode::kUnsupported);
      } else {
        fields.refuse("input", "must be a string or an array of strings");
      }
      if (first_error) break;
    }
  } else {
    fields.refuse("input", "must be a string or an array of strings");
  }
  for (const std::string& text : request.texts) {
    if (text.empty()) fields.refuse("input", "must not have an empty text");
  }
  std::string format = fields.text("encoding_format").value_or("float");
  request.base64 = format == "base64";
  if (format != "float" && format != "base64") fields.refuse("encoding_format", "must be float or base64");
  if (auto dimensions = fields.integer("dimensions", 1, 1 << 20)) request.dimensions = static_cast<int>(*dimensions);
  if (first_error) return std::move(*first_error);
  return request;
}

json::value embeddings_json(const std::vector<std::vector<float>>& vectors, bool base64, const std::string& model,
                            int prompt_tokens) {
  json::array data;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    json::value embedding;
    if (base64) {
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
    data.push_back(json::object{{"object", "embedding"}, {"index", i}, {"embedding", std::move(embedding)}});
  }
  return json::object{{"object", "list"},
                      {"data", std::move(data)},
                      {"model", model},
                      {"usage", json::object{{"prompt_tokens", prompt_tokens}, {"total_tokens", prompt_tokens}}}};
}

}  // namespace mnema
