// tests/connectors/broker_fixture.hpp
//
// What all tests with a real broker have: a data folder of their own, what the program has logged, a process
// (broker_process.hpp) that is killed and started again, and patience. Said on failure: the log.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "runtime/base/log.hpp"

namespace mnema::testing {

/// `Process` has a `source`.
template <class Process>
class BrokerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    LogOptions log;
    log.capture = [this](std::string_view line) {
      const std::scoped_lock lock(log_mutex_);
      log_ += line;
    };
    ASSERT_TRUE(configure_log(log).ok());
    folder_ = ::testing::TempDir() + "mnema-broker-data-" + std::to_string(::getpid());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override {
    process.reset();
    static_cast<void>(configure_log({}));
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
    if (HasFailure()) std::fprintf(stderr, "%s\n", log_.c_str());
  }

  /// The next process stands on what this one has on disk.
  void kill() { process.reset(); }

  static void wait_until(const std::string& what, const std::function<bool()>& is_so, int seconds = 30) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (!is_so()) {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << what;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  void wait_for_accepted(long long count) {
    wait_until(std::to_string(count) + " events are accepted",
               [&] { return process->source->counts().accepted >= count; });
    EXPECT_EQ(process->source->counts().accepted, count);
  }
  void wait_for_problem(const std::string& part) {
    wait_until("it says " + part, [&] {
      const std::optional<std::string> problem = process->source->problem();
      return problem && problem->find(part) != std::string::npos;
    });
  }
  [[nodiscard]] std::string log() {
    const std::scoped_lock lock(log_mutex_);
    return log_;
  }

  std::string folder_;
  std::unique_ptr<Process> process;

 private:
  std::mutex log_mutex_;  // guards log_
  std::string log_;
};

}  // namespace mnema::testing
