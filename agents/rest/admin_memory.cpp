#include "agents/rest/admin_memory.hpp"

#include <boost/json/array.hpp>

#include "agents/rest/admin_blocks.hpp"
#include "agents/rest/admin_entries.hpp"
#include "agents/rest/admin_erasures.hpp"
#include "agents/rest/admin_procedures.hpp"
#include "agents/rest/admin_query.hpp"
#include "agents/rest/fact_json.hpp"
#include "connectors/http/error_body.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

using Parts = AdminMemory::Parts;

std::optional<std::string> user_of(const AdminCall& call) { return call.http.query_parameter("user"); }

void facts_route(const Parts& parts, const AdminCall& call) {
  const Result<std::string> tenant = tenant_of(call);
  if (!tenant.ok()) return call.refuse(tenant.error(), "tenant");
  const Result<int> limit = limit_of(call, parts.limits);
  if (!limit.ok()) return call.refuse(limit.error(), "limit");
  FactQuery query;
  query.facts_max = *limit;
  query.bytes_max = 0;
  query.confidence_min = 0;
  for (const auto& [name, target] : {std::pair{"as_of", &query.valid}, std::pair{"known", &query.known}}) {
    Result<std::optional<Time>> time = time_of(call, name);
    if (!time.ok()) return call.refuse(time.error(), name);
    *target = *time;
  }
  const Result<Facts> found = parts.memory.facts_of(*tenant, user_of(call), query);
  if (!found.ok()) return call.refuse(found.error());
  json::array data;
  for (const Fact& fact : found->facts) data.push_back(fact_json(fact));
  call.exchange->respond(
      json_response(200, json::object{{"object", "list"}, {"data", std::move(data)}, {"left_out", found->left_out}}));
}

void conflicts_route(const Parts& parts, const AdminCall& call) {
  const Result<std::string> tenant = tenant_of(call);
  if (!tenant.ok()) return call.refuse(tenant.error(), "tenant");
  const Result<int> limit = limit_of(call, parts.limits);
  if (!limit.ok()) return call.refuse(limit.error(), "limit");
  const auto found = parts.memory.fact_conflicts_of(*tenant, user_of(call), *limit);
  if (!found.ok()) return call.refuse(found.error());
  json::array data;
  for (const FactConflict& conflict : *found) data.push_back(fact_conflict_json(conflict));
  call.exchange->respond(json_response(200, json::object{{"object", "list"}, {"data", std::move(data)}}));
}

}  // namespace

AdminMemory::AdminMemory(Parts parts) : parts_(std::make_shared<const Parts>(std::move(parts))) {}

void AdminMemory::mount(HttpRoutes& routes) const {
  const AdminRoutes<Parts> mounted(routes, parts_);
  mounted.add("GET", "/admin/v1/memory/facts", KeyRole::kRead, facts_route);
  mounted.add("GET", "/admin/v1/memory/conflicts", KeyRole::kRead, conflicts_route);
  mount_admin_entries(routes, parts_);
  mount_admin_erasures(routes, parts_);
  mount_admin_procedures(routes, parts_);
  mount_admin_blocks(routes, parts_);
}

}  // namespace mnema
