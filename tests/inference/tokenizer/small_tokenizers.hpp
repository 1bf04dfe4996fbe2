// tests/inference/tokenizer/small_tokenizers.hpp
//
// Tokenizers small enough to be checked by hand, made from GGUF files that the test writes.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "inference/tokenizer/byte_alphabet.hpp"
#include "inference/tokenizer/gguf_tokenizer.hpp"
#include "inference/tokenizer/vocabulary.hpp"
#include "inference/tokenizer/wordpiece.hpp"
#include "tests/inference/formats/gguf_builder.hpp"

namespace mnema::testing {

inline std::int32_t number_of(TokenKind kind) { return static_cast<std::int32_t>(kind); }

inline Result<std::shared_ptr<const Tokenizer>> tokenizer_of(const GgufBuilder& file) {
  const std::vector<std::byte> bytes = file.build();
  ASSIGN_OR_RETURN(const std::shared_ptr<GgufFile> parsed, GgufFile::parse(bytes, "small.gguf"));
  return tokenizer_from_gguf(*parsed);  // keeps nothing of the file
}

/// All bytes, a few merges, "<|end|>" (control) and "<tool>" (user-defined).
inline GgufBuilder bpe_file(const std::string& pre = "qwen2") {
  std::vector<std::string> texts, merges;
  for (int byte = 0; byte < 256; ++byte) texts.push_back(character_of_byte(static_cast<unsigned char>(byte)));
  for (const auto& [left, right] : std::vector<std::pair<std::string, std::string>>{
           {"h", "e"}, {"l", "l"}, {"he", "ll"}, {"hell", "o"}, {"Ġ", "w"}, {"a", "a"}, {"aa", "a"}, {"Ã", "©"}}) {
    merges.push_back(left + " " + right);
    texts.push_back(left + right);
  }
  std::vector<std::int32_t> kinds(texts.size(), number_of(TokenKind::kNormal));
  for (const auto& [text, kind] : {std::pair{"<|end|>", TokenKind::kControl}, {"<tool>", TokenKind::kUserDefined}}) {
    texts.emplace_back(text);
    kinds.push_back(number_of(kind));
  }
  GgufBuilder file;
  file.string("tokenizer.ggml.model", "gpt2").string("tokenizer.ggml.pre", pre).strings("tokenizer.ggml.tokens", texts);
  file.integers("tokenizer.ggml.token_type", kinds).strings("tokenizer.ggml.merges", merges);
  file.integer("tokenizer.ggml.eos_token_id", static_cast<std::uint32_t>(texts.size() - 2));
  return file;
}

/// Byte tokens, letters and a few pieces whose score decides; "<s>" and "</s>" (control), "<unk>".
inline GgufBuilder spm_file(bool add_space_prefix = false) {
  std::vector<std::string> texts{"<unk>", "<s>", "</s>"};
  std::vector<std::int32_t> kinds{number_of(TokenKind::kUnknown), number_of(TokenKind::kControl),
                                  number_of(TokenKind::kControl)};
  for (int byte = 0; byte < 256; ++byte) {
    texts.push_back(fmt::format("<0x{:02X}>", byte));
    kinds.push_back(number_of(TokenKind::kByte));
  }
  std::vector<float> scores(texts.size(), 0);
  for (const auto& [text, score] : std::vector<std::pair<std::string, float>>{{"▁", -1},
                                                                              {"a", -2},
                                                                              {"b", -2},
                                                                              {"c", -2},
                                                                              {"é", -2},
                                                                              {"ab", -5},
                                                                              {"bc", -4},
                                                                              {"abc", -9},
                                                                              {"▁a", -3},
                                                                              {"▁▁", -3}}) {
    texts.push_back(text);
    kinds.push_back(number_of(TokenKind::kNormal));
    scores.push_back(score);
  }
  GgufBuilder file;
  file.string("tokenizer.ggml.model", "llama").strings("tokenizer.ggml.tokens", texts);
  file.integers("tokenizer.ggml.token_type", kinds).numbers("tokenizer.ggml.scores", scores);
  file.integer("tokenizer.ggml.bos_token_id", 1).integer("tokenizer.ggml.eos_token_id", 2);
  file.integer("tokenizer.ggml.unknown_token_id", 0).boolean("tokenizer.ggml.add_space_prefix", add_space_prefix);
  return file;
}

inline Result<std::shared_ptr<const Tokenizer>> wordpiece() {
  return WordPieceTokenizer::from_text(
      "[PAD]\n[UNK]\n[CLS]\n[SEP]\nhello\nworld\n##s\nhe\n##llo\ncafe\n!\n,\n中\nun\n##aff\n##able\n", "vocab.txt");
}

/// The texts of the tokens, for reading in a failed test.
inline std::vector<std::string> pieces(const Tokenizer& tokenizer, std::string_view text, bool add_special = false,
                                       bool parse_special = false) {
  const Result<std::vector<TokenId>> ids = tokenizer.encode(text, add_special, parse_special);
  if (!ids.ok()) return {ids.error().text()};
  std::vector<std::string> out;
  for (const TokenId id : *ids) out.push_back(tokenizer.decode_token(id, true).value());
  return out;
}

}  // namespace mnema::testing
