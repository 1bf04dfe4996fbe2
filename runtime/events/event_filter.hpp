// runtime/events/event_filter.hpp
//
// Which events an agent wants, as a condition over what an event says:
//
//   type like "order.*" and (/amount >= 100 or {/customer/tier} = "gold") and not /test exists
//
//   place      a JSON pointer (RFC 6901) into the payload, or one of type, source, subject, user, id, key, tenant, or
//              the name of an attribute; in braces where it has blanks or signs in it
//   comparison = (or ==), !=, <, <=, >, >= with a JSON text, number, true, false or null; numbers are compared as
//              numbers, texts byte by byte; `in ["a", "b"]`; `like "text"`, where '*' stands for any text
//   exists     the place is there, whatever it holds
//
// `not` binds before `and`, `and` before `or`. A place that is missing, or holds something of another kind than it is
// compared with, fits no comparison, != included. Of a payload that is not JSON every pointer is missing.
//
// Threads: immutable; may be shared. `fits` parses the payload if the condition looks into it: large ones not on the
//          loop.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/events/event.hpp"

namespace mnema {

class EventFilter {
 public:
  /// Errors: `kInvalidArgument`, with the place in the text.
  [[nodiscard]] static Result<EventFilter> parse(std::string_view text);

  [[nodiscard]] bool fits(const Event& event) const;

 private:
  struct Node;
  class Parser;
  class Reading;
  explicit EventFilter(std::shared_ptr<const Node> root) : root_(std::move(root)) {}
  std::shared_ptr<const Node> root_;
};

}  // namespace mnema
