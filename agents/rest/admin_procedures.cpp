#include "agents/rest/admin_procedures.hpp"

#include <boost/json/array.hpp>

#include "agents/rest/admin_query.hpp"
#include "agents/rest/procedure_json.hpp"
#include "connectors/http/error_body.hpp"
#include "memory/procedural/procedure_store.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

using Parts = AdminMemory::Parts;
using Change = std::function<Status(Transaction&, ProcedureId, const std::string& tenant, Time now)>;

void list_route(const Parts& parts, const AdminCall& call) {
  const Result<std::string> tenant = tenant_of(call);
  if (!tenant.ok()) return call.refuse(tenant.error(), "tenant");
  const Result<int> limit = limit_of(call, parts.limits);
  if (!limit.ok()) return call.refuse(limit.error(), "limit");
  std::vector<Procedure> found;
  const Status read = parts.memory.look([&](Transaction& transaction) -> Status {
    ASSIGN_OR_RETURN(found, procedure_store::list(transaction, *tenant, call.http.query_parameter("agent"), *limit));
    return {};
  });
  if (!read.ok()) return call.refuse(read.error());
  json::array data;
  for (const Procedure& procedure : found) data.push_back(procedure_json(procedure));
  call.exchange->respond(json_response(200, json::object{{"object", "list"}, {"data", std::move(data)}}));
}

void show_route(const Parts& parts, const AdminCall& call) {
  const Result<std::int64_t> id = id_of(call, "a procedure");
  if (!id.ok()) return call.refuse(id.error(), "id");
  const Result<std::string> tenant = tenant_of(call);
  if (!tenant.ok()) return call.refuse(tenant.error(), "tenant");
  json::object shown;
  const Status read = parts.memory.look([&](Transaction& transaction) -> Status {
    ASSIGN_OR_RETURN(const Procedure procedure, procedure_store::show(transaction, *id, *tenant));
    ASSIGN_OR_RETURN(const auto changes, procedure_store::history(transaction, *id, *tenant));
    json::array history;
    for (const ProcedureChange& change : changes) history.push_back(procedure_change_json(change));
    shown = procedure_json(procedure);
    shown["history"] = std::move(history);
    return {};
  });
  if (!read.ok()) return call.refuse(read.error());
  call.exchange->respond(json_response(200, shown));
}

void change_route(const Parts& parts, const AdminCall& call, const char* what, const Change& change) {
  const Result<std::int64_t> id = id_of(call, "a procedure");
  if (!id.ok()) return call.refuse(id.error(), "id");
  const Result<std::string> tenant = tenant_of(call);
  if (!tenant.ok()) return call.refuse(tenant.error(), "tenant");
  parts.memory.change([change, id = *id, tenant = *tenant](Transaction& transaction,
                                                           Time now) { return change(transaction, id, tenant, now); },
                      parts.executor,
                      [call, id = *id, what](const Status& changed) {
                        if (!changed.ok()) return call.refuse(changed.error());
                        log_info("admin", what, {{"procedure", id}, {"key", call.identity.key_name}});
                        call.exchange->respond(json_response(200, json::object{{"id", id}, {"changed", true}}));
                      });
}

void restore_route(const Parts& parts, const AdminCall& call) {
  change_route(parts, call, "a procedure is restored", procedure_store::restore);
}

void demote_route(const Parts& parts, const AdminCall& call) {
  change_route(parts, call, "a procedure is demoted", procedure_store::demote);
}

void forget_route(const Parts& parts, const AdminCall& call) {
  change_route(parts, call, "a procedure is forgotten",
               [](Transaction& transaction, ProcedureId id, const std::string& tenant, Time) {
                 return procedure_store::forget(transaction, id, tenant);
               });
}

void edit_route(const Parts& parts, const AdminCall& call) {
  Parsed<json::object> body = known_body(call, parts.limits, {"words"});
  if (const auto* error = std::get_if<RequestError>(&body)) return call.exchange->respond(refusal_of(*error));
  std::optional<RequestError> error;
  JsonFields fields(std::get<json::object>(body), "", error);
  const std::optional<std::string> words = fields.text("words");
  if (!words) fields.refuse("words", "is missing", "\"\" shows its steps again");
  if (error) return call.exchange->respond(refusal_of(*error));
  change_route(parts, call, "a procedure is corrected",
               [words = *words, limits = parts.memory.procedure_limits()](Transaction& transaction, ProcedureId id,
                                                                          const std::string& tenant, Time now) {
                 return procedure_store::edit(transaction, id, tenant, words, limits, now);
               });
}

}  // namespace

void mount_admin_procedures(HttpRoutes& routes, const std::shared_ptr<const Parts>& parts) {
  const AdminRoutes<Parts> mounted(routes, parts);
  mounted.add("GET", "/admin/v1/memory/procedures", KeyRole::kRead, list_route);
  mounted.add("GET", "/admin/v1/memory/procedures/{id}", KeyRole::kRead, show_route);
  mounted.add("POST", "/admin/v1/memory/procedures/{id}/restore", KeyRole::kOperate, restore_route);
  mounted.add("POST", "/admin/v1/memory/procedures/{id}/demote", KeyRole::kOperate, demote_route);
  mounted.add("POST", "/admin/v1/memory/procedures/{id}/forget", KeyRole::kOperate, forget_route);
  mounted.add("POST", "/admin/v1/memory/procedures/{id}/edit", KeyRole::kOperate, edit_route);
}

}  // namespace mnema
