// cli/demo/outside_services.hpp
//
// What the demo's agents act upon: an HTTP service on loopback with payments (slow, and idempotent by key, as real ones
// are) and an inbox for replies. It outlives the runtime's crashes, so it knows what was really done.
//
// Threads:   its own for serving; all methods from any thread.
// Ownership: serves from construction to destruction.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace httplib {
class Server;
}

namespace mnema {

class OutsideServices {
 public:
  OutsideServices();
  ~OutsideServices();
  OutsideServices(const OutsideServices&) = delete;
  OutsideServices& operator=(const OutsideServices&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] int refund_calls() const;                            // requests, repeated ones included
  [[nodiscard]] int refunds() const;                                 // money that moved
  [[nodiscard]] std::map<std::string, std::string> replies() const;  // by idempotency key
  [[nodiscard]] int reply_calls() const;

 private:
  mutable std::mutex mutex_;  // guards the four below
  int refund_calls_ = 0;
  std::map<std::string, std::string> refunds_;
  int reply_calls_ = 0;
  std::map<std::string, std::string> replies_;
  std::unique_ptr<httplib::Server> server_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace mnema
