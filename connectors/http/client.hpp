// connectors/http/client.hpp
//
// Calls to other people's HTTP APIs, on the blocking pool. Each call passes its upstream's breaker, limits and
// bulkhead, is retried where that is safe, honours Retry-After and ends by its deadline whatever the other side does.
// Connections are kept and reused per upstream. For streams that stay open there is (later) a client on the loop.
//
// Threads:   `send` from any thread; attempts run on the blocking executor; `done`, and the deadline, on `reply_to`.
// Ownership: borrows executor, clock, random, upstream and secrets; they outlive its calls. A dropped client lets its
//            calls finish.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "connectors/http/message.hpp"
#include "connectors/secrets_store.hpp"
#include "connectors/upstream.hpp"
#include "runtime/clock.hpp"
#include "runtime/executor.hpp"
#include "runtime/random.hpp"
#include "runtime/result.hpp"

namespace mnema {

struct HttpClientOptions {
  std::string base_url;                   // "https://api.example.com": scheme, host, port; path is a prefix
  std::optional<SecretReference> bearer;  // Authorization: Bearer <secret>
  HttpHeaders headers;                    // with every call
  Duration connect_timeout = std::chrono::seconds(5);
  Duration read_timeout = std::chrono::seconds(30);   // silence between two reads
  Duration total_timeout = std::chrono::seconds(60);  // whole call with its retries, unless the call says less
  std::int64_t response_bytes_max = 16 << 20;
  int redirects_max = 5;              // within the same origin; others are refused
  std::string ca_file;                // "" = the system's
  bool use_proxy_environment = true;  // https_proxy, http_proxy, no_proxy
};

struct HttpCall {
  std::string method = "GET";
  std::string path;  // appended to base_url, query included: "/v1/refunds?limit=1"
  HttpHeaders headers;
  std::string body;
  std::string content_type = "application/json";
  std::string idempotency_key;  // sent as Idempotency-Key
  bool repeatable = false;      // the other side drops a repeat (by that key, say): any method may be tried again
  std::optional<MonotonicTime> deadline;
  /// May be empty. Called after breaker, limits and permit, right before the first byte can leave; the attempt goes on
  /// when its argument is called with success, and the call ends with the error otherwise. Any thread, both. Once an
  /// attempt has left it is not called again.
  std::function<void(std::function<void(Status)>)> before_leaving;
  /// May be empty. Nothing of the attempt that `before_leaving` let go has left (no connection, its permit had become
  /// stale), and the call waits to try again: `before_leaving` comes before that too. Any thread.
  std::function<void()> did_not_leave;
};

struct HttpReply {
  int status = 0;
  HttpHeaders headers;
  std::string body;
  int attempts = 1;
};

class HttpClient {
 public:
  HttpClient(HttpClientOptions options, Upstream& upstream, SecretsStore& secrets, Executor& blocking,
             const Clock& clock, Random& random);
  ~HttpClient();

  /// A running call. Dropping it changes nothing.
  class Call {
   public:
    virtual ~Call() = default;
    /// Ends the call soon with `kCancelled`; a request in flight is cut. Idempotent, any thread.
    virtual void cancel() = 0;
  };

  /// Makes the call. A status below 400 is success; the rest are errors: 400/422 `kInvalidArgument`, 401
  /// `kUnauthenticated` (after one re-read of the secret), 403 `kPermissionDenied`, 404 `kNotFound`, 409 `kAborted`,
  /// 429 `kResourceExhausted`, 5xx and no connection `kUnavailable`, deadline `kDeadlineExceeded`. A call whose effect
  /// is unknown and that may not be repeated ends as `kInDoubt`. The text names upstream, method, path and the first
  /// bytes of the answer, never a header. `Error::never_left` says that none of its attempts reached the other side.
  std::shared_ptr<Call> send(HttpCall call, Executor& reply_to, std::function<void(Result<HttpReply>)> done);

 private:
  class Shared;
  class Running;
  std::shared_ptr<Shared> shared_;
};

}  // namespace mnema
