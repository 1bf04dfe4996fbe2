// agents/rest/admin_erasures.hpp
//
// The routes of administration for erasing what is remembered, everywhere it is kept (memory/erase/eraser.hpp):
//
//   POST /admin/v1/memory/erasures              role "operate"
//        {"tenant", "agent", "user", "session"}: what has all the names that are given; or {"entry": 17}; or
//        {"whole_tenant": true}, because a body without names shall not erase everything. With "dry_run": true it only
//        answers {"dry_run": true, "counts"}. Else 202 and the receipt as it is now: what was asked for is on disk.
//   GET  /admin/v1/memory/erasures?tenant=&limit=     role "read": the newest first
//   GET  /admin/v1/memory/erasures/{id}               role "read": {"id", "target", "requested", "finished", "at",
//        "counts", "pending"}; `pending` says what an unfinished one waits for, and is empty while it goes on
//   POST /admin/v1/memory/episodes/{id}/erase         role "operate": that entry, and 200 when it is done
//
// A key erases, and sees, what is its own tenant's; one of tenant "*" names the tenant, else it is "local".
//
// Threads:   as admin_route.hpp.
// Ownership: borrows its parts, which outlive the routes it was mounted in and the requests that run.
#pragma once

#include "agents/rest/admin_memory.hpp"

namespace mnema {

/// Adds the routes above to `routes`, which keep `parts`.
void mount_admin_erasures(HttpRoutes& routes, const std::shared_ptr<const AdminMemory::Parts>& parts);

}  // namespace mnema
