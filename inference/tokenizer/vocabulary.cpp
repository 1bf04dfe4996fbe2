#include "inference/tokenizer/vocabulary.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace mnema {
namespace {

constexpr std::array kTurnEnds = {"<|im_end|>", "<|endoftext|>", "<|eot_id|>",      "<|eom_id|>", "<|end_of_text|>",
                                  "<|end|>",    "<end_of_turn>", "<|end_of_turn|>", "</s>"};

Error bad(const GgufFile& file, const std::string& what) {
  return fail(ErrorCode::kCorrupt, "'" + file.path() + "': " + what, "the file is damaged or was converted wrongly");
}

/// An id that a key names; -1 where the file has none. Errors: out of range.
Result<TokenId> role(const GgufFile& file, const char* key, int size) {
  const std::optional<std::int64_t> id = file.integer(key);
  if (!id || *id == -1 || *id == 0xffffffff) return -1;
  if (*id < 0 || *id >= size) return bad(file, std::string(key) + " = " + std::to_string(*id) + " is no token");
  return static_cast<TokenId>(*id);
}

}  // namespace

Result<Vocabulary> Vocabulary::from_gguf(const GgufFile& file) {
  const auto texts = file.strings("tokenizer.ggml.tokens");
  if (!texts || texts->empty()) return bad(file, "tokenizer.ggml.tokens is missing");
  Vocabulary vocabulary;
  vocabulary.texts_.assign(texts->begin(), texts->end());
  const auto kinds = file.integers("tokenizer.ggml.token_type");
  if (kinds && kinds->size() != texts->size())
    return bad(file, "tokenizer.ggml.token_type has another length than tokens");
  vocabulary.kinds_.assign(texts->size(), TokenKind::kNormal);
  for (std::size_t i = 0; kinds && i < kinds->size(); ++i) {
    if ((*kinds)[i] >= 1 && (*kinds)[i] <= 6) vocabulary.kinds_[i] = static_cast<TokenKind>((*kinds)[i]);
  }
  if (auto scores = file.numbers("tokenizer.ggml.scores")) {
    if (scores->size() != texts->size()) return bad(file, "tokenizer.ggml.scores has another length than tokens");
    vocabulary.scores_ = std::move(*scores);
  }
  vocabulary.by_text_.reserve(texts->size());
  for (std::size_t i = 0; i < vocabulary.texts_.size(); ++i) {
    vocabulary.by_text_.emplace(vocabulary.texts_[i], static_cast<TokenId>(i));
  }
  const bool spm = file.string("tokenizer.ggml.model").value_or("") == "llama";
  ASSIGN_OR_RETURN(vocabulary.beginning, role(file, "tokenizer.ggml.bos_token_id", vocabulary.size()));
  ASSIGN_OR_RETURN(vocabulary.end, role(file, "tokenizer.ggml.eos_token_id", vocabulary.size()));
  ASSIGN_OR_RETURN(vocabulary.unknown, role(file, "tokenizer.ggml.unknown_token_id", vocabulary.size()));
  const bool llama_bpe = file.string("tokenizer.ggml.pre").value_or("") == "llama-bpe";
  vocabulary.add_beginning = file.boolean("tokenizer.ggml.add_bos_token").value_or(spm || llama_bpe);
  vocabulary.add_end = file.boolean("tokenizer.ggml.add_eos_token").value_or(false);
  vocabulary.add_space_prefix = file.boolean("tokenizer.ggml.add_space_prefix").value_or(spm);
  vocabulary.collect_end_of_generation(file);
  return vocabulary;
}

TokenId Vocabulary::find(std::string_view text) const {
  const auto found = by_text_.find(text);
  return found == by_text_.end() ? -1 : found->second;
}

void Vocabulary::collect_end_of_generation(const GgufFile& file) {
  const auto add = [this](TokenId id) {
    if (contains(id) && std::find(end_of_generation.begin(), end_of_generation.end(), id) == end_of_generation.end()) {
      end_of_generation.push_back(id);
    }
  };
  add(end);
  for (const char* key : {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    if (const auto id = file.integer(key); id && *id >= 0 && *id < size()) add(static_cast<TokenId>(*id));
  }
  // Files often name one end only, although the model was trained with several.
  for (const char* text : kTurnEnds) {
    const TokenId id = find(text);
    if (id >= 0 && kind(id) != TokenKind::kNormal) add(id);
  }
}

}  // namespace mnema
