// tests/connectors/http/scripted_transport.hpp
//
// An HttpTransport without a network: each request is answered by the next line of a script, on a lane of a simulation,
// after virtual time.
//
// Threads:   confined to the simulation's.
// Ownership: borrows the simulation.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "connectors/http/transport.hpp"
#include "runtime/base/check.hpp"
#include "runtime/sim/simulation_executor.hpp"

namespace mnema::testing {

struct ScriptedAnswer {
  int status = 200;
  HttpHeaders headers;
  std::string body;
  std::optional<TransportFailure> failure;
  Duration after{};  // negative: never
  bool left = true;  // while it hangs
};

class ScriptedTransport final : public HttpTransport {
 public:
  explicit ScriptedTransport(Simulation& simulation) : simulation_(simulation) {}

  void answer(ScriptedAnswer answer) { script_.push_back(std::move(answer)); }
  void answer(int status, HttpHeaders headers = {}, std::string body = "") {
    script_.push_back({status, std::move(headers), std::move(body), std::nullopt, {}, true});
  }
  void fail_with(TransportFailure::Kind kind, bool left, Duration after = {}) {
    script_.push_back({0, {}, "", TransportFailure{kind, left, "scripted failure"}, after, left});
  }
  void hang(bool left) { script_.push_back({0, {}, "", std::nullopt, Duration(-1), left}); }

  std::shared_ptr<Exchange> start(TransportRequest request, Executor& reply_to, TransportEvents events) override {
    requests.push_back(std::move(request));
    started_at.push_back(simulation_.clock().now());
    CHECK(!script_.empty(), "the script has an answer for every request");
    ScriptedAnswer next = std::move(script_.front());
    script_.pop_front();
    auto running = std::make_shared<Running>(*this, reply_to, std::move(events), next.left);
    if (next.after >= Duration::zero()) {
      simulation_.lane("network").post_after(next.after, [running, next = std::move(next)] { running->end(next); });
    }
    return running;
  }
  Executor& executor() override { return simulation_.lane("transport"); }

  std::vector<TransportRequest> requests;
  std::vector<Time> started_at;
  int cancelled = 0;

 private:
  struct Running final : Exchange, std::enable_shared_from_this<Running> {
    Running(ScriptedTransport& transport_in, Executor& reply_in, TransportEvents events_in, bool left_in)
        : transport(transport_in), reply_to(reply_in), events(std::move(events_in)), left(left_in) {}
    void cancel() override {
      ++transport.cancelled;
      ScriptedAnswer cut;
      cut.failure = TransportFailure{TransportFailure::Kind::kCancelled, left, "cancelled"};
      end(cut);
    }
    void end(const ScriptedAnswer& answer) {
      if (ended) return;
      ended = true;
      reply_to.post([self = shared_from_this(), answer] {
        if (!answer.failure) {
          self->events.on_head(answer.status, answer.headers);
          if (!answer.body.empty()) self->events.on_body(answer.body);
        }
        self->events.on_end(answer.failure);
        self->events = {};
      });
    }
    ScriptedTransport& transport;
    Executor& reply_to;
    TransportEvents events;
    const bool left;
    bool ended = false;
  };

  Simulation& simulation_;
  std::deque<ScriptedAnswer> script_;
};

}  // namespace mnema::testing
