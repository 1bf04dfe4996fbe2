#include "cli/models/file_digest.hpp"

#include <openssl/evp.h>

#include <cstdio>
#include <memory>
#include <vector>

namespace mnema {

Result<std::string> sha256_of_file(const std::string& path, const std::function<void(std::int64_t)>& on_progress) {
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) return fail(ErrorCode::kNotFound, "cannot open '" + path + "'");
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  CHECK(context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1, "OpenSSL knows SHA-256");
  std::vector<unsigned char> block(1 << 20);
  std::int64_t done = 0;
  while (const std::size_t n = std::fread(block.data(), 1, block.size(), file.get())) {
    EVP_DigestUpdate(context.get(), block.data(), n);
    done += static_cast<std::int64_t>(n);
    if (on_progress) on_progress(done);
  }
  if (std::ferror(file.get()) != 0) return fail(ErrorCode::kStorage, "cannot read '" + path + "' to its end");
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EVP_DigestFinal_ex(context.get(), digest, &length);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < length; ++i) {
    text += kHex[digest[i] >> 4];
    text += kHex[digest[i] & 15];
  }
  return text;
}

}  // namespace mnema
