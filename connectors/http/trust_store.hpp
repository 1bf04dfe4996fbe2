// connectors/http/trust_store.hpp
//
// The certificates that outbound TLS trusts, read once: parsing the system's 140 takes tens of milliseconds, too long
// for a thread that keeps deadlines, and curl would do it again for each connection.
//
// Threads:   immutable.
// Ownership: shares OpenSSL's store with the connections that were made with it.
#pragma once

#include <openssl/ossl_typ.h>

#include <memory>
#include <string>

#include "runtime/base/result.hpp"

namespace mnema {

class TrustStore {
 public:
  /// The certificates of `file` (PEM); "" = the system's. Errors: `kNotFound`, `kInvalidArgument`.
  [[nodiscard]] static Result<TrustStore> load(const std::string& file);

  /// Connections of `context` trust these and nobody else.
  void use_for(SSL_CTX* context) const;

 private:
  explicit TrustStore(std::shared_ptr<X509_STORE> store) : store_(std::move(store)) {}
  std::shared_ptr<X509_STORE> store_;
};

}  // namespace mnema
