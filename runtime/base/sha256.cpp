#include "runtime/base/sha256.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "runtime/base/check.hpp"

namespace mnema {

struct Sha256::Context {
  EVP_MD_CTX* digest = EVP_MD_CTX_new();
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(digest); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  CHECK(EVP_DigestInit_ex(context_->digest, EVP_sha256(), nullptr) == 1, "OpenSSL has SHA-256");
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

Sha256& Sha256::update(std::string_view bytes) {
  CHECK(EVP_DigestUpdate(context_->digest, bytes.data(), bytes.size()) == 1, "OpenSSL hashes bytes");
  return *this;
}

Sha256& Sha256::update_field(std::string_view field) {
  std::array<char, 8> length{};
  std::uint64_t size = field.size();
  for (char& byte : length) {
    byte = static_cast<char>(size & 0xff);
    size >>= 8;
  }
  update({length.data(), length.size()});
  return update(field);
}

Sha256Digest Sha256::finish() {
  Sha256Digest digest{};
  unsigned int bytes = 0;
  CHECK(EVP_DigestFinal_ex(context_->digest, digest.data(), &bytes) == 1 && bytes == digest.size(),
        "a SHA-256 digest has 32 bytes");
  return digest;
}

std::string Sha256::finish_hex() { return to_hex(finish()); }

Sha256Digest sha256(std::string_view bytes) { return Sha256().update(bytes).finish(); }
std::string sha256_hex(std::string_view bytes) { return Sha256().update(bytes).finish_hex(); }

Sha256Digest hmac_sha256(std::string_view key, std::string_view bytes) {
  Sha256Digest digest{};
  unsigned int length = 0;
  // A null key would mean "the key of the last call".
  const char* key_bytes = key.data() == nullptr ? "" : key.data();
  CHECK(HMAC(EVP_sha256(), key_bytes, static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data(), &length) != nullptr &&
            length == digest.size(),
        "OpenSSL has HMAC-SHA-256");
  return digest;
}

std::string to_hex(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char byte : bytes) {
    text += kHex[static_cast<unsigned char>(byte) >> 4];
    text += kHex[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

std::string to_hex(const Sha256Digest& digest) {
  return to_hex(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

}  // namespace mnema
