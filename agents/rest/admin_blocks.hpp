// agents/rest/admin_blocks.hpp
//
// The routes of administration for working memory:
//
//   GET  /admin/v1/memory/blocks?tenant=&agent=&user=&limit=                role "read"
//   GET  /admin/v1/memory/blocks/history?tenant=&agent=&user=&key=&name=    role "read": newest first
//   POST /admin/v1/memory/blocks/edit       role "operate": {"tenant", "agent", "user", "key", "name", "version",
//        "kind": "set" | "append" | "replace", "text", "old": what is replaced}
//   POST /admin/v1/memory/blocks/restore    role "operate": {"tenant", "agent", "user", "key", "name", "version", "to":
//        the version whose text it gets}
//   POST /admin/v1/memory/blocks/remove     role "operate": {"tenant", "agent", "user", "key", "name", "version"}
//
// "version": of the block that the change was made from, 0 for none; where it has another one meanwhile, 409. A key
// sees and changes what is its own tenant's; one of tenant "*" names the tenant, else it is "local". Blocks are as in
// block_json.hpp.
//
// Threads:   as admin_route.hpp.
// Ownership: borrows its parts, which outlive the routes it was mounted in and the requests that run.
#pragma once

#include "agents/rest/admin_memory.hpp"

namespace mnema {

/// Adds the routes above to `routes`, which keep `parts`.
void mount_admin_blocks(HttpRoutes& routes, const std::shared_ptr<const AdminMemory::Parts>& parts);

}  // namespace mnema
