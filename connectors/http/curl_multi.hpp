// connectors/http/curl_multi.hpp
//
// curl's multi handle over epoll: curl works on the transfers that something happened to, and on no others.
// curl_multi_poll and curl_multi_perform look at all of them each time, so that 150 calls that hang would cost each
// healthy one a fifth of a millisecond of work several times over.
//
// Threads:   confined to one thread, except `wake`.
// Ownership: owns the multi handle and its kept connections; transfers are borrowed from `add` to `remove`.
// Invariant: what curl or `watch` has asked for is what epoll watches.
#pragma once

#include <curl/curl.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

class CurlMulti {
 public:
  /// Errors: `kInternal` (no memory or descriptors).
  [[nodiscard]] static Result<std::unique_ptr<CurlMulti>> open(int idle_connections_max, const Clock& clock);
  ~CurlMulti();
  CurlMulti(const CurlMulti&) = delete;
  CurlMulti& operator=(const CurlMulti&) = delete;

  [[nodiscard]] bool add(CURL* transfer);
  void remove(CURL* transfer);

  /// A descriptor of somebody else, with POLLIN and POLLOUT; 0: no longer.
  void watch(int descriptor, short events);
  /// Ends the `wait` that is in progress, else the next.
  void wake();

  /// Waits until something happens, or `longest` has passed, and lets curl work on it. `ready` is told of others'
  /// descriptors.
  void wait(Duration longest, const std::function<void(int descriptor, short events)>& ready);

  struct Finished {
    CURL* transfer;
    CURLcode result;
  };
  /// A transfer that has ended and is still to be removed.
  [[nodiscard]] std::optional<Finished> take_finished();

 private:
  explicit CurlMulti(const Clock& clock) : clock_(clock) {}
  [[nodiscard]] Status start(int idle_connections_max);
  void set(int descriptor, unsigned events);
  static int on_socket(CURL*, curl_socket_t descriptor, int what, void* self, void*);
  static int on_timer(CURLM*, long milliseconds, void* self);

  const Clock& clock_;
  CURLM* multi_ = nullptr;
  int epoll_ = -1;
  int wake_ = -1;
  std::map<int, bool> watched_;            // true: somebody else's
  std::optional<MonotonicTime> curl_due_;  // when curl wants to look at its own timeouts
};

}  // namespace mnema
