#include "connectors/http/trust_store.hpp"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <unistd.h>

namespace mnema {
namespace {

constexpr const char* kSystemFile = "/etc/ssl/certs/ca-certificates.crt";

}  // namespace

Result<TrustStore> TrustStore::load(const std::string& file) {
  std::shared_ptr<X509_STORE> store(X509_STORE_new(), &X509_STORE_free);
  if (!store) return fail(ErrorCode::kInternal, "OpenSSL has no memory for a store of certificates");
  // As curl sets it: a certificate that is trusted itself needs no issuer.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
  if (!file.empty() && access(file.c_str(), R_OK) != 0) {
    return fail(ErrorCode::kNotFound, "the file of trusted certificates '" + file + "' cannot be read",
                "correct ca_file or SSL_CERT_FILE, or unset it to trust the system's");
  }
  const bool has_system_file = access(kSystemFile, R_OK) == 0;
  const bool loaded = file.empty() && !has_system_file
                          ? X509_STORE_set_default_paths(store.get()) == 1
                          : X509_STORE_load_file(store.get(), file.empty() ? kSystemFile : file.c_str()) == 1;
  if (!loaded) {
    return fail(ErrorCode::kInvalidArgument,
                "the file of trusted certificates '" + (file.empty() ? kSystemFile : file) + "' holds none",
                "it must be PEM: -----BEGIN CERTIFICATE-----");
  }
  return TrustStore(std::move(store));
}

void TrustStore::use_for(SSL_CTX* context) const { SSL_CTX_set1_cert_store(context, store_.get()); }

}  // namespace mnema
