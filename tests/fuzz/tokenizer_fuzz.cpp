// tests/fuzz/tokenizer_fuzz.cpp
//
// Any bytes as a text, for a tokenizer of each kind: invalid UTF-8 is refused, ids are always of the vocabulary, and
// what BPE and SentencePiece encode they decode to the same text. The first byte chooses the tokenizer and its options;
// one of the choices is a vocabulary made of the rest of the input, whose tokenizer may be refused but not crash.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/base/utf8.hpp"
#include "tests/inference/tokenizer/small_tokenizers.hpp"

namespace {

using namespace mnema;

constexpr std::size_t kTextBytesMax = 16 << 10;

/// Encodes and checks; `exact`: decoding gives the text again.
void round_trip(const Tokenizer& tokenizer, std::string_view text, bool special, bool exact) {
  const Result<std::vector<TokenId>> ids = tokenizer.encode(text, false, special);
  if (!is_valid_utf8(text)) {
    CHECK(!ids.ok() && ids.error().code == ErrorCode::kInvalidArgument, "invalid UTF-8 is refused");
    return;
  }
  CHECK(ids.ok(), "valid UTF-8 is encoded");
  const Result<std::string> back = tokenizer.decode(*ids, true);
  CHECK(back.ok(), "ids are of the vocabulary");
  CHECK(!exact || *back == text, "decoding gives the text again");
  const Result<std::vector<TokenId>> marked = tokenizer.encode(text, true, special);
  CHECK(marked.ok() && marked->size() >= ids->size(), "the model's marks are added to the same ids");
}

/// A tokenizer file whose tokens, merges, kinds and scores are cut from `data`.
testing::GgufBuilder hostile_file(std::string_view data, bool spm) {
  std::vector<std::string> texts;
  std::vector<std::int32_t> kinds;
  std::vector<float> scores;
  while (!data.empty() && texts.size() < 512) {
    const auto first = static_cast<unsigned char>(data[0]);
    texts.emplace_back(data.substr(1, first % 8));
    kinds.push_back(first / 8 % 8);
    scores.push_back(first == 255 ? NAN : static_cast<float>(first));
    data.remove_prefix(std::min<std::size_t>(data.size(), 1 + first % 8));
  }
  testing::GgufBuilder file;
  file.string("tokenizer.ggml.model", spm ? "llama" : "gpt2").string("tokenizer.ggml.pre", "llama-bpe");
  file.strings("tokenizer.ggml.tokens", texts).integers("tokenizer.ggml.token_type", kinds);
  file.numbers("tokenizer.ggml.scores", scores).strings("tokenizer.ggml.merges", texts);
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto bpe = testing::tokenizer_of(testing::bpe_file("qwen2")).value();
  static const auto smollm = testing::tokenizer_of(testing::bpe_file("smollm")).value();
  static const auto spm = testing::tokenizer_of(testing::spm_file()).value();
  static const auto wordpiece = testing::wordpiece().value();
  if (size == 0 || size > kTextBytesMax) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool special = (data[0] & 1) != 0;
  switch (data[0] / 2 % 6) {
    case 0:
      round_trip(*bpe, text, special, true);
      break;
    case 1:
      round_trip(*smollm, text, special, true);
      break;
    case 2:  // SentencePiece's own sign for a blank reads back as a blank
      round_trip(*spm, text, special, text.find("\xe2\x96\x81") == std::string_view::npos);
      break;
    case 3:
      round_trip(*wordpiece, text, special, false);
      break;
    default: {
      const auto hostile = testing::tokenizer_of(hostile_file(text, data[0] / 2 % 6 == 4));
      if (!hostile.ok()) return 0;
      for (const bool parse : {false, true}) {
        const Result<std::vector<TokenId>> ids = (*hostile)->encode(text, parse, parse);
        if (!ids.ok()) continue;
        for (const TokenId id : *ids) CHECK((*hostile)->decode_token(id, parse).ok(), "its own ids are decoded");
      }
    }
  }
  return 0;
}
