#include "connectors/rabbitmq/dial.hpp"

#include <netdb.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <charconv>
#include <utility>

#include "connectors/http/socket_stream.hpp"
#include "connectors/http/trust_store.hpp"

namespace mnema {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

struct Prepared {
  std::vector<tcp::endpoint> endpoints;
  std::shared_ptr<asio::ssl::context> tls;
  Secret password;
};

Result<std::vector<tcp::endpoint>> resolve(const RabbitmqAddress& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (code != 0) {
    return fail_retryable(ErrorCode::kUnavailable,
                          "the host '" + address.host + "' of RabbitMQ has no address: " + ::gai_strerror(code));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  std::vector<tcp::endpoint> endpoints;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    tcp::endpoint endpoint;
    if (at->ai_addrlen > endpoint.capacity()) continue;
    endpoint.resize(at->ai_addrlen);
    std::copy_n(reinterpret_cast<const char*>(at->ai_addr), at->ai_addrlen, reinterpret_cast<char*>(endpoint.data()));
    endpoints.push_back(endpoint);
  }
  return endpoints;
}

Result<std::shared_ptr<asio::ssl::context>> tls_context(const RabbitmqClientOptions& options) {
  const auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX* const native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  ASSIGN_OR_RETURN(const TrustStore trusted, TrustStore::load(options.ca_file));
  trusted.use_for(native);
  if (options.certificate_file.empty()) return context;
  if (SSL_CTX_use_certificate_chain_file(native, options.certificate_file.c_str()) != 1) {
    return fail(ErrorCode::kInvalidArgument, "the certificate '" + options.certificate_file + "' cannot be read",
                "it must be PEM: -----BEGIN CERTIFICATE-----");
  }
  // Or OpenSSL asks for a key's passphrase at the terminal, or at our standard input, and waits.
  SSL_CTX_set_default_passwd_cb(native, [](char*, int, int, void*) { return -1; });
  if (SSL_CTX_use_PrivateKey_file(native, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail(
        ErrorCode::kInvalidArgument,
        "the key '" + options.key_file + "' cannot be read, or is not that of '" + options.certificate_file + "'",
        "it must be PEM without a passphrase");
  }
  return context;
}

Result<Prepared> prepare(const RabbitmqClientOptions& options, const RabbitmqAddress& address, SecretsStore& secrets) {
  Prepared prepared;
  if (options.password) {
    ASSIGN_OR_RETURN(prepared.password, secrets.get(*options.password));
  }
  if (options.tls) {
    ASSIGN_OR_RETURN(prepared.tls, tls_context(options));
  }
  ASSIGN_OR_RETURN(prepared.endpoints, resolve(address));
  return prepared;
}

class Dial : public std::enable_shared_from_this<Dial> {
 public:
  Dial(std::shared_ptr<const RabbitmqClientOptions> options, std::size_t broker, Loop& loop,
       std::function<void(Result<RabbitmqDialled>)> done)
      : options_(std::move(options)), address_(options_->brokers.at(broker)), loop_(loop), done_(std::move(done)) {}

  void start(const RabbitmqClientParts& parts, Duration time_max) {
    parts.blocking.post([self = shared_from_this(), &secrets = parts.secrets, time_max] {
      Result<Prepared> prepared = prepare(*self->options_, self->address_, secrets);
      self->loop_.post([self, time_max, prepared = std::move(prepared)]() mutable {
        if (!prepared.ok()) return self->end(prepared.error());
        self->connect(std::move(*prepared), time_max);
      });
    });
  }

 private:
  void connect(Prepared prepared, Duration time_max) {
    prepared_ = std::move(prepared);
    socket_ = std::make_unique<tcp::socket>(loop_.io_context());
    loop_.post_after(time_max, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->too_late();
    });
    asio::async_connect(*socket_, prepared_.endpoints,
                        [self = shared_from_this()](const boost::system::error_code& error, const tcp::endpoint&) {
                          if (error) return self->end(self->unavailable(error.message()));
                          self->connected();
                        });
  }

  void connected() {
    if (!done_) return;
    if (!options_->tls) {
      std::unique_ptr<Stream> stream = plain_stream(std::move(*socket_));
      return end(RabbitmqDialled{std::move(stream), std::move(prepared_.password)});
    }
    tls_ = std::make_unique<TlsSocket>(std::move(*socket_), *prepared_.tls);
    SSL* const native = tls_->native_handle();
    if (!expect_host(native)) return end(unavailable("TLS: no certificate can be of such a host"));
    SSL_set_verify(native, SSL_VERIFY_PEER, nullptr);
    tls_->async_handshake(asio::ssl::stream_base::client,
                          [self = shared_from_this()](const boost::system::error_code& error) { self->shaken(error); });
  }

  /// What is not expected is not verified, whatever it is.
  bool expect_host(SSL* native) const {
    boost::system::error_code is_name;
    asio::ip::address address = asio::ip::make_address(address_.host, is_name);
    if (is_name) {
      return SSL_set_tlsext_host_name(native, address_.host.c_str()) == 1 &&
             SSL_set1_host(native, address_.host.c_str()) == 1;
    }
    // Certificates do not name the interface that an address is reached by, and OpenSSL reads none.
    if (address.is_v6()) address = asio::ip::make_address_v6(address.to_v6().to_bytes());
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(native), address.to_string().c_str()) == 1;
  }

