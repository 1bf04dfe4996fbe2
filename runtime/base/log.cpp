#include "runtime/base/log.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <memory>
#include <mutex>
#include <utility>

// spdlog writes the lines; what a line looks like is decided here, the same for a terminal, a file and a test.

namespace mnema {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

/// spdlog formats the time; the message is a whole line's rest already.
constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v";
constexpr const char* kJsonPattern = "{\"time\":\"%Y-%m-%dT%H:%M:%S.%e%z\",\"level\":\"%l\",%v}";

/// Hands each finished line to a function.
class CaptureSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit CaptureSink(std::function<void(std::string_view)> capture) : capture_(std::move(capture)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    std::string_view text(line.data(), line.size());
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    capture_(text);
  }
  void flush_() override {}

 private:
  std::function<void(std::string_view)> capture_;
};

struct Sink {
  std::shared_ptr<spdlog::logger> logger;
  LogFormat format = LogFormat::kText;
};

/// Follows the public level, so that a disabled line costs one load.
std::atomic<int> enabled_from{static_cast<int>(LogLevel::kInfo)};
std::mutex sink_mutex;

Sink make_sink(spdlog::sink_ptr to, const LogOptions& options) {
  auto logger = std::make_shared<spdlog::logger>("mnema", std::move(to));
  logger->set_level(level_of(options.level));
  logger->set_pattern(options.format == LogFormat::kJson ? kJsonPattern : kTextPattern);
  logger->flush_on(spdlog::level::info);
  return {std::move(logger), options.format};
}

std::shared_ptr<const Sink>& current_sink() {
  static std::shared_ptr<const Sink> sink =
      std::make_shared<const Sink>(make_sink(std::make_shared<spdlog::sinks::stderr_color_sink_mt>(), LogOptions{}));
  return sink;
}

std::shared_ptr<const Sink> sink_now() {
  const std::lock_guard lock(sink_mutex);
  return current_sink();
}

boost::json::value json_of(const LogField::Value& value) {
  return std::visit(
      [](const auto& plain) -> boost::json::value {
        if constexpr (std::is_same_v<std::decay_t<decltype(plain)>, std::string_view>) {
          return boost::json::string(plain);
        } else {
          return plain;
        }
      },
      value);
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\x7f') return true;
  }
  return false;
}

/// A field's value for people: bare when it is one word, else as a JSON string, so that a line stays one line.
std::string text_of(const LogField::Value& value) {
  const auto* text = std::get_if<std::string_view>(&value);
  if (text != nullptr && !needs_quotes(*text)) return std::string(*text);
  return boost::json::serialize(json_of(value));
}

std::string text_line(std::string_view component, std::string_view message, LogFields fields) {
  std::string line(component);
  line += ": ";
  for (const char c : message) line += c == '\n' || c == '\r' ? ' ' : c;
  for (const LogField& field : fields) {
    line += ' ';
    line += field.name();
    line += '=';
    line += text_of(field.value());
  }
  return line;
}

/// The members of an object, without its braces.
std::string json_line(std::string_view component, std::string_view message, LogFields fields) {
  boost::json::object object;
  object["component"] = boost::json::string(component);
  object["message"] = boost::json::string(message);
  for (const LogField& field : fields) object[field.name()] = json_of(field.value());
  const std::string text = boost::json::serialize(object);
  return text.substr(1, text.size() - 2);
}

}  // namespace

Status configure_log(LogOptions options) {
  spdlog::sink_ptr to;
  try {
    if (options.capture) {
      to = std::make_shared<CaptureSink>(options.capture);
    } else if (!options.file.empty()) {
      to = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
    } else {
      to = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    }
  } catch (const spdlog::spdlog_ex& error) {
    return fail(ErrorCode::kStorage, "cannot open the log file '" + options.file + "': " + error.what(),
                "check log.file in the configuration and the folder's permissions");
  }
  auto sink = std::make_shared<const Sink>(make_sink(std::move(to), options));
  const std::lock_guard lock(sink_mutex);
  current_sink() = std::move(sink);
  enabled_from.store(static_cast<int>(options.level), std::memory_order_relaxed);
  return {};
}

Result<LogLevel> parse_log_level(std::string_view text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "warning") return LogLevel::kWarning;
  if (text == "error") return LogLevel::kError;
  if (text == "off") return LogLevel::kOff;
  return fail(ErrorCode::kInvalidArgument, "unknown log level '" + std::string(text) + "'",
              "debug, info, warning, error or off");
}

void flush_log() { sink_now()->logger->flush(); }

bool log_enabled(LogLevel level) {
  return level != LogLevel::kOff && static_cast<int>(level) >= enabled_from.load(std::memory_order_relaxed);
}

void write_log(LogLevel level, std::string_view component, std::string_view message, LogFields fields) {
  if (!log_enabled(level)) return;
  const std::shared_ptr<const Sink> sink = sink_now();
  const std::string line =
      sink->format == LogFormat::kJson ? json_line(component, message, fields) : text_line(component, message, fields);
  sink->logger->log(level_of(level), "{}", line);
}

}  // namespace mnema
