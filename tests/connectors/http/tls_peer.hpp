// tests/connectors/http/tls_peer.hpp
//
// A peer that speaks TLS with a certificate made for the test, for "localhost" and 127.0.0.1.
//
// Threads:   as Peer.
// Ownership: the files go with it.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>

#include <cstdio>
#include <memory>
#include <string>

#include "tests/connectors/http/peer.hpp"

namespace mnema::testing {

class TlsPeer {
 public:
  /// Answers one request per connection with `answer`. The certificate names `name` ("DNS:localhost").
  explicit TlsPeer(std::string answer, const std::string& name = "DNS:localhost,IP:127.0.0.1")
      : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free), certificate_file_(make_certificate(name)) {
    peer_ = std::make_unique<Peer>([this, answer = std::move(answer)](PeerConnection& connection) {
      // A client that hangs up in the handshake must not end the tests: OpenSSL writes without MSG_NOSIGNAL.
      sigset_t broken_pipe;
      sigemptyset(&broken_pipe);
      sigaddset(&broken_pipe, SIGPIPE);
      pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
      std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context_.get()), &SSL_free);
      SSL_set_fd(ssl.get(), connection.descriptor());
      if (SSL_accept(ssl.get()) != 1) return;
      std::array<char, 4096> buffer{};
      if (SSL_read(ssl.get(), buffer.data(), static_cast<int>(buffer.size())) <= 0) return;
      SSL_write(ssl.get(), answer.data(), static_cast<int>(answer.size()));
      SSL_shutdown(ssl.get());
    });
  }
  ~TlsPeer() { std::remove(certificate_file_.c_str()); }

  [[nodiscard]] int port() const { return peer_->port(); }
  [[nodiscard]] const std::string& certificate_file() const { return certificate_file_; }

 private:
  std::string make_certificate(const std::string& name) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, name.c_str());
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(certificate, key, EVP_sha256());
    SSL_CTX_use_certificate(context_.get(), certificate);
    SSL_CTX_use_PrivateKey(context_.get(), key);
    char path[] = "/tmp/mnema_certificate_XXXXXX";
    FILE* file = fdopen(mkstemp(path), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return path;
  }

  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::string certificate_file_;
  std::unique_ptr<Peer> peer_;
};

}  // namespace mnema::testing
