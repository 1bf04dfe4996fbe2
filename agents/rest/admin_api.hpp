// agents/rest/admin_api.hpp
//
// The routes of administration: dead letters, for the person or program that decides about them.
//
//   GET  /admin/v1/dead-letters?FILTER&limit=&after=   role "read"
//   GET  /admin/v1/dead-letters/{id}                   role "read"
//   POST /admin/v1/dead-letters/{id}/redrive           role "operate"
//        {"data", "data_base64", "from_step", "to"}, all optional
//   POST /admin/v1/dead-letters/{id}/drop              role "operate"
//   POST /admin/v1/dead-letters/redrive?FILTER&limit=&after=   role "operate"
//        {"from_step", "to"}, both optional
//   POST /admin/v1/dead-letters/drop?FILTER&limit=&after=      role "operate"
//
// FILTER is any of kind=event|message, tenant, agent, about (event type or destination), reason (the name of an error
// code, or a part of the last error's message), died_from and died_before (RFC 3339). The last two routes change one
// page of what fits, whole or not at all, and answer {"changed": [ids], "has_more"}: ask again while there are more, as
// often a second as the receivers can bear. `to` names a connector that is sent the payload instead.
//
// Ids are "event:17" and "message:3". A list is {"object": "list", "data": [...], "has_more", "last_id"}: the next page
// is the one `after` its last_id. What it holds is what `mnema dlq list --json` prints (dead_letter_json.hpp). Of
// another tenant than the key's own there is nothing to see and nothing to change (identity.hpp). Every change is a
// line in the log that names the key.
//
// Threads:   requests arrive on the loop thread, where the key is checked; the rest runs on `executor`, one request
//            after the other, because it reads the database.
// Ownership: borrows its parts, which outlive the routes it was mounted in and the requests that run.
#pragma once

#include <memory>

#include "agents/rest/identity.hpp"
#include "connectors/http/routes.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/events/dead_letters.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

class AdminApi {
 public:
  struct Parts {
    DeadLetters& letters;
    Executor& executor;
    const Limits& limits;
    ApiKeys keys;  // none: everybody may do everything
  };
  explicit AdminApi(Parts parts);

  /// Adds the routes above, which go on working without this object.
  void mount(HttpRoutes& routes) const;

 private:
  const std::shared_ptr<const Parts> parts_;
};

}  // namespace mnema
