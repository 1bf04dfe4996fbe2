// tests/agents/peer.hpp
//
// The other side of a connector: an API that counts what reaches it by idempotency key, behind a client with limits and
// breaker, over a transport that needs no network. It outlives the crashes of the world that calls it.
//
// Threads:   the simulation's one.
// Ownership: borrows the world, which goes first.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connectors/http/client.hpp"
#include "connectors/http/transport.hpp"
#include "tests/agents/fixture.hpp"

namespace mnema::testing {

class Peer final : public HttpTransport {
 public:
  explicit Peer(Fixture& fixture) : fixture_(fixture), secrets_(fixture.simulation.clock()) {
    fixture_.clients = [this](const std::string&) { return client_.get(); };
    connect({});
  }

  ~Peer() override { of_dead_processes().push_back(std::move(client_)); }

  /// A fresh client, as a process that starts has one.
  void connect(UpstreamOptions limits) {
    if (client_) of_dead_processes().push_back(std::move(client_));
    limits.name = "peer";
    upstream_ = std::make_unique<Upstream>(std::move(limits), fixture_.simulation.clock());
    HttpClientOptions options;
    options.base_url = "http://peer.example";
    options.total_timeout = total_timeout;
    options.watch = watch;
    client_ = std::make_unique<HttpClient>(std::move(options), *upstream_, secrets_, *this,
                                           fixture_.simulation.lane("blocking", Simulation::LaneKind::kAnyOrder),
                                           fixture_.simulation.clock(), fixture_.simulation.random());
  }

  std::shared_ptr<Exchange> start(TransportRequest request, Executor& reply_to, TransportEvents events) override {
    const bool arrives = state == State::kUp || state == State::kSilent;
    auto started = std::make_shared<Started>(reply_to, std::move(events), arrives, answer);
    if (arrives) ++payments_[std::string(request.headers.get("Idempotency-Key"))];
    if (state == State::kUp) started->end(std::nullopt);
    if (state == State::kRefuses) {
      started->end(TransportFailure{TransportFailure::Kind::kNotSent, false, "connection refused"});
    }
    return started;
  }
  Executor& executor() override { return fixture_.simulation.lane("transport"); }

  /// By idempotency key: how often it was paid.
  [[nodiscard]] const std::map<std::string, int>& payments() const { return payments_; }

  enum class State {
    kUp,
    kRefuses,
    kHangs,   // while a connection is made
    kSilent,  // takes the call and does not answer
  };
  State state = State::kUp;
  Duration total_timeout = std::chrono::seconds(60);
  ResponseWatch* watch = nullptr;  // of the next client
  std::string answer = "paid";

 private:
  struct Started final : Exchange, std::enable_shared_from_this<Started> {
    Started(Executor& reply_in, TransportEvents events_in, bool left_in, std::string answer_in)
        : reply_to(reply_in), events(std::move(events_in)), left(left_in), answer(std::move(answer_in)) {}
    void cancel() override { end(TransportFailure{TransportFailure::Kind::kCancelled, left, "cancelled"}); }
    void end(std::optional<TransportFailure> failure) {
      reply_to.post([self = shared_from_this(), failure] {
        const TransportEvents told = std::exchange(self->events, {});
        if (!told.on_end) return;
        if (!failure) {
          told.on_head(200, {});
          told.on_body(self->answer);
        }
        told.on_end(failure);
      });
    }
    Executor& reply_to;
    TransportEvents events;
    const bool left;
    const std::string answer;
  };

  /// A crash leaves calls that nobody ends, and a client and its running calls hold each other. Kept for ever and never
  /// used, so that a search for leaks finds them.
  static std::vector<std::unique_ptr<HttpClient>>& of_dead_processes() {
    static auto* const clients = new std::vector<std::unique_ptr<HttpClient>>;
    return *clients;
  }

  Fixture& fixture_;
  SecretsStore secrets_;
  std::unique_ptr<Upstream> upstream_;
  std::unique_ptr<HttpClient> client_;
  std::map<std::string, int> payments_;
};

}  // namespace mnema::testing
