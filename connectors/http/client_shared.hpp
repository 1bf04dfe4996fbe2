// connectors/http/client_shared.hpp
//
// What the calls of one HttpClient share: its parts, the list of those that run, their deadlines, and the reading of
// its secret, which one thread does for all that wait for it.
//
// Threads:   confined to the transport's thread, except the const members and `stopped`.
// Ownership: owns the running calls, and is kept by them.
// Invariant: a timer is set for no later than the earliest deadline of the running calls; none is set twice.
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

  /// `done` runs at once if the secret, or that it cannot be read, is known; else when it has been read.
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
  std::set<MonotonicTime> timers_;                                       // that are set
  std::vector<std::function<void(Result<Secret>)>> waiting_for_secret_;  // not empty: it is being read
};

}  // namespace mnema
