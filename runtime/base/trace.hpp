// runtime/base/trace.hpp
//
// W3C trace context: which larger trace a piece of work belongs to. Carried in `traceparent` fields of events, outbox
// rows and HTTP calls. https://www.w3.org/TR/trace-context/
//
// Threads: plain values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/random.hpp"

namespace mnema {

struct TraceContext {
  std::string trace_id;  // 32 lower-case hex digits, not all zero
  std::string span_id;   // 16 lower-case hex digits, not all zero
  bool sampled = true;

  /// "00-<trace_id>-<span_id>-01"
  [[nodiscard]] std::string traceparent() const;
  /// The same trace, a new span.
  [[nodiscard]] TraceContext child(Random& random) const;
  bool operator==(const TraceContext&) const = default;
};

/// None if `text` is not a traceparent of version 00 (or a later one that begins like it).
[[nodiscard]] std::optional<TraceContext> parse_traceparent(std::string_view text);
[[nodiscard]] TraceContext new_trace(Random& random);
/// The child of `traceparent`, or a new trace if that is none.
[[nodiscard]] TraceContext continue_trace(std::string_view traceparent, Random& random);

}  // namespace mnema
