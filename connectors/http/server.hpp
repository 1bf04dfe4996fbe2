// connectors/http/server.hpp
//
// HTTP/1.1 server on the loop: keep-alive, pipelining, streams, thousands of idle connections. Every bound is in
// `Limits`: an over-long header is 431, an over-large body 413 before it is read, a body for which no memory is left
// beside those of others 503 (body_budget.hpp), a slow client is closed, a connection above the maximum waits in the
// listen queue. On loopback it answers only as loopback. A client that goes is noticed at once, also while nothing is
// written, because one read is always outstanding.
//
// Threads:   constructed anywhere; `start` and `stop` from any thread; handlers run on the loop thread.
// Ownership: borrows the loop, clock and random, which outlive it and its exchanges. Connections keep themselves alive.
// Invariant: opened == closed + open; the bodies in memory are those of body_budget.hpp's leases
//            (check_integrity, on the loop thread)
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "connectors/http/exchange.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"
#include "runtime/exec/loop.hpp"

namespace mnema {

struct HttpServerOptions {
  std::string host = "127.0.0.1";  // an address; "0.0.0.0" or "::" for all
  int port = 0;                    // 0 = any free one, see `port()`
  std::string cors_origin;         // "" = no CORS headers; "*" or one origin
  bool foreign_hosts = false;  // bound to loopback: answer also requests for another Host (host_check.hpp). For a proxy
                               // in front, and only where keys keep strangers out
  std::string server_name = "mnema";
  std::string tls_certificate_file;  // PEM chain; with the key: HTTPS only
  std::string tls_key_file;          // PEM
};

class HttpServer {
 public:
  HttpServer(Loop& loop, const Clock& clock, Random& random, const Limits& limits, HttpServerOptions options,
             HttpHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Binds and listens, then accepts. Errors: `kUnavailable` (address in use: says by which port, and to choose
  /// another), `kInvalidArgument` (no such address; certificate or key unreadable), `kPermissionDenied`.
  [[nodiscard]] Status start();

  /// The bound port. Precondition: `start` succeeded.
  [[nodiscard]] int port() const;

  /// Stops accepting, closes idle connections, lets answers in flight finish for `grace`, then cuts the rest.
  /// `stopped` runs once on the loop thread when no connection is left. Idempotent.
  void stop(Duration grace, std::function<void()> stopped);

  /// Numbers for /metrics. Any thread.
  struct Counts {
    long long connections_opened = 0;
    long long connections_closed = 0;
    long long requests = 0;     // that reached a handler
    long long refusals = 0;     // not valid HTTP, too large, too slow, or no memory left for their body
    long long body_bytes = 0;   // of request bodies in memory
    long long disconnects = 0;  // clients that went before their answer was complete
  };
  [[nodiscard]] Counts counts() const;

  void check_integrity() const;

 private:
  class Listener;
  std::shared_ptr<Listener> listener_;
};

}  // namespace mnema
