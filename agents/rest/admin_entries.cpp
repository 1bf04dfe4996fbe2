#include "agents/rest/admin_entries.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <charconv>
#include <set>

#include "agents/rest/admin_query.hpp"
#include "agents/rest/recall_hit_json.hpp"
#include "connectors/http/error_body.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

using Parts = AdminMemory::Parts;

constexpr int kScopesAskedMax = 64;

// ---- search ----

/// One question to several scopes, one after the other.
struct Search : std::enable_shared_from_this<Search> {
  Search(const Parts& of, AdminCall from) : parts(of), call(std::move(from)) {}

  void next() {
    if (scopes.empty()) return answer();
    query.scope = scopes.back();
    scopes.pop_back();
    parts.memory.recall(query, parts.executor, [self = shared_from_this()](Result<Recalled> recalled) {
      if (!recalled.ok()) return self->call.refuse(recalled.error());
      self->statistics = recalled->statistics;
      for (RecallHit& hit : recalled->hits) {
        if (self->seen.insert(hit.id).second) self->hits.push_back(std::move(hit));
      }
      for (RecallHit& hit : recalled->dropped) self->dropped.push_back(std::move(hit));
      self->next();
    });
  }
  void answer() {
    std::erase_if(dropped, [this](const RecallHit& hit) { return !seen.insert(hit.id).second; });
    const auto better = [](const RecallHit& a, const RecallHit& b) {
      return a.explanation.score > b.explanation.score;
    };
    std::stable_sort(hits.begin(), hits.end(), better);
    std::stable_sort(dropped.begin(), dropped.end(), better);
    const auto limit = static_cast<std::size_t>(query.hits_max);
    if (hits.size() > limit) hits.resize(limit);
    if (dropped.size() > limit) dropped.resize(limit);
    json::array data, left_out;
    for (const RecallHit& hit : hits) data.push_back(recall_hit_json(hit, query.explain));
    for (const RecallHit& hit : dropped) left_out.push_back(recall_hit_json(hit, true));
    json::object body{{"object", "list"}, {"data", std::move(data)}, {"relevance_cut", statistics.relevance_cut}};
    if (!statistics.without_vectors_because.empty()) {
      body["without_vectors_because"] = statistics.without_vectors_because;
    }
    if (query.explain) body["left_out"] = std::move(left_out);
    call.exchange->respond(json_response(200, body));
  }

  const Parts& parts;
  const AdminCall call;
  RecallQuery query;
  std::vector<Scope> scopes;
  std::set<EntryId> seen;
  std::vector<RecallHit> hits;
  std::vector<RecallHit> dropped;
  RecallStatistics statistics;
};

Scope named_scope(JsonFields& fields, const std::string& tenant) {
  return {tenant, fields.text("agent").value_or(""), fields.text("user").value_or(""),
          fields.text("session").value_or("")};
}

void search_route(const Parts& parts, const AdminCall& call) {
  Parsed<json::object> body =
      known_body(call, parts.limits, {"text", "tenant", "agent", "user", "session", "limit", "explain"});
  if (auto* error = std::get_if<RequestError>(&body)) return call.exchange->respond(refusal_of(*error));
  std::optional<RequestError> error;
  JsonFields fields(std::get<json::object>(body), "", error);
  const Result<std::string> tenant = tenant_of(call, fields.text("tenant").value_or(""));
  if (!tenant.ok()) return call.refuse(tenant.error(), "tenant");
  const auto search = std::make_shared<Search>(parts, call);
  const Scope wanted = named_scope(fields, *tenant);
  search->query.text = fields.text("text").value_or("");
  if (search->query.text.empty()) fields.refuse("text", "is the question, and is missing");
  search->query.hits_max = static_cast<int>(fields.integer("limit", 1, parts.limits.admin_page_rows_max).value_or(10));
  search->query.explain = fields.boolean("explain").value_or(false);
  search->query.explain_dropped = search->query.explain;
  if (error) return call.exchange->respond(refusal_of(*error));
  Result<std::vector<Scope>> scopes = parts.memory.scopes_of(wanted, kScopesAskedMax + 1);
  if (!scopes.ok()) return call.refuse(scopes.error());
  if (static_cast<int>(scopes->size()) > kScopesAskedMax) {
    return call.refuse(fail(ErrorCode::kInvalidArgument,
                            "more than " + std::to_string(kScopesAskedMax) + " scopes have these names",
                            "name a user, an agent or a session"));
  }
  // What is nobody's own is visible to each of them.
  if (scopes->empty()) scopes->push_back(wanted);
  search->scopes = std::move(*scopes);
  search->next();
}

// ---- entries ----

