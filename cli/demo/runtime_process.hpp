// cli/demo/runtime_process.hpp
//
// The demo's runtime as a child process: started, listened to, killed without warning, started again on the same data.
//
// Threads:   confined to one thread; a reader thread collects what the child prints.
// Ownership: owns the child and kills it at the latest when it goes.
#pragma once

#include <sys/types.h>

#include <boost/json.hpp>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

class RuntimeProcess {
 public:
  explicit RuntimeProcess(std::string config_file) : config_file_(std::move(config_file)) {}
  ~RuntimeProcess();
  RuntimeProcess(const RuntimeProcess&) = delete;
  RuntimeProcess& operator=(const RuntimeProcess&) = delete;

  /// Starts it and waits until it serves. Errors: `kUnavailable` (it ended, or does not answer within a minute).
  [[nodiscard]] Status start();
  /// kill -9.
  void kill();
  /// SIGTERM, and waits. Its exit code.
  int stop();

  [[nodiscard]] int port() const { return port_; }
  /// Waits for the turn of the event `id` that ended since the last `start`; none within `patience`.
  [[nodiscard]] std::optional<boost::json::object> wait_for_turn(const std::string& id,
                                                                 Duration patience = std::chrono::seconds(120));

 private:
  void read_lines(int descriptor);
  [[nodiscard]] std::optional<boost::json::object> wait_for(
      const std::function<bool(const boost::json::object&)>& wanted, Duration patience);
  int reap();

  const std::string config_file_;
  pid_t process_ = -1;
  int port_ = 0;
  std::thread reader_;
  std::mutex mutex_;  // guards both below
  std::condition_variable changed_;
  std::vector<boost::json::object> lines_;
  bool ended_ = false;
};

}  // namespace mnema
