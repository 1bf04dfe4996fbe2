#include "connectors/http/server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <optional>
#include <unordered_map>
#include <vector>

#include "connectors/http/connection.hpp"
#include "connectors/http/socket_stream.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr int kAcceptPauseMs = 100;

}  // namespace

/// Accepts, counts and stops connections. Everything but `bind`, `port` and `counts` on the loop thread.
class HttpServer::Listener final : public std::enable_shared_from_this<HttpServer::Listener> {
 public:
  Listener(Loop& loop, const Clock& clock, Random& random, const Limits& limits, HttpServerOptions options,
           HttpHandler handler)
      : loop_(loop),
        acceptor_(loop.io_context()),
        context_(new HttpConnectionContext{loop, clock, random, limits, std::move(options), std::move(handler), {}}) {}

  Status bind();
  void accept();
  void stop(Duration grace, std::function<void()> stopped);

  int port() const { return port_; }
  Counts counts() const {
    Counts counts;
    counts.connections_opened = opened_.load(std::memory_order_relaxed);
    counts.connections_closed = closed_.load(std::memory_order_relaxed);
    counts.requests = context_->requests.load(std::memory_order_relaxed);
    counts.refusals = context_->refusals.load(std::memory_order_relaxed);
    counts.body_bytes = context_->bodies.bytes_used();
    counts.disconnects = context_->disconnects.load(std::memory_order_relaxed);
    return counts;
  }
  void check_integrity() const {
    CHECK(opened_.load() == closed_.load() + static_cast<long long>(connections_.size()),
          "connections opened == closed + open");
    context_->bodies.check_integrity();
  }
  Loop& loop() { return loop_; }

 private:
  Error bind_error(const boost::system::error_code& error) const;
  Status load_certificate();
  void on_accept(boost::system::error_code error, tcp::socket socket);
  void on_closed(HttpConnection& connection);
  void finish_stop();

  Loop& loop_;
  tcp::acceptor acceptor_;
  std::optional<asio::ssl::context> tls_;
  const std::shared_ptr<HttpConnectionContext> context_;
  std::unordered_map<HttpConnection*, std::weak_ptr<HttpConnection>> connections_;
  int port_ = 0;
  bool accepting_ = false;  // an accept is outstanding
  bool stopping_ = false;
  std::vector<std::function<void()>> stopped_;
  std::atomic<long long> opened_{0};
  std::atomic<long long> closed_{0};
};

Error HttpServer::Listener::bind_error(const boost::system::error_code& error) const {
  const HttpServerOptions& options = context_->options;
  std::string where = options.host + ":" + std::to_string(options.port);
  if (error == asio::error::address_in_use) {
    return fail(ErrorCode::kUnavailable, "cannot listen on " + where + ": the port is in use",
                "stop the program that holds it or choose another port");
  }
  if (error == asio::error::access_denied) {
    return fail(ErrorCode::kPermissionDenied, "cannot listen on " + where + ": not permitted",
                "ports below 1024 need privileges; choose a higher one");
  }
  return fail(ErrorCode::kInvalidArgument, "cannot listen on " + where + ": " + error.message(),
              "give an address of this machine");
}

Status HttpServer::Listener::load_certificate() {
  const HttpServerOptions& options = context_->options;
  if (options.tls_certificate_file.empty() && options.tls_key_file.empty()) return {};
  boost::system::error_code error;
  tls_.emplace(asio::ssl::context::tls_server);
  tls_->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                        asio::ssl::context::no_tlsv1_1 | asio::ssl::context::no_compression,
                    error);
  tls_->use_certificate_chain_file(options.tls_certificate_file, error);
  if (error) {
    return fail(ErrorCode::kInvalidArgument,
                "the TLS certificate '" + options.tls_certificate_file + "' cannot be used: " + error.message(),
                "give a PEM file with the certificate chain");
  }
  tls_->use_private_key_file(options.tls_key_file, asio::ssl::context::pem, error);
  if (error) {
    return fail(ErrorCode::kInvalidArgument,
                "the TLS key '" + options.tls_key_file + "' cannot be used: " + error.message(),
                "give the PEM file of the key that belongs to the certificate");
  }
  return {};
}

