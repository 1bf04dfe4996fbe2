// connectors/http/sse.hpp
//
// Server-sent events: writing frames and reading a stream of them back
// (https://html.spec.whatwg.org/#server-sent-events). Pure: bytes in, bytes out.
//
// Note for /v1/chat/completions: never send `id:` there. openai-python keeps the last id, and a later comment line then
// looks to it like an event with empty data, which it fails to parse.
//
// Threads: plain values, confined to their owner.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace mnema {

struct SseEvent {
  std::string event;  // "" = "message"
  std::string data;
  std::string id;
  bool operator==(const SseEvent&) const = default;
};

/// The frame of `event`, blank line included. Line ends in `data` become several data lines.
[[nodiscard]] std::string sse_frame(const SseEvent& event);
/// "data: <data>\n\n". Precondition: `data` has no line end (a serialised JSON value has none).
[[nodiscard]] std::string sse_data(std::string_view data);
/// ": <text>\n\n": keeps the connection alive, ignored by readers.
[[nodiscard]] std::string sse_comment(std::string_view text);

/// Reads a stream in pieces of any size. LF, CR and CRLF end lines; a byte order mark is skipped; comments are dropped.
class SseParser {
 public:
  explicit SseParser(std::size_t event_bytes_max) : event_bytes_max_(event_bytes_max) {}

  /// Takes `bytes` and appends complete events to `events`. An event without its closing blank line is not complete.
  /// Errors: `kResourceExhausted` when one event grows past the limit; the parser is then of no more use.
  [[nodiscard]] Status feed(std::string_view bytes, std::vector<SseEvent>& events);

  [[nodiscard]] const std::string& last_event_id() const { return last_event_id_; }
  /// The server's wish for the reconnection delay, if it sent one.
  [[nodiscard]] std::optional<int> retry_ms() const { return retry_ms_; }

 private:
  void take_line(std::vector<SseEvent>& events);

  std::size_t event_bytes_max_;
  std::string line_;
  SseEvent event_;
  bool has_data_ = false;
  bool after_carriage_return_ = false;
  bool at_start_ = true;
  std::string last_event_id_;
  std::optional<int> retry_ms_;
};

}  // namespace mnema
