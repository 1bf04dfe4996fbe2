// connectors/http/resolver.hpp
//
// Names to addresses without blocking: c-ares, driven by the thread that owns it. It reads /etc/hosts and
// /etc/resolv.conf as the C library does; other sources of /etc/nsswitch.conf (mDNS, LDAP) are not asked. Callers that
// want the same name share one query; answers are kept for their time to live, failures for a second.
//
// A query cannot be cut short in c-ares; a caller can (`forget`), and the query ends by itself after its tries.
//
// Threads:   confined to one thread.
// Ownership: borrows the clock. The `done` of callers that still wait is dropped with it.
// Invariant: every waiting caller belongs to a running query   (check_integrity)
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

struct ares_channeldata;

namespace mnema {

/// Numeric addresses, best first: "192.0.2.1", "2001:db8::1".
using Addresses = std::vector<std::string>;

class Resolver {
 public:
  struct Options {
    std::string servers;                             // "127.0.0.1:5353,[::1]:53"; "" = those of `configuration`
    std::string configuration = "/etc/resolv.conf";  // read again when it has changed
    Duration try_time = std::chrono::seconds(2);
    int tries = 3;
    Duration kept_min = std::chrono::seconds(5);  // bounds of an answer's time to live
    Duration kept_max = std::chrono::seconds(60);
    std::size_t names_max = 1024;  // kept at a time
  };
  using Done = std::function<void(Result<Addresses>)>;
  /// What the thread shall poll a descriptor for, POLLIN and POLLOUT; 0: no longer, it is about to be closed.
  using Watch = std::function<void(int descriptor, short events)>;

  Resolver(Options options, const Clock& clock, Watch watch);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// `done` runs at once for addresses, "localhost" and names that are known, else from `on_ready` or `on_time`.
  /// Returns what to call `forget` with; 0: it has run. Errors: `kUnavailable`, retryable.
  std::uint64_t resolve(const std::string& host, Done done);
  /// The caller waits no longer; its `done` does not run.
  void forget(std::uint64_t caller);

  /// A watched descriptor is ready.
  void on_ready(int descriptor, short events);
  /// Looks at the timeouts; after `patience`.
  void on_time();
  /// How long until then; none: nothing waits.
  [[nodiscard]] std::optional<Duration> patience() const;

  void check_integrity() const;

 private:
  struct Query;
  struct Known {
    Result<Addresses> addresses;
    MonotonicTime until;
  };
  void open_channel();
  void reopen_if_changed();
  void answer(const std::string& host, Result<Addresses> addresses, Duration kept);
  void keep(const std::string& host, const Result<Addresses>& addresses, Duration kept);

  const Options options_;
  const Clock& clock_;
  const Watch watch_;
  ares_channeldata* channel_ = nullptr;
  std::optional<Error> broken_;  // the channel could not be made
  std::string stamp_;            // of `configuration` as the channel was made from it
  std::map<std::string, Known> known_;
  std::map<std::string, std::vector<std::pair<std::uint64_t, Done>>> waiting_;  // by host; an entry is a running query
  std::uint64_t last_caller_ = 0;
};

}  // namespace mnema
