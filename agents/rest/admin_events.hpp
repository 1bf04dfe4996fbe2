// agents/rest/admin_events.hpp
//
// The routes of administration for events and where they come from:
//
//   GET  /admin/v1/events?after=&limit=   role "read": what has happened to events behind `after` ("" = from now on):
//        {"object": "list", "data": [...], "last", "has_gap"}; ask again with after=last (event_feed.hpp)
//   POST /admin/v1/events   role "operate": one event, as a source would bring it:
//        {"type", "data" | "data_base64", "agent", "key", "id", "source", "subject", "content_type", "expirytime",
//         "deadline_ms", "priority", "tenant"}, all but `type` optional; 202 {"sequence", "duplicate", "settled"}
//   GET  /admin/v1/sources                role "read"
//   POST /admin/v1/sources/{name}/replay  role "operate": Source::replay
//        {"from": RFC 3339} or {"partition", "offset"}; "partition", "topic" and "dry_run" optional with both;
//        200 {"source", "dry_run", "data": [{"place", "from", "events", "note"}], "note"}
//   GET  /admin/v1/connectors             role "read"
//
// A key sees, and sends, events of its own tenant only; sources of no certain tenant are seen by all. Connectors and
// replays belong to no tenant: they are for keys of tenant "*", and for everybody where there are no keys.
//
// Threads:   as admin_route.hpp.
// Ownership: borrows its parts, which outlive the routes it was mounted in and the requests that run.
#pragma once

#include <boost/json/object.hpp>
#include <memory>

#include "agents/connectors.hpp"
#include "agents/rest/identity.hpp"
#include "connectors/connector_registry.hpp"
#include "connectors/http/routes.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"
#include "runtime/events/event_feed.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

/// What the route of a replay answers of it.
[[nodiscard]] boost::json::object replay_json(const ReplayReport& report);

class AdminEvents {
 public:
  struct Parts {
    Accept accept;
    EventFeed& feed;
    ConnectorRegistry& registry;
    const Connectors& connectors;
    Executor& executor;
    const Clock& clock;
    Random& random;  // from any thread
    const Limits& limits;
    ApiKeys keys;  // none: everybody may do everything
  };
  explicit AdminEvents(Parts parts);

  /// Adds the routes above, which go on working without this object.
  void mount(HttpRoutes& routes) const;

 private:
  const std::shared_ptr<const Parts> parts_;
};

}  // namespace mnema
