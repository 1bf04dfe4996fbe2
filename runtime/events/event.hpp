// runtime/events/event.hpp
//
// Something that happened and may wake an agent: CloudEvents fields plus what routing needs. Made by a source, stored
// by the mailbox, handed to a turn. Immutable once accepted.
//
// Threads: plain value.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "runtime/base/clock.hpp"
#include "runtime/base/scope.hpp"

namespace mnema {

/// Position of an event in the mailbox, counted from 1 over the whole file. Never reused.
using Sequence = std::int64_t;

/// Smaller is taken first. Persisted: never renumber.
enum class EventPriority : int { kInteractive = 0, kEvent = 1, kBackground = 2 };

struct Event {
  std::string id;       // unique within `source`; the pair is what duplicates are recognised by
  std::string source;   // "webhook:/hooks/github", "rest", "timer", "kafka:cluster/topic/3"
  std::string type;     // "github.issues.opened"
  std::string subject;  // optional
  Time time{};          // when it happened, by the source's word
  std::string content_type = "application/json";
  std::string data;  // the payload's bytes, as they came
  std::string tenant = "local";
  std::string user;   // identified user, if the source may assert one
  std::string agent;  // agent type that shall handle it; empty: the router's table decides
  std::string key;    // agent key; one turn at a time per (tenant, agent, key)
  EventPriority priority = EventPriority::kEvent;
  Trust trust = Trust::kExternal;
  std::optional<Time> deadline;
  std::string traceparent;                        // W3C trace context, may be empty
  std::map<std::string, std::string> attributes;  // CloudEvents extensions, chosen headers
};

}  // namespace mnema
