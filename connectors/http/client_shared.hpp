// connectors/http/client_shared.hpp
//
// What the calls of one HttpClient share: its dependencies, the calls in flight, their deadlines, and the secret, which
// is read once for all that wait for it.
//
// Threads:   confined to the transport's thread, except the const members and `stopped`.
// Ownership: owns the running calls, and is kept alive by each until that calls `remove`.
// Invariant: a timer is armed for no later than the earliest deadline of the running calls; none is armed twice.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "connectors/http/client.hpp"
#include "connectors/http/url.hpp"

namespace mnema {

class RunningCall;

class HttpClientShared : public std::enable_shared_from_this<HttpClientShared> {
 public:
  HttpClientShared(HttpClientOptions options, Upstream& upstream, SecretsStore& secrets, HttpTransport& transport,
                   Executor& blocking, const Clock& clock, Random& random);

  void add(const std::shared_ptr<RunningCall>& call);
  void remove(const RunningCall& call);
  void cancel_all();

  /// `done` runs synchronously if the secret, or the error of reading it, is cached; else once it has been read.
  void get_secret(std::function<void(Result<Secret>)> done);

  const HttpClientOptions options;
  const Result<HttpUrl> base;
  Upstream& upstream;
  SecretsStore& secrets;
  HttpTransport& transport;
  Executor& home;  // the transport's thread
  Executor& blocking;
  const Clock& clock;
  Random& random;
  std::atomic<bool> stopped{false};

 private:
  void watch_deadlines();

  std::multimap<MonotonicTime, std::shared_ptr<RunningCall>> running_;   // by deadline
  std::set<MonotonicTime> timers_;                                       // that are armed
  std::vector<std::function<void(Result<Secret>)>> waiting_for_secret_;  // not empty: it is being read
};

}  // namespace mnema