  void shaken(const boost::system::error_code& error) {
    if (!done_) return;
    if (!error) return end(RabbitmqDialled{open_tls_stream(std::move(tls_)), std::move(prepared_.password)});
    const long verified = SSL_get_verify_result(tls_->native_handle());
    if (verified == X509_V_OK) return end(unavailable("TLS: " + error.message()));
    end(fail_retryable(ErrorCode::kPermissionDenied,
                       "the certificate of RabbitMQ at " + address_.text() +
                           " is not trusted: " + X509_verify_cert_error_string(verified),
                       "'tls_ca' names who may have signed it, and it must be of this host"));
  }

  void too_late() {
    if (!done_) return;
    boost::system::error_code ignored;
    if (tls_) tls_->next_layer().close(ignored);
    if (socket_) socket_->close(ignored);
    end(unavailable("it does not answer in time"));
  }

  Error unavailable(const std::string& why) const {
    return fail_retryable(ErrorCode::kUnavailable, "RabbitMQ at " + address_.text() + " cannot be reached: " + why);
  }

  void end(Result<RabbitmqDialled> result) {
    if (!done_) return;
    const auto done = std::exchange(done_, nullptr);
    done(std::move(result));
  }

  const std::shared_ptr<const RabbitmqClientOptions> options_;
  const RabbitmqAddress address_;
  Loop& loop_;
  std::function<void(Result<RabbitmqDialled>)> done_;
  Prepared prepared_;
  std::unique_ptr<tcp::socket> socket_;
  std::unique_ptr<TlsSocket> tls_;
};

}  // namespace

std::string RabbitmqAddress::text() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<std::vector<RabbitmqAddress>> parse_rabbitmq_brokers(const std::string& brokers, bool is_tls) {
  // Not repeated: a URL with a password in it is what is taken for an address most often.
  if (brokers.find('@') != std::string::npos) {
    return fail(ErrorCode::kInvalidArgument, "an address of a broker has an '@' in it",
                "write it as host:5672, and the user in 'username' and 'password'");
  }
  std::vector<RabbitmqAddress> addresses;
  std::string_view left = brokers;
  while (!left.empty()) {
    const std::size_t comma = left.find(',');
    std::string_view one = left.substr(0, comma);
    left = comma == std::string_view::npos ? std::string_view() : left.substr(comma + 1);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    RabbitmqAddress address;
    address.port = is_tls ? 5671 : 5672;
    const Error wrong = fail(ErrorCode::kInvalidArgument, "'" + std::string(one) + "' is no address of a broker",
                             "write it as host:5672");
    std::string_view port;
    if (one.starts_with('[')) {
      const std::size_t end = one.find(']');
      if (end == std::string_view::npos) return wrong;
      address.host = one.substr(1, end - 1);
      port = one.substr(end + 1);
    } else {
      const std::size_t colon = one.find(':');
      address.host = one.substr(0, colon);
      port = colon == std::string_view::npos ? std::string_view() : one.substr(colon);
    }
    if (address.host.empty() || one.find("//") != std::string_view::npos) return wrong;
    if (!port.empty()) {
      const char* const end = port.data() + port.size();
      const auto [at, code] = std::from_chars(port.data() + 1, end, address.port);
      if (port[0] != ':' || code != std::errc() || at != end || address.port == 0) return wrong;
    }
    addresses.push_back(std::move(address));
  }
  if (addresses.empty()) return fail(ErrorCode::kInvalidArgument, "no broker of RabbitMQ is named");
  return addresses;
}

void dial_rabbitmq(std::shared_ptr<const RabbitmqClientOptions> options, std::size_t broker,
                   const RabbitmqClientParts& parts, Duration time_max,
                   std::function<void(Result<RabbitmqDialled>)> done) {
  std::make_shared<Dial>(std::move(options), broker, parts.loop, std::move(done))->start(parts, time_max);
}

}  // namespace mnema
