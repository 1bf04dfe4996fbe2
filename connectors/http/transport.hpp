// connectors/http/transport.hpp
//
// The seam under every outbound HTTP exchange: one request, one answer, told piece by piece. It knows nothing of
// limits, retries, redirects or secrets (http/client.hpp does), so that plain calls, streams that stay open and tests
// with a scripted peer share it. curl_transport.hpp is the one that talks to the network.
//
// Threads:   `start`, `cancel` from any thread; neither blocks. Events run on the executor that `start` was given, one
//            after the other, in the order head, body..., end. `executor()` is the transport's own thread: work there
//            must not block; its delays are kept whatever loop and pools do, so deadlines belong there.
// Ownership: the transport outlives what it was given to; `reply_to` outlives the exchange. Dropping an `Exchange`
//            changes nothing.
// Invariant: an exchange that was started ends with exactly one `on_end`, also when it is cancelled or the transport
//            stops.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/http/message.hpp"
#include "connectors/http/url.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

struct TransportRequest {
  std::string method = "GET";
  HttpUrl url;          // its path is the request target, byte for byte
  HttpHeaders headers;  // checked by the caller: no line ends, nothing that frames the message
  std::string body;
  Duration connect_timeout = std::chrono::seconds(5);  // resolving, connecting and TLS handshake in sum
  Duration idle_timeout = std::chrono::seconds(30);    // silence after that
  std::optional<MonotonicTime> leave_by;               // not one byte leaves later
  bool fresh_connection = false;           // no kept one: it may be closed by the peer in the moment we write
  std::int64_t body_bytes_max = 16 << 20;  // of the answer, after decompression
};

struct TransportFailure {
  enum class Kind {
    kNotSent,     // unresolved, refused, no TLS, `leave_by` passed: no byte of the request left
    kBroken,      // the answer did not come, or not whole
    kUntrusted,   // the certificate is not for this host, or of nobody we trust; nothing left
    kNoCapacity,  // we have too many at once; nothing left
    kTooLarge,    // the answer is larger than asked for
    kCancelled,   // by `cancel`, or the transport stopped
  };
  Kind kind = Kind::kBroken;
  bool left = true;  // the peer may have seen a byte of the request
  std::string text;  // for the person who reads the error; may hold bytes of the peer
};

struct TransportEvents {
  /// The final status, after any 1xx, and its headers.
  std::function<void(int status, HttpHeaders headers)> on_head;
  std::function<void(std::string bytes)> on_body;
  /// None: the answer came whole, trailers included.
  std::function<void(std::optional<TransportFailure> failure)> on_end;
};

class HttpTransport {
 public:
  virtual ~HttpTransport() = default;

  class Exchange {
   public:
    virtual ~Exchange() = default;
    /// Cuts the exchange, whatever it waits for; `on_end` follows. Idempotent.
    virtual void cancel() = 0;
  };

  virtual std::shared_ptr<Exchange> start(TransportRequest request, Executor& reply_to, TransportEvents events) = 0;

  [[nodiscard]] virtual Executor& executor() = 0;
};

}  // namespace mnema
