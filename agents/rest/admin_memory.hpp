// agents/rest/admin_memory.hpp
//
// The routes of administration for what memory knows:
//
//   GET  /admin/v1/memory/facts?tenant=&user=&as_of=&known=&limit=   role "read": facts valid at `as_of` (RFC 3339;
//        now) as they were believed at `known` (now)
//   GET  /admin/v1/memory/conflicts?tenant=&user=&limit=             role "read": what cannot be decided
//
// and those of admin_entries.hpp, admin_erasures.hpp, admin_procedures.hpp and admin_blocks.hpp. A key sees what is its
// own tenant's; one of tenant "*" names the tenant, else it is "local". `user`: only what belongs to that user. Lists
// are {"object": "list", "data": [...], "left_out"} (fact_json.hpp).
//
// Threads:   as admin_route.hpp.
// Ownership: borrows its parts, which outlive the routes it was mounted in and the requests that run.
#pragma once

#include <memory>

#include "agents/rest/identity.hpp"
#include "connectors/http/routes.hpp"
#include "memory/store.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

class AdminMemory {
 public:
  struct Parts {
    MemoryStore& memory;
    Executor& executor;
    const Limits& limits;
    ApiKeys keys;  // none: everybody may do everything
  };
  explicit AdminMemory(Parts parts);

  /// Adds the routes above, which go on working without this object.
  void mount(HttpRoutes& routes) const;

 private:
  const std::shared_ptr<const Parts> parts_;
};

}  // namespace mnema
