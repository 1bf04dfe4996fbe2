#include "agents/host/stop_signals.hpp"

#include <pthread.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "runtime/base/log.hpp"

namespace mnema {

struct StopSignals::State {
  explicit State(std::function<void(int)> handler) : on_first(std::move(handler)) {}

  void wait() {
    signals.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      if (had_first) {
        log_warning("host", "a second signal: ending at once", {{"signal", signal}});
        end_process(128 + signal);
      }
      had_first = true;
      wait();
      on_first(signal);
    });
  }

  const std::function<void(int)> on_first;
  boost::asio::io_context context{1};
  boost::asio::signal_set signals{context, SIGINT, SIGTERM};
  bool had_first = false;  // of the thread
  std::thread thread;
};

StopSignals::StopSignals(std::function<void(int signal)> on_first)
    : state_(std::make_unique<State>(std::move(on_first))) {
  state_->wait();
  state_->thread = std::thread([state = state_.get()] { state->context.run(); });
  pthread_setname_np(state_->thread.native_handle(), "signals");
}

StopSignals::~StopSignals() {
  state_->context.stop();
  state_->thread.join();
}

void end_process(int exit_code) {
  flush_log();
  std::fflush(nullptr);
  std::_Exit(exit_code);
}

}  // namespace mnema
