// connectors/http/curl_transport.hpp
//
// HttpTransport over the network: libcurl's multi interface and c-ares on one thread over epoll, which never blocks.
// Whatever a peer or a name server does, a cancel and a deadline take effect within milliseconds, because nothing on
// this thread waits for either.
//
// Why libcurl, and why names are resolved beside it: curl brings what Beast would leave to us (the connection pool and
// its dead connections, proxies and CONNECT, decompression, trailers, happy eyeballs, 20 years of odd servers). Its
// resolver, as Debian builds it, is a thread per name in getaddrinfo, and taking a transfer out waits for that thread:
// with a name server that is silent, curl_multi_remove_handle of 7.88 took 9.5 s (measured), for which every other
// exchange stood still. So names go through resolver.hpp, and curl only sees addresses. HTTP/1.1 only: over HTTP/2
// one stalled connection would hold every call of its upstream.
//
// Connections are kept per host and reused, at most `idle_connections_max`; how many calls an upstream may have at
// once is Upstream's bulkhead, `exchanges_max` bounds their sum; more fail at once (kNoCapacity), none waits here.
// Trusted certificates are read once, at `open`. Redirects are not followed.
//
// Threads:   `start`, `stop` and what is posted to `executor()`: from any thread. One thread of its own.
// Ownership: borrows the clock. `stop` (or the destructor) ends every exchange; `on_end` of each is posted before it
//            returns. Stop clients first: delays on `executor()` that are not due are dropped.
// Invariant: exchanges started == ended + running   (check_integrity)
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "connectors/http/transport.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct CurlTransportOptions {
  std::string dns_servers;                                      // "192.0.2.1,192.0.2.2:5353"; "" = /etc/resolv.conf
  std::string ca_file;                                          // PEM; "" = the system's
  std::function<std::optional<HttpUrl>(const HttpUrl&)> proxy;  // empty: none
  int exchanges_max = 1024;
  int idle_connections_max = 128;
  Duration idle_connection_time = std::chrono::seconds(30);

  /// SSL_CERT_FILE, and the proxies of https_proxy and its kin (url.hpp), as they are at this moment.
  [[nodiscard]] static CurlTransportOptions from_environment();
};

class CurlTransport final : public HttpTransport {
 public:
  /// Errors: `kNotFound`, `kInvalidArgument` (ca_file); `kInternal`.
  [[nodiscard]] static Result<std::unique_ptr<CurlTransport>> open(CurlTransportOptions options, const Clock& clock);
  ~CurlTransport() override;

  std::shared_ptr<Exchange> start(TransportRequest request, Executor& reply_to, TransportEvents events) override;
  [[nodiscard]] Executor& executor() override;

  /// Ends every exchange with kCancelled and joins the thread; later ones end at once, likewise. Idempotent; not from
  /// its own thread.
  void stop();

  /// After `stop`.
  void check_integrity() const;

 private:
  class Core;
  explicit CurlTransport(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  std::shared_ptr<Core> core_;
};

}  // namespace mnema
