// memory/vector/token_codec.hpp
//
// The vectors of a text's tokens as they are kept: one bit per component, its sign, and one byte that says how much of
// the vector the signs have. 384 floats take 49 bytes, a turn of a conversation about a kilobyte. A question's tokens
// keep four bits per component, so that comparing one of each is counting bits. The inner product with a vector's signs
// is divided by that of the vector with its own signs (J. Gao, C. Long, "RaBitQ", 2024): where components are about
// normal, as an encoder's are, that has no bias, and so no random rotation comes first.
//
//   record: per token  uint64 signs [words] | uint8 share       words = dimensions / 64, rounded up
//
// Threads: immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mnema {

class TokenCodec {
 public:
  /// Persisted beside the records; another one: they are made anew.
  static constexpr std::string_view kFormat = "tokens/1";

  /// Precondition: 0 < dimensions <= 65,536.
  explicit TokenCodec(int dimensions);

  [[nodiscard]] int dimensions() const { return static_cast<int>(dimensions_); }
  [[nodiscard]] std::size_t words() const { return (dimensions_ + 63) / 64; }
  [[nodiscard]] std::size_t token_bytes() const { return words() * sizeof(std::uint64_t) + 1; }

  /// `vectors`: [tokens, dimensions], each of length 1. Components that are not finite count as 0.
  [[nodiscard]] std::string encode(std::span<const float> vectors) const;

 private:
  std::size_t dimensions_;
};

/// A question's tokens, ready to be compared with records.
class TokenQuestion {
 public:
  /// `vectors`: as in TokenCodec::encode.
  TokenQuestion(const TokenCodec& codec, std::span<const float> vectors);

  [[nodiscard]] std::size_t size() const { return tokens_.size(); }
  /// Of each of its tokens the cosine with the nearest token of the record. Empty: the record has no token, or is none.
  [[nodiscard]] std::vector<float> best(std::string_view record) const;

 private:
  /// A component is step * (code - 7.5).
  struct Token {
    float step = 0;
    std::int32_t codes = 0;  // their sum
  };

  TokenCodec codec_;
  std::vector<Token> tokens_;
  std::vector<std::uint64_t> planes_;  // [tokens, 4, words]: bit k of each code
};

}  // namespace mnema
