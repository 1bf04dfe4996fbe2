// agents/rest/admin_api.hpp
//
// The routes of administration: dead letters, for the person or program that decides about them.
//
//   GET  /admin/v1/dead-letters?kind=event|message&tenant=&agent=&limit=&after=   role "read"
//   GET  /admin/v1/dead-letters/{id}                                              role "read"
//   POST /admin/v1/dead-letters/{id}/redrive   {"data", "data_base64", "from_step"}, all optional    role "operate"
//   POST /admin/v1/dead-letters/{id}/drop                                         role "operate"
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
