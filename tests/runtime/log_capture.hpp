// tests/runtime/log_capture.hpp
//
// The lines of the log from here to the end of the scope, instead of stderr.
#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/base/log.hpp"

namespace mnema::testing {

class LogCapture {
 public:
  explicit LogCapture(LogLevel level = LogLevel::kInfo) {
    LogOptions options;
    options.level = level;
    options.capture = [this](std::string_view line) {
      const std::lock_guard guard(mutex_);
      lines_.emplace_back(line);
    };
    CHECK(configure_log(options).ok(), "a log that is captured opens no file");
  }
  ~LogCapture() { CHECK(configure_log({}).ok(), "stderr is there"); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  /// Lines that have all of `parts`.
  [[nodiscard]] std::vector<std::string> with(const std::vector<std::string>& parts) const {
    const std::lock_guard guard(mutex_);
    std::vector<std::string> found;
    std::copy_if(lines_.begin(), lines_.end(), std::back_inserter(found), [&](const std::string& line) {
      return std::all_of(parts.begin(), parts.end(),
                         [&](const std::string& part) { return line.find(part) != std::string::npos; });
    });
    return found;
  }

 private:
  mutable std::mutex mutex_;  // guards lines_
  std::vector<std::string> lines_;
};

}  // namespace mnema::testing
