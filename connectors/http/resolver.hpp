// connectors/http/resolver.hpp
//
// Names to addresses without blocking: c-ares, driven by the thread that owns it. It reads /etc/hosts and
// /etc/resolv.conf as the C library does; other sources of /etc/nsswitch.conf (mDNS, LDAP) are not asked. Callers that
// want the same name share one query; answers are kept for their time to live, failures for a second.
//
// A query cannot be cut short in c-ares; a caller can (`forget`), and the query ends by itself after its tries.
//
// Threads:   confined to one thread.
// Ownership: borrows the clock. `Done` of callers that still wait are dropped with it.
// Invariant: every waiting caller belongs to a running query   (check_integrity)
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/clock.hpp"
#include "runtime/result.hpp"

struct ares_channeldata;

namespace mnema {

/// Numeric addresses, best first: "192.0.2.1", "2001:db8::1".
using Addresses = std::vector<std::string>;

class Resolver {
 public:
  struct Options {
    std::string servers;  // "127.0.0.1:5353,[::1]:53"; "" = /etc/resolv.conf
    Duration try_time = std::chrono::seconds(2);
    int tries = 3;
    Duration kept_min = std::chrono::seconds(5);  // bounds of an answer's time to live
    Duration kept_max = std::chrono::seconds(60);
    std::size_t names_max = 1024;  // kept at a time
  };
  using Done = std::function<void(Result<Addresses>)>;

  Resolver(Options options, const Clock& clock);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// `done` runs at once for addresses, "localhost" and names that are known, else from `process`. Returns what to call
  /// `forget` with; 0: it has run. Errors: `kUnavailable`, retryable.
  std::uint64_t resolve(const std::string& host, Done done);
  /// The caller waits no longer; its `done` does not run.
  void forget(std::uint64_t caller);

  /// Appends what to poll for.
  void add_descriptors(std::vector<pollfd>& descriptors) const;
  /// How long the thread may sleep if no descriptor gets ready; none: as long as it likes.
  [[nodiscard]] std::optional<Duration> patience() const;
  /// Takes what is ready of `descriptors` (any, others are ignored), and looks at the timeouts.
  void process(const std::vector<pollfd>& descriptors);

  void check_integrity() const;

 private:
  struct Query;
  struct Known {
    Result<Addresses> addresses;
    MonotonicTime until;
  };
  void answer(const std::string& host, Result<Addresses> addresses, Duration kept);
  void keep(const std::string& host, const Result<Addresses>& addresses, Duration kept);

  const Options options_;
  const Clock& clock_;
  ares_channeldata* channel_ = nullptr;
  std::optional<Error> broken_;  // the channel could not be made
  std::map<int, short> descriptors_;
  std::map<std::string, Known> known_;
  std::map<std::string, std::vector<std::pair<std::uint64_t, Done>>> waiting_;  // by host; an entry is a running query
  std::uint64_t last_caller_ = 0;
};

}  // namespace mnema
