// tests/agents/sim/network.hpp
//
// The other sides of all outbound calls, as an HttpTransport without a network: a shop's API and the sinks. It counts
// what reaches it by idempotency key and outlives the processes that call it. As long as there is trouble it refuses
// connections, resets them before and after the effect and in the middle of the answer, is slow, silent, overloaded
// (429 and 503, with Retry-After), or broken (500).
//
//   POST /charge, /wire  an effect each time it is asked, whatever the key: a repeat is a second effect
//   POST /ship, /thank   a known key is answered and has no second effect
//   POST /out, /mail     the sinks; a known key is dropped
//   GET  /charges/ID     "charged" or "none"
//
// Threads:   the simulation's one.
// Ownership: borrows the simulation and the table. Exchanges of a dead process are ended between `begin_teardown` and
// `end_teardown`.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connectors/http/transport.hpp"
#include "runtime/sim/simulation_executor.hpp"
#include "tests/support/sometimes.hpp"

namespace mnema::testing {

class Network final : public HttpTransport {
 public:
  Network(Simulation& simulation, SometimesTable& sometimes);
  ~Network() override;

  std::shared_ptr<Exchange> start(TransportRequest request, Executor& reply_to, TransportEvents events) override;
  [[nodiscard]] Executor& executor() override;

  /// Every connection is refused for so long.
  void fail_for(Duration duration);
  /// The process is dead: from here on its transport's thread runs what it is given at once, so that its client can end
  /// its calls and release them; nothing reaches the other sides any more.
  void begin_teardown();
  void end_teardown();
  /// What the wall clock had to do with times is void.
  void forget_waits() { asked_to_wait_.clear(); }

  struct Arrival {
    std::string path;
    std::string body;
    std::string key;
  };
  bool trouble = true;
  /// path -> body -> idempotency key -> how often it had its effect.
  std::map<std::string, std::map<std::string, std::map<std::string, int>>> effects;
  std::vector<Arrival> arrived;         // at the sinks, first arrivals, in order
  std::vector<std::string> violations;  // of what a caller owes us

 private:
  class Home;
  struct Running;
  struct Fate;
  [[nodiscard]] Fate draw(const TransportRequest& request, const std::string& call);
  std::string act(const TransportRequest& request);
  void respect_waits(const std::string& call);

  Simulation& simulation_;
  SometimesTable& sometimes_;
  std::unique_ptr<Home> home_;
  MonotonicTime down_until_{};
  std::map<std::string, MonotonicTime> asked_to_wait_;  // by call
  std::vector<std::weak_ptr<Running>> running_;         // exchanges of this process
};

}  // namespace mnema::testing