Status HttpServer::Listener::bind() {
  RETURN_IF_ERROR(load_certificate());
  const HttpServerOptions& options = context_->options;
  boost::system::error_code error;
  auto address = asio::ip::make_address(options.host == "localhost" ? "127.0.0.1" : options.host, error);
  if (error || options.port < 0 || options.port > 65535) {
    return fail(ErrorCode::kInvalidArgument,
                "cannot listen on '" + options.host + ":" + std::to_string(options.port) + "': not an address and port",
                "give an IP address, such as 127.0.0.1, and a port from 0 to 65535");
  }
  tcp::endpoint endpoint(address, static_cast<unsigned short>(options.port));
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return bind_error(error);
  port_ = acceptor_.local_endpoint(error).port();
  context_->on_closed = [weak = weak_from_this()](HttpConnection& connection) {
    if (auto self = weak.lock()) self->on_closed(connection);
  };
  return {};
}

void HttpServer::Listener::accept() {
  bool full = connections_.size() >= static_cast<std::size_t>(context_->limits.http_connections_max);
  if (accepting_ || stopping_ || full) return;
  accepting_ = true;
  acceptor_.async_accept([self = shared_from_this()](boost::system::error_code error, tcp::socket socket) {
    self->accepting_ = false;
    self->on_accept(error, std::move(socket));
  });
}

void HttpServer::Listener::on_accept(boost::system::error_code error, tcp::socket socket) {
  if (stopping_) return;
  if (error) {
    // Out of descriptors, say: let some connections end before trying again.
    loop_.post_after(std::chrono::milliseconds(kAcceptPauseMs), [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->accept();
    });
    return;
  }
  auto stream = tls_ ? tls_stream(std::move(socket), *tls_) : plain_stream(std::move(socket));
  auto connection = std::make_shared<HttpConnection>(context_, std::move(stream));
  connections_.emplace(connection.get(), connection);
  opened_.fetch_add(1, std::memory_order_relaxed);
  connection->start();
  accept();
}

void HttpServer::Listener::on_closed(HttpConnection& connection) {
  connections_.erase(&connection);
  closed_.fetch_add(1, std::memory_order_relaxed);
  if (stopping_ && connections_.empty()) return finish_stop();
  accept();
}

void HttpServer::Listener::stop(Duration grace, std::function<void()> stopped) {
  if (stopped) stopped_.push_back(std::move(stopped));
  if (stopping_) {
    if (connections_.empty()) finish_stop();
    return;
  }
  stopping_ = true;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  auto open = connections_;  // closing edits the map
  for (auto& [key, weak] : open) {
    if (auto connection = weak.lock()) connection->close_when_idle();
  }
  if (connections_.empty()) return finish_stop();
  loop_.post_after(grace, [self = shared_from_this()] {
    auto left = self->connections_;
    for (auto& [key, weak] : left) {
      if (auto connection = weak.lock()) connection->close();
    }
  });
}

void HttpServer::Listener::finish_stop() {
  auto callbacks = std::move(stopped_);
  stopped_.clear();
  for (auto& callback : callbacks) loop_.post(std::move(callback));
}

HttpServer::HttpServer(Loop& loop, const Clock& clock, Random& random, const Limits& limits, HttpServerOptions options,
                       HttpHandler handler)
    : listener_(std::make_shared<Listener>(loop, clock, random, limits, std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() { stop(Duration::zero(), {}); }

Status HttpServer::start() {
  RETURN_IF_ERROR(listener_->bind());
  listener_->loop().post([listener = listener_] { listener->accept(); });
  return {};
}

int HttpServer::port() const { return listener_->port(); }

void HttpServer::stop(Duration grace, std::function<void()> stopped) {
  listener_->loop().post([listener = listener_, grace, stopped = std::move(stopped)]() mutable {
    listener->stop(grace, std::move(stopped));
  });
}

HttpServer::Counts HttpServer::counts() const { return listener_->counts(); }

void HttpServer::check_integrity() const { listener_->check_integrity(); }

}  // namespace mnema
