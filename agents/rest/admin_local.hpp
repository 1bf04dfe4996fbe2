// agents/rest/admin_local.hpp
//
// The way of the command line into a running server: the admin routes (admin_api.hpp) on a loopback port of their own,
// for whoever can read the data folder. A random token, drawn for this process, stands in a file there (admin_file.hpp)
// and opens them for all tenants. Because the port is its own, it does not matter where and how the API itself is
// served: TLS, other addresses and keys have no part in it, and the token is worth nothing over the network.
//
// Threads:   `start` and `stop` from any thread, one after the other.
// Ownership: borrows its parts; the loop and the executor have ended their work on `letters` before it goes.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agents/rest/admin_api.hpp"
#include "connectors/http/server.hpp"

namespace mnema {

class LocalAdmin {
 public:
  struct Parts {
    DeadLetters& letters;
    Executor& executor;
    Loop& loop;
    const Clock& clock;
    Random& random;  // of the token: must be the system's
    const Limits& limits;
    std::string folder;  // of the data
    std::function<void(HttpRoutes&, const ApiKeys&)> mount_events =
        {};  // the routes of admin_events.hpp, admin_memory.hpp
  };
  explicit LocalAdmin(Parts parts);
  ~LocalAdmin();
  LocalAdmin(const LocalAdmin&) = delete;
  LocalAdmin& operator=(const LocalAdmin&) = delete;

  /// Listens, then writes the file. Precondition: this process has the folder's lock. That it fails is a warning in the
  /// log: the server works without.
  void start();
  /// Takes the file away and accepts nothing more. Idempotent.
  void stop();

 private:
  [[nodiscard]] Status open();

  const Parts parts_;
  HttpRoutes routes_;
  std::unique_ptr<HttpServer> server_;
  bool has_file_ = false;
};

}  // namespace mnema
