#include "agents/rest/admin_erasures.hpp"

#include <boost/json/array.hpp>
#include <limits>

#include "agents/rest/admin_query.hpp"
#include "agents/rest/erasure_json.hpp"
#include "connectors/http/error_body.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

using Parts = AdminMemory::Parts;

struct Asked {
  EraseTarget target;
  bool dry_run = false;
};

Parsed<Asked> parse_asked(const Parts& parts, const AdminCall& call) {
  Parsed<json::object> body =
      known_body(call, parts.limits, {"tenant", "agent", "user", "session", "entry", "whole_tenant", "dry_run"});
  if (auto* error = std::get_if<RequestError>(&body)) return std::move(*error);
  std::optional<RequestError> error;
  JsonFields fields(std::get<json::object>(body), "", error);
  Asked asked;
  // A variable that was not set must not widen what is erased.
  for (const char* name : {"tenant", "agent", "user", "session"}) {
    const json::value* value = std::get<json::object>(body).if_contains(name);
    if (value == nullptr || (value->is_string() && !value->get_string().empty())) continue;
    return RequestError{fail(ErrorCode::kInvalidArgument, "'" + std::string(name) + "' is given, and names nobody",
                             "give it a name, or leave it out"),
                        name, ""};
  }
  const Result<std::string> tenant = tenant_of(call, fields.text("tenant").value_or(""));
  if (!tenant.ok()) return RequestError{tenant.error(), "tenant", ""};
  asked.target.scope = {*tenant, fields.text("agent").value_or(""), fields.text("user").value_or(""),
                        fields.text("session").value_or("")};
  asked.target.entry = fields.integer("entry", 1, std::numeric_limits<std::int64_t>::max()).value_or(0);
  const bool whole = fields.boolean("whole_tenant").value_or(false);
  asked.dry_run = fields.boolean("dry_run").value_or(false);
  if (error) return *error;
  const Scope& scope = asked.target.scope;
  const bool names_some =
      !scope.agent.empty() || !scope.user.empty() || !scope.session.empty() || asked.target.entry != 0;
  if (names_some != whole) return asked;
  return RequestError{
      fail(ErrorCode::kInvalidArgument,
           whole ? "'whole_tenant' and one of its agents, users, sessions or entries cannot both be meant"
                 : "nothing is named that is to be erased",
           whole ? "leave one of them out" : "name a user, agent, session or entry, or say whole_tenant"),
      "whole_tenant", ""};
}

void request_route(const Parts& parts, const AdminCall& call) {
  Parsed<Asked> parsed = parse_asked(parts, call);
  if (const auto* error = std::get_if<RequestError>(&parsed)) return call.exchange->respond(refusal_of(*error));
  const Asked& asked = std::get<Asked>(parsed);
  if (asked.dry_run) {
    const Result<EraseCounts> counts = parts.memory.eraser().preview(asked.target);
    if (!counts.ok()) return call.refuse(counts.error());
    return call.exchange->respond(
        json_response(200, json::object{{"dry_run", true}, {"counts", counts_json(*counts)}}));
  }
  parts.memory.eraser().request(asked.target, parts.executor, [call](const Result<Erasure>& erasure) {
    if (!erasure.ok()) return call.refuse(erasure.error());
    log_info("admin", "an erasure is requested",
             {{"erasure", erasure->id}, {"tenant", erasure->target.scope.tenant}, {"key", call.identity.key_name}});
    call.exchange->respond(json_response(202, erasure_json(*erasure)));
  });
}

void list_route(const Parts& parts, const AdminCall& call) {
  const Result<std::string> tenant = tenant_of(call);
  if (!tenant.ok()) return call.refuse(tenant.error(), "tenant");
  const Result<int> limit = limit_of(call, parts.limits);
  if (!limit.ok()) return call.refuse(limit.error(), "limit");
  const auto found = parts.memory.eraser().list(*tenant, *limit);
  if (!found.ok()) return call.refuse(found.error());
  json::array data;
  for (const Erasure& erasure : *found) data.push_back(erasure_json(erasure));
  call.exchange->respond(json_response(200, json::object{{"object", "list"}, {"data", std::move(data)}}));
}

void show_route(const Parts& parts, const AdminCall& call) {
  const Result<std::int64_t> id = id_of(call, "an erasure");
  if (!id.ok()) return call.refuse(id.error(), "id");
  const Result<Erasure> erasure = parts.memory.eraser().find(*id, call.tenant());
  if (!erasure.ok()) return call.refuse(erasure.error());
  call.exchange->respond(json_response(200, erasure_json(*erasure)));
}

void episode_route(const Parts& parts, const AdminCall& call) {
  const Result<std::int64_t> id = id_of(call, "an episode");
  if (!id.ok()) return call.refuse(id.error(), "id");
  const Result<std::string> tenant = tenant_of(call);
  if (!tenant.ok()) return call.refuse(tenant.error(), "tenant");
  Eraser& eraser = parts.memory.eraser();
  eraser.request({{*tenant, "", "", ""}, *id}, parts.executor,
                 [call, &eraser, &executor = parts.executor](const Result<Erasure>& requested) {
                   if (!requested.ok()) return call.refuse(requested.error());
                   log_info("admin", "an episode is erased",
                            {{"episode", requested->target.entry}, {"key", call.identity.key_name}});
                   eraser.when_finished(requested->id, executor, [call](const Result<Erasure>& erased) {
                     if (!erased.ok()) return call.refuse(erased.error());
                     call.exchange->respond(json_response(
                         200, json::object{{"erased", erased->target.entry}, {"receipt", erasure_json(*erased)}}));
                   });
                 });
}

}  // namespace

void mount_admin_erasures(HttpRoutes& routes, const std::shared_ptr<const Parts>& parts) {
  const AdminRoutes<Parts> mounted(routes, parts);
  mounted.add("POST", "/admin/v1/memory/erasures", KeyRole::kOperate, request_route);
  mounted.add("GET", "/admin/v1/memory/erasures", KeyRole::kRead, list_route);
  mounted.add("GET", "/admin/v1/memory/erasures/{id}", KeyRole::kRead, show_route);
  mounted.add("POST", "/admin/v1/memory/episodes/{id}/erase", KeyRole::kOperate, episode_route);
}

}  // namespace mnema
