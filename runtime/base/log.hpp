// runtime/base/log.hpp
//
// Structured logging: a component, a sentence, and fields. As text for people or as one JSON object per line for
// machines. Secrets cannot be passed as a field (runtime/base/secret.hpp has no conversion to text); whoever logs
// payloads does so at `kDebug`, which is off by default.
//
//   log_warning("outbox", "delivery failed", {{"destination", row.message.destination}, {"attempt", row.attempt}});
//
// Threads:   any. Lines are written whole.
// Ownership: one sink per process; until `configure_log` it writes text of level kInfo and above to stderr.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "runtime/base/result.hpp"
#include "runtime/base/secret.hpp"

namespace mnema {

enum class LogLevel : int { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3, kOff = 4 };
enum class LogFormat { kText, kJson };

class LogField {
 public:
  using Value = std::variant<std::string_view, std::int64_t, double, bool>;
  LogField(std::string_view name, std::string_view value) : name_(name), value_(value) {}
  LogField(std::string_view name, const std::string& value) : name_(name), value_(std::string_view(value)) {}
  LogField(std::string_view name, const char* value) : name_(name), value_(std::string_view(value)) {}
  LogField(std::string_view name, bool value) : name_(name), value_(value) {}
  LogField(std::string_view name, std::integral auto value) : name_(name), value_(static_cast<std::int64_t>(value)) {}
  LogField(std::string_view name, std::floating_point auto value) : name_(name), value_(static_cast<double>(value)) {}
  LogField(std::string_view name, const Secret& value) = delete;

  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] const Value& value() const { return value_; }

 private:
  std::string_view name_;
  Value value_;  // borrows text for the time of the call
};
using LogFields = std::initializer_list<LogField>;

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  std::string file;  // "" = stderr; appended to
  /// Set by tests: receives each finished line instead of the file.
  std::function<void(std::string_view line)> capture;
};

/// Errors: `kStorage` (the file cannot be opened). May be called again.
[[nodiscard]] Status configure_log(LogOptions options);

/// "debug", "info", "warning", "error", "off". Errors: `kInvalidArgument`.
[[nodiscard]] Result<LogLevel> parse_log_level(std::string_view text);

/// Writes out what is buffered. Before a process ends without running its destructors.
void flush_log();

[[nodiscard]] bool log_enabled(LogLevel level);
void write_log(LogLevel level, std::string_view component, std::string_view message, LogFields fields = {});
inline void log_debug(std::string_view component, std::string_view message, LogFields fields = {}) {
  write_log(LogLevel::kDebug, component, message, fields);
}
inline void log_info(std::string_view component, std::string_view message, LogFields fields = {}) {
  write_log(LogLevel::kInfo, component, message, fields);
}
inline void log_warning(std::string_view component, std::string_view message, LogFields fields = {}) {
  write_log(LogLevel::kWarning, component, message, fields);
}
inline void log_error(std::string_view component, std::string_view message, LogFields fields = {}) {
  write_log(LogLevel::kError, component, message, fields);
}

}  // namespace mnema