void add_route(const Parts& parts, const AdminCall& call) {
  Parsed<json::object> body =
      known_body(call, parts.limits, {"text", "tenant", "agent", "user", "session", "thread", "role"});
  if (auto* error = std::get_if<RequestError>(&body)) return call.exchange->respond(refusal_of(*error));
  std::optional<RequestError> error;
  JsonFields fields(std::get<json::object>(body), "", error);
  const Result<std::string> tenant = tenant_of(call, fields.text("tenant").value_or(""));
  if (!tenant.ok()) return call.refuse(tenant.error(), "tenant");
  Episode episode;
  episode.scope = named_scope(fields, *tenant);
  episode.text = fields.text("text").value_or("");
  if (episode.text.empty()) fields.refuse("text", "is what to remember, and is missing");
  episode.thread = fields.text("thread").value_or(episode.scope.session.empty() ? "notes" : episode.scope.session);
  episode.role = fields.text("role").value_or("user");
  episode.trust = Trust::kOperator;
  if (error) return call.exchange->respond(refusal_of(*error));
  parts.memory.remember(std::move(episode), parts.executor, [call](const Result<EpisodeId>& id) {
    if (!id.ok()) return call.refuse(id.error());
    log_info("admin", "an entry is remembered", {{"entry", *id}, {"key", call.identity.key_name}});
    call.exchange->respond(json_response(201, json::object{{"id", *id}}));
  });
}

// ---- upkeep ----

json::object verified_json(const VerifiedTenant& tenant) {
  json::array wrong(tenant.wrong.begin(), tenant.wrong.end());
  return {{"tenant", tenant.name},
          {"entries", tenant.entries},
          {"threads", tenant.threads},
          {"vectors", tenant.vectors},
          {"vectors_of_other_embedders", tenant.vectors_of_others},
          {"vectors_waiting", tenant.waiting},
          {"vectors_refused", tenant.refused},
          {"words_waiting", tenant.words_waiting},
          {"ok", tenant.wrong.empty()},
          {"wrong", std::move(wrong)}};
}

void verify_route(const Parts& parts, const AdminCall& call) {
  const std::string asked = call.http.query_parameter("tenant").value_or("");
  const std::string own = call.tenant();
  if (!own.empty() && !asked.empty() && asked != own) {
    return call.refuse(fail(ErrorCode::kPermissionDenied, "'tenant' is not the key's own", "leave it out"), "tenant");
  }
  const auto verified = parts.memory.verify(own.empty() ? asked : own);
  if (!verified.ok()) return call.refuse(verified.error());
  json::array tenants;
  bool ok = true;
  for (const VerifiedTenant& tenant : *verified) {
    ok = ok && tenant.wrong.empty();
    tenants.push_back(verified_json(tenant));
  }
  call.exchange->respond(json_response(200, json::object{{"ok", ok}, {"tenants", std::move(tenants)}}));
}

void rebuild_route(const Parts& parts, const AdminCall& call) {
  const Result<std::string> tenant = tenant_of(call);
  if (!tenant.ok()) return call.refuse(tenant.error(), "tenant");
  parts.memory.rebuild(*tenant, parts.executor, [call, name = *tenant](const Status& rebuilt) {
    if (!rebuilt.ok()) return call.refuse(rebuilt.error());
    log_info("admin", "indexes are made again", {{"tenant", name}, {"key", call.identity.key_name}});
    call.exchange->respond(json_response(200, json::object{{"tenant", name}, {"rebuilt", true}}));
  });
}

void import_route(const Parts& parts, const AdminCall& call) {
  const Result<std::string> tenant = tenant_of(call);
  if (!tenant.ok()) return call.refuse(tenant.error(), "tenant");
  std::int64_t number = 1;
  const std::string first = call.http.query_parameter("line").value_or("1");
  if (std::from_chars(first.data(), first.data() + first.size(), number).ec != std::errc()) {
    return call.refuse(fail(ErrorCode::kInvalidArgument, "'line' is no number"), "line");
  }
  std::vector<ImportLine> lines;
  std::string_view rest = call.http.body;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (end > 0) lines.push_back({number, std::string(rest.substr(0, end))});
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++number;
  }
  parts.memory.import_lines(*tenant, std::move(lines), parts.executor, [call](const Result<ImportReport>& done) {
    if (!done.ok()) return call.refuse(done.error());
    json::object imported;
    for (const auto& [type, count] : done->imported) imported[type] = count;
    json::array refused;
    for (const ImportReport::Refused& one : done->refused) {
      refused.push_back(json::object{{"line", one.line}, {"why", one.why}});
    }
    call.exchange->respond(json_response(200, json::object{{"imported", std::move(imported)},
                                                           {"duplicates", done->duplicates},
                                                           {"refused", std::move(refused)},
                                                           {"refused_more", done->refused_more}}));
  });
}

}  // namespace

void mount_admin_entries(HttpRoutes& routes, const std::shared_ptr<const Parts>& parts) {
  const AdminRoutes<Parts> mounted(routes, parts);
  mounted.add("POST", "/admin/v1/memory/search", KeyRole::kRead, search_route);
  mounted.add("POST", "/admin/v1/memory/entries", KeyRole::kOperate, add_route);
  mounted.add("GET", "/admin/v1/memory/verify", KeyRole::kRead, verify_route);
  mounted.add("POST", "/admin/v1/memory/rebuild", KeyRole::kOperate, rebuild_route);
  mounted.add("POST", "/admin/v1/memory/import", KeyRole::kOperate, import_route);
}

}  // namespace mnema
