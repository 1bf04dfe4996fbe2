#include "inference/text/embedding_reader.hpp"

#include <algorithm>

namespace mnema {
namespace {

std::string name_of_input(std::size_t index) { return "input " + std::to_string(index); }

}  // namespace

EmbeddingReader::EmbeddingReader(const Tokenizer& tokenizer, int encoder_tokens_max, EmbeddingRequest::Longer longer,
                                 int tokens_max)
    : tokenizer_(tokenizer),
      longer_(longer),
      tokens_max_(
          static_cast<std::size_t>(tokens_max > 0 ? std::min(tokens_max, encoder_tokens_max) : encoder_tokens_max)) {}

Result<int> EmbeddingReader::read(EmbeddingInput& input, std::size_t index) const {
  std::vector<TokenId> ids;
  if (const auto* text = std::get_if<std::string>(&input)) {
    ASSIGN_OR_RETURN(ids, tokenizer_.encode(*text, true, false));
  } else {
    ids = std::move(std::get<std::vector<TokenId>>(input));
    RETURN_IF_ERROR(check(ids, index));
    const TokenId begin = tokenizer_.beginning_of_sequence(), end = tokenizer_.end_of_sequence();
    if (begin >= 0 && ids.front() != begin) ids.insert(ids.begin(), begin);
    if (begin >= 0 && end >= 0 && ids.back() != end) ids.push_back(end);
  }
  if (ids.empty()) return fail(ErrorCode::kInvalidArgument, name_of_input(index) + " is empty", "send some text");
  const std::size_t tokens = ids.size();
  if (tokens > tokens_max_) {
    if (longer_ == EmbeddingRequest::Longer::kRefuse) {
      return fail(ErrorCode::kContextLengthExceeded,
                  name_of_input(index) + " has " + std::to_string(tokens) + " tokens; this model takes " +
                      std::to_string(tokens_max_),
                  "send shorter texts, or \"truncate\": true");
    }
    ids[tokens_max_ - 1] = ids.back();  // the beginning of a long text stands for it; its end mark stays
    ids.resize(tokens_max_);
  }
  input = std::move(ids);
  return tokens > tokens_max_ ? static_cast<int>(tokens) : 0;
}

Status EmbeddingReader::check(const std::vector<TokenId>& ids, std::size_t index) const {
  if (ids.empty()) return fail(ErrorCode::kInvalidArgument, name_of_input(index) + " has no tokens", "send some");
  for (const TokenId id : ids) {
    if (id >= 0 && id < tokenizer_.vocabulary_size()) continue;
    return fail(ErrorCode::kInvalidArgument,
                name_of_input(index) + " has the token id " + std::to_string(id) + ", which is none of this model's",
                "its ids are 0 to " + std::to_string(tokenizer_.vocabulary_size() - 1) +
                    "; POST /tokenize makes them, with \"model\"");
  }
  return {};
}

}  // namespace mnema
