// inference/tokenizer/vocabulary.hpp
//
// The tokens of a model as its GGUF file lists them: text, kind, score, and the ids with a role.
// Source: the `tokenizer.ggml.*` keys of the GGUF specification.
//
// Threads: immutable after construction; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "inference/formats/gguf.hpp"
#include "inference/request.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

enum class TokenKind : std::uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,  // taken as a whole wherever it stands in a text
  kUnused = 5,
  kByte = 6,
};

class Vocabulary {
 public:
  /// Errors: `kCorrupt` where lists are missing or of unequal length, or an id is out of range (names the key).
  [[nodiscard]] static Result<Vocabulary> from_gguf(const GgufFile& file);

  [[nodiscard]] int size() const { return static_cast<int>(texts_.size()); }
  [[nodiscard]] bool contains(TokenId id) const { return id >= 0 && id < size(); }
  /// Preconditions of the next three: `contains(id)`.
  [[nodiscard]] const std::string& text(TokenId id) const { return texts_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] TokenKind kind(TokenId id) const { return kinds_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] float score(TokenId id) const { return scores_.empty() ? 0 : scores_[static_cast<std::size_t>(id)]; }
  /// -1 where no token has this text.
  [[nodiscard]] TokenId find(std::string_view text) const;

  TokenId beginning = -1;
  TokenId end = -1;
  TokenId unknown = -1;
  bool add_beginning = false;
  bool add_end = false;
  bool add_space_prefix = false;
  std::vector<TokenId> end_of_generation;  // every token after which a chat turn is over

 private:
  void collect_end_of_generation(const GgufFile& file);

  std::vector<std::string> texts_;
  std::vector<TokenKind> kinds_;
  std::vector<float> scores_;                              // SPM only
  std::unordered_map<std::string_view, TokenId> by_text_;  // views into texts_, whose strings do not move
};

}  // namespace mnema
