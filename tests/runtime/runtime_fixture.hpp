// tests/runtime/runtime_fixture.hpp
//
// The runtime's parts over a disk that loses power, on one thread: what tests of single parts stand in.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "runtime/runtime.hpp"
#include "runtime/sim/fault_vfs.hpp"
#include "runtime/sim/simulation_executor.hpp"

namespace mnema::testing {

inline Event event_of(const std::string& id, const std::string& key = "k") {
  Event event;
  event.id = id;
  event.source = "test";
  event.type = "test.happened";
  event.agent = "worker";
  event.key = key;
  event.data = R"({"id":")" + id + R"("})";
  return event;
}

inline Event event_of_tenant(const std::string& tenant, const std::string& id, const std::string& key = "k") {
  Event event = event_of(id, key);
  event.tenant = tenant;
  return event;
}

class RuntimeFixture {
 public:
  explicit RuntimeFixture(Limits bounds = {}, std::uint64_t seed = 1, EventFlow of_worker = {})
      : simulation(seed), disk(seed), limits(bounds), flow(std::move(of_worker)) {
    boot();
  }
  ~RuntimeFixture() { die(); }

  void boot() {
    Runtime::Options options;
    options.database.path = "mnema.db";
    options.database.vfs = disk.name();
    options.flows = {{"worker", flow}};
    Result<std::unique_ptr<Runtime>> opened =
        Runtime::open(options, {loop, simulation.lane("store")}, simulation.clock(), simulation.random(), limits);
    CHECK(opened.ok(), opened.ok() ? "" : opened.error().text().c_str());
    runtime = std::move(*opened);
    runtime->router().add_agent("worker");
  }

  /// The power goes; what was not synced may be gone.
  void die() {
    disk.crash(simulation.random());
    simulation.crash();
    runtime.reset();
    simulation.crash();
  }

  void restart() {
    die();
    boot();
  }

  /// What `start` answers, given the function to answer with.
  template <class T, class Start>
  Result<T> wait(const Start& start) {
    std::optional<Result<T>> answer;
    start([&answer](Result<T> result) { answer = std::move(result); });
    simulation.run_until([&] { return answer.has_value(); });
    CHECK(answer.has_value(), "everything is answered");
    simulation.run_ready();
    return std::move(*answer);
  }

  Result<Accepted> accept(const Event& event) {
    return wait<Accepted>([&](auto done) { runtime->mailbox().accept(event, loop, done); });
  }

  /// The next event, if one may be had now; else the request stands, and `taken` gets it later.
  std::optional<Delivery> take() {
    taken.reset();
    runtime->mailbox().take(loop, [this](Delivery delivery) { taken = std::move(delivery); });
    simulation.run_ready();
    return std::exchange(taken, std::nullopt);
  }

  Result<RetryVerdict> retry(Delivery delivery, Duration wait, const Error& cause) {
    const Time at = simulation.clock().now() + wait;
    return this->wait<RetryVerdict>(
        [&](auto done) { runtime->mailbox().retry(std::move(delivery), at, cause, loop, done); });
  }
  Status dead_letter(Delivery delivery, const Error& cause) {
    return this->wait<void>([&](auto done) { runtime->mailbox().dead_letter(std::move(delivery), cause, loop, done); });
  }

  template <class T>
  Result<T> write(std::function<Result<T>(Transaction&)> unit) {
    return wait<T>([&](auto done) { runtime->database().write<T>(WritePriority::kForeground, unit, loop, done); });
  }
  Status complete(const Delivery& delivery) {
    return write<void>([&](Transaction& transaction) { return runtime->mailbox().complete(transaction, delivery); });
  }

  Simulation simulation;
  FaultVfs disk;
  Limits limits;
  EventFlow flow;  // of the agent "worker"
  Executor& loop = simulation.lane("loop");
  std::unique_ptr<Runtime> runtime;
  std::optional<Delivery> taken;
};

}  // namespace mnema::testing
