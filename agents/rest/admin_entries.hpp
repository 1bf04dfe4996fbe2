// agents/rest/admin_entries.hpp
//
// The routes of administration for what is remembered, entry by entry, and for its upkeep:
//
//   POST /admin/v1/memory/search    role "read": {"text", "tenant", "agent", "user", "session", "limit", "explain"}:
//        what a question brings back, best first. Names that are left out are any: each scope of the tenant that has
//        the others is asked for, up to 64. With "explain" also what was left out, and each feature's share of a score
//   POST /admin/v1/memory/entries   role "operate": {"text", "tenant", "agent", "user", "session", "thread", "role"}:
//        remembers a text as an episode; 201 {"id"}
//   GET  /admin/v1/memory/verify?tenant=    role "read": MemoryStore::verify, tenant by tenant
//   POST /admin/v1/memory/rebuild?tenant=   role "operate": words and vector index are made again from the rows
//   POST /admin/v1/memory/import?tenant=&line=   role "operate": lines of an export, the first of which is number
//        `line` of its file: {"imported", "duplicates", "refused": [{"line", "why"}], "refused_more"}
//
// A key sees and changes what is its own tenant's; one of tenant "*" names the tenant, else it is "local".
//
// Threads:   as admin_route.hpp.
// Ownership: borrows its parts, which outlive the routes it was mounted in and the requests that run.
#pragma once

#include "agents/rest/admin_memory.hpp"

namespace mnema {

/// Adds the routes above to `routes`, which keep `parts`.
void mount_admin_entries(HttpRoutes& routes, const std::shared_ptr<const AdminMemory::Parts>& parts);

}  // namespace mnema
