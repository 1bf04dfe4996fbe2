// runtime/base/sha256.hpp
//
// SHA-256 and HMAC-SHA-256 over OpenSSL.
//
// Threads: pure functions; a `Sha256` is confined to one thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace mnema {

using Sha256Digest = std::array<std::uint8_t, 32>;

/// Piece by piece.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  Sha256& update(std::string_view bytes);
  /// Length and bytes, so that ("ab", "c") and ("a", "bc") differ.
  Sha256& update_field(std::string_view field);
  /// Once.
  [[nodiscard]] Sha256Digest finish();
  [[nodiscard]] std::string finish_hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

[[nodiscard]] Sha256Digest sha256(std::string_view bytes);
[[nodiscard]] std::string sha256_hex(std::string_view bytes);
[[nodiscard]] Sha256Digest hmac_sha256(std::string_view key, std::string_view bytes);
/// Lower-case hexadecimal.
[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] std::string to_hex(const Sha256Digest& digest);

}  // namespace mnema
