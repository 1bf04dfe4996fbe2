// runtime/events/event_digest.hpp
//
// What is kept of an event after it is done, so that a repeat is recognised: 64 bits of SHA-256 over its identity, so
// that nobody can choose an id that another source's event would be taken for (among a million remembered events chance
// does it once in 10^13), and 64 bits over its content, so that a repeat with another body is told from a true one.
//
// Threads: pure functions. Costs a pass over the payload: large ones not on the loop.
#pragma once

#include <cstdint>

#include "runtime/events/event.hpp"

namespace mnema {

struct EventDigest {
  std::int64_t identity = 0;  // of (tenant, source, id)
  std::int64_t content = 0;   // of type, subject, content type and payload; never 0, which stands for "not known"
};

[[nodiscard]] EventDigest digest_of(const Event& event);

}  // namespace mnema
