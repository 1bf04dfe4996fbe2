// tests/support/rabbitmq_broker.hpp
//
// A real RabbitMQ broker for tests, run by examples/rabbitmq/broker.py (script_process.hpp), and what a test does with it
// as another program would, by librabbitmq's own blocking connections: queues, messages, users. It is started at first
// use.
//
// Threads: confined to the test's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/script_process.hpp"

namespace mnema::testing {

struct RabbitmqTestMessage {
  std::string body;
  std::string id = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string content_type = "application/json";
  int nested_headers = 0;  // so deep a table, as one more header
};

struct RabbitmqReadMessage {
  std::string id;
  std::string body;
  std::string content_type;
  std::string routing_key;
  int delivery_mode = 0;
  bool redelivered = false;
  std::map<std::string, std::string> headers;
};

class RabbitmqBroker {
 public:
  static constexpr const char* kUser = "mnema";
  static constexpr const char* kPassword = "mnema-secret";

  /// Null where RabbitMQ is not here: the test is then skipped.
  static RabbitmqBroker* shared();
  ~RabbitmqBroker();
  RabbitmqBroker(const RabbitmqBroker&) = delete;
  RabbitmqBroker& operator=(const RabbitmqBroker&) = delete;

  [[nodiscard]] const std::string& address() const { return address_; }
  /// With certificates of `certificates()`: ca.pem, client.pem, client.key; other.pem is of nobody here.
  [[nodiscard]] const std::string& tls_address() const { return tls_address_; }
  [[nodiscard]] std::string certificates() const;
  /// -9, and again on the same port.
  void kill();
  void start();
  /// It answers nothing for a while.
  void freeze();
  void thaw();
  /// rabbitmqctl.
  void control(const std::string& arguments);

  /// A durable queue with a name that no other test has.
  [[nodiscard]] std::string create_queue(const std::map<std::string, std::string>& arguments = {});
  void create_queue(const std::string& name, const std::map<std::string, std::string>& arguments = {});
  void delete_queue(const std::string& name);
  /// What was declared outlives a kill from here on. The broker answers a declaration, of a durable queue too, up to two
  /// seconds before it is on its disk.
  void sync_declared();
  void create_exchange(const std::string& name, const std::string& type);
  void bind(const std::string& queue, const std::string& exchange, const std::string& key);
  /// Persistent, and confirmed when it returns.
  void publish(const std::string& queue, const std::vector<RabbitmqTestMessage>& messages,
               const std::string& exchange = "");
  /// Messages that wait and nobody has.
  [[nodiscard]] int waiting(const std::string& queue);
  /// Takes what waits out of the queue.
  [[nodiscard]] std::vector<RabbitmqReadMessage> read(const std::string& queue);
  /// Consumes so many messages, acknowledges them and drops them.
  [[nodiscard]] long long count(const std::string& queue, long long messages, int prefetch);

 private:
  explicit RabbitmqBroker(std::unique_ptr<ScriptProcess> script);
  struct Connection;
  [[nodiscard]] Connection& connection();

  const std::unique_ptr<ScriptProcess> script_;
  const std::string address_;
  const std::string tls_address_;
  std::unique_ptr<Connection> connection_;
  int queues_ = 0;
};

}  // namespace mnema::testing
