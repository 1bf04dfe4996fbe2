// connectors/http/client.hpp
//
// Calls to other people's HTTP APIs. Each call passes its upstream's breaker, limits and bulkhead, is retried where
// that is safe, honours Retry-After and ends by its deadline whatever the other side does. No thread waits for a call:
// the bytes move in an HttpTransport (curl_transport.hpp), the decisions are made on the transport's thread.
//
// A call is done only by a 2xx of the resource itself. GET, HEAD and OPTIONS follow redirects within their origin; a
// call with effects follows 307 and 308 there, with its method and body. Every other 3xx is an error that names where
// it pointed (304 answers a GET that asked for it): a POST turned into a GET would have delivered nothing.
//
// What goes into the request's head is checked (path.hpp, request_check.hpp), and every hop and attempt asks the
// upstream for leave, so that its limits hold for what it sees.
//
// Threads:   `send`, `stop`, `cancel` from any thread; none blocks. `done` on `reply_to`; `before_leaving` on the
//            transport's thread, where it must return at once. `blocking` only reads a secret that is not known yet or
//            was refused.
// Ownership: borrows all it is given; they outlive its calls, the transport its handles too. A dropped client lets its
//            calls finish.
// Invariant: a call holds leave of its upstream at most once, and has given it back when `done` runs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "connectors/http/message.hpp"
#include "connectors/http/transport.hpp"
#include "connectors/secrets_store.hpp"
#include "connectors/upstream.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

class ResponseWatch;

struct HttpClientOptions {
  std::string base_url;                   // "https://api.example.com": scheme, host, port; path is a prefix
  std::optional<SecretReference> bearer;  // Authorization: Bearer <secret>
  std::string basic_user;                 // not empty: Authorization: Basic instead, with `bearer` as the password
  HttpHeaders headers;                    // with every call that does not set them itself
  Duration connect_timeout = std::chrono::seconds(5);  // to resolve, connect and shake hands, in sum
  Duration read_timeout = std::chrono::seconds(30);    // silence between two reads
  Duration total_timeout = std::chrono::seconds(60);   // whole call with its retries, unless the call says less
  std::int64_t response_bytes_max = 16 << 20;          // after decompression
  int redirects_max = 5;                               // within the same origin; others are refused
  ResponseWatch* watch = nullptr;                      // for who reads the answers; null: nobody looks at their shapes
};

struct HttpCall {
  std::string method = "GET";
  std::string path;  // appended to base_url, query included: "/v1/refunds?limit=1"; path.hpp builds one from any texts
  HttpHeaders headers;
  std::string body;
  std::string content_type = "application/json";
  std::string idempotency_key;  // sent as Idempotency-Key
  bool repeatable = false;      // the other side drops a repeat (by that key, say): any method may be tried again
  std::optional<MonotonicTime> deadline;
  /// Called when the call has leave, its permit and all it needs: its first byte goes out when the argument is called
  /// with success (any thread); with an error the call ends with that. What must be durable before an effect may happen
  /// is written here, and not while the call still waits for a permit. Not again once a byte has left.
  std::function<void(std::function<void(Status)>)> before_leaving;
  /// Nothing of the attempt that `before_leaving` let go has left (no connection, its permit had become stale), and the
  /// call waits to try again: `before_leaving` comes before that too. On the transport's thread, must return at once.
  std::function<void()> did_not_leave;
};

struct HttpReply {
  int status = 0;
  HttpHeaders headers;
  std::string body;
  int attempts = 1;
};

class HttpClientShared;

class HttpClient {
 public:
  HttpClient(HttpClientOptions options, Upstream& upstream, SecretsStore& secrets, HttpTransport& transport,
             Executor& blocking, const Clock& clock, Random& random);
  ~HttpClient();

  /// A running call. Dropping it changes nothing.
  class Call {
   public:
    virtual ~Call() = default;
    /// Ends the call soon with `kCancelled`; a request in flight is cut. Idempotent, any thread.
    virtual void cancel() = 0;
  };

  /// Makes the call; `done` runs exactly once. A 2xx is success; the rest are errors: 3xx that is not followed
  /// `kFailedPrecondition`, 400/422 `kInvalidArgument`, 401 `kUnauthenticated` (after one re-read of the secret), 403
  /// `kPermissionDenied`, 404 `kNotFound`, 409 `kAborted`, 429 `kResourceExhausted`, 5xx and no connection
  /// `kUnavailable`, deadline `kDeadlineExceeded`, a path or header that may not be sent `kInvalidArgument`. A call
  /// whose effect is unknown and that may not be repeated ends as `kInDoubt`. The text names upstream, method, path and
  /// the first bytes of the answer as UTF-8, never a header or the secret.
  ///
  /// `Error::never_left` is true exactly if no byte of any attempt was sent: the breaker is open, a limit or the
  /// bulkhead's queue refused it, the deadline or a cancel came while it waited or connected, the name did not resolve,
  /// the connection or the TLS handshake failed, the secret cannot be read, the path is refused.
  std::shared_ptr<Call> send(HttpCall call, Executor& reply_to, std::function<void(Result<HttpReply>)> done);

  [[nodiscard]] ResponseWatch* watch() const;

  /// Cancels every call in flight (each ends with kCancelled) and refuses later ones likewise. Never blocks.
  void stop();

 private:
  std::shared_ptr<HttpClientShared> shared_;
};

}  // namespace mnema
