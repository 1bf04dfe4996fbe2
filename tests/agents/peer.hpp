// tests/agents/peer.hpp
//
// The other side of a connector: an API that counts what reaches it by idempotency key, behind a client with limits and
// breaker. It outlives the crashes of the world that calls it.
//
// Threads: the server's own; the rest on the test's.
#pragma once

#include <httplib.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "connectors/http/client.hpp"
#include "tests/agents/world.hpp"

namespace mnema::testing {

class Peer {
 public:
  explicit Peer(World& world) : world_(world), secrets_(world.simulation.clock()) {
    server_.Post("/pay", [this](const httplib::Request& request, httplib::Response& response) {
      const std::scoped_lock lock(mutex_);
      ++payments_[request.get_header_value("Idempotency-Key")];
      response.set_content("paid", "text/plain");
    });
    server_.set_keep_alive_max_count(1);  // so that its end waits for no idle connection
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
    world_.clients = [this](const std::string&) { return client_.get(); };
    connect({});
  }
  ~Peer() {
    server_.stop();
    thread_.join();
  }

  /// A fresh client, as a process that starts has one.
  void connect(UpstreamOptions limits) {
    client_.reset();
    limits.name = "peer";
    upstream_ = std::make_unique<Upstream>(std::move(limits), world_.simulation.clock());
    HttpClientOptions options;
    // Nobody listens at port 1.
    options.base_url = "http://127.0.0.1:" + std::to_string(is_down ? 1 : port_);
    options.total_timeout = total_timeout;
    client_ = std::make_unique<HttpClient>(std::move(options), *upstream_, secrets_,
                                           world_.simulation.lane("blocking", Simulation::LaneKind::kAnyOrder),
                                           world_.simulation.clock(), world_.simulation.random());
  }

  /// By idempotency key: how often it was paid.
  std::map<std::string, int> payments() {
    const std::scoped_lock lock(mutex_);
    return payments_;
  }

  bool is_down = false;  // for the next `connect`: refuses connections
  Duration total_timeout = std::chrono::seconds(60);

 private:
  World& world_;
  SecretsStore secrets_;
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
  std::unique_ptr<Upstream> upstream_;
  std::unique_ptr<HttpClient> client_;
  std::mutex mutex_;
  std::map<std::string, int> payments_;  // guarded by mutex_
};

}  // namespace mnema::testing
