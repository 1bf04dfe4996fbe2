#include "connectors/http/sse.hpp"

#include <charconv>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

/// Appends `field: line` for each line of `text`; any of LF, CR, CRLF ends a line.
void append_lines(std::string& out, std::string_view field, std::string_view text) {
  std::size_t start = 0;
  while (true) {
    std::size_t end = text.find_first_of("\r\n", start);
    out += field;
    out += ": ";
    out += text.substr(start, end == std::string_view::npos ? end : end - start);
    out += '\n';
    if (end == std::string_view::npos) return;
    start = end + 1;
    if (text[end] == '\r' && start < text.size() && text[start] == '\n') ++start;
  }
}

}  // namespace

std::string sse_frame(const SseEvent& event) {
  std::string out;
  if (!event.event.empty()) append_lines(out, "event", event.event);
  if (!event.id.empty()) append_lines(out, "id", event.id);
  append_lines(out, "data", event.data);
  out += '\n';
  return out;
}

std::string sse_data(std::string_view data) {
  DCHECK(data.find_first_of("\r\n") == std::string_view::npos, "one line of data has no line end");
  std::string out;
  out.reserve(data.size() + 8);
  out += "data: ";
  out += data;
  out += "\n\n";
  return out;
}

std::string sse_comment(std::string_view text) {
  std::string out;
  append_lines(out, "", text);
  out += '\n';
  return out;
}

Status SseParser::feed(std::string_view bytes, std::vector<SseEvent>& events) {
  for (char c : bytes) {
    bool line_feed_of_pair = after_carriage_return_ && c == '\n';
    after_carriage_return_ = c == '\r';
    if (line_feed_of_pair) continue;
    if (c == '\n' || c == '\r') {
      take_line(events);
      continue;
    }
    line_ += c;
    if (line_.size() + event_.data.size() > event_bytes_max_) {
      return fail(ErrorCode::kResourceExhausted,
                  "an event of the stream is larger than " + std::to_string(event_bytes_max_) + " bytes",
                  "raise the client's limit or ask the server for smaller events");
    }
  }
  return {};
}

void SseParser::take_line(std::vector<SseEvent>& events) {
  std::string line = std::move(line_);
  line_.clear();
  if (at_start_) {
    at_start_ = false;
    if (line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
  }
  if (line.empty()) {
    // A blank line closes the event; one without data is dropped, as the standard has it.
    if (has_data_) {
      event_.data.pop_back();  // the line end after its last line
      event_.id = last_event_id_;
      events.push_back(std::move(event_));
    }
    event_ = SseEvent{};
    has_data_ = false;
    return;
  }
  std::size_t colon = line.find(':');
  std::string_view field = std::string_view(line).substr(0, colon);
  std::string_view value;
  if (colon != std::string::npos) {
    value = std::string_view(line).substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
  }
  if (field == "data") {
    event_.data += value;
    event_.data += '\n';
    has_data_ = true;
  } else if (field == "event") {
    event_.event = value;
  } else if (field == "id") {
    if (value.find('\0') == std::string_view::npos) last_event_id_ = value;
  } else if (field == "retry") {
    int milliseconds = 0;
    auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), milliseconds);
    if (error == std::errc{} && end == value.data() + value.size() && milliseconds >= 0) retry_ms_ = milliseconds;
  }
}

}  // namespace mnema
