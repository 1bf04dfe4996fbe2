// agents/rest/admin_procedures.hpp
//
// The routes of administration for how tasks are done:
//
//   GET  /admin/v1/memory/procedures?tenant=&agent=&limit=    role "read"
//   GET  /admin/v1/memory/procedures/{id}?tenant=             role "read": with its history
//   POST /admin/v1/memory/procedures/{id}/restore?tenant=     role "operate"; so are "demote" and "forget"
//   POST /admin/v1/memory/procedures/{id}/edit?tenant=        role "operate": {"words": "..."}; "" = its steps again
//
// A key sees and changes what is its own tenant's; one of tenant "*" names the tenant, else it is "local": another
// tenant's procedure is not found. Lists are {"object": "list", "data": [...]} (procedure_json.hpp).
//
// Threads:   as admin_route.hpp.
// Ownership: borrows its parts, which outlive the routes it was mounted in and the requests that run.
#pragma once

#include "agents/rest/admin_memory.hpp"

namespace mnema {

/// Adds the routes above to `routes`, which keep `parts`.
void mount_admin_procedures(HttpRoutes& routes, const std::shared_ptr<const AdminMemory::Parts>& parts);

}  // namespace mnema
