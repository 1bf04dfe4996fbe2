#include "agents/rest/admin_events.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "agents/rest/admin_query.hpp"
#include "agents/rest/admin_route.hpp"
#include "agents/rest/dead_letter_json.hpp"
#include "agents/rest/json_fields.hpp"
#include "connectors/base64.hpp"
#include "connectors/http/error_body.hpp"
#include "runtime/base/log.hpp"
#include "runtime/events/event_deadline.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

constexpr int kPageEntries = 100;

using Parts = AdminEvents::Parts;

/// A number of the query, or `standard`. Errors: `kInvalidArgument`.
Result<std::int64_t> number_of(const AdminCall& call, std::string_view name, std::int64_t standard, std::int64_t max) {
  const std::string text = call.http.query_parameter(name).value_or("");
  if (text.empty()) return standard;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= 0 && number <= max) return number;
  return fail(ErrorCode::kInvalidArgument,
              "'" + std::string(name) + "' must be a number between 0 and " + std::to_string(max));
}

void tail_route(const Parts& parts, const AdminCall& call) {
  const Result<std::int64_t> after = number_of(call, "after", -1, std::numeric_limits<std::int64_t>::max());
  if (!after.ok()) return call.refuse(after.error(), "after");
  const int rows_max = parts.limits.admin_page_rows_max;
  const Result<std::int64_t> limit = number_of(call, "limit", std::min(kPageEntries, rows_max), rows_max);
  if (!limit.ok()) return call.refuse(limit.error(), "limit");
  const EventFeed::Page page = parts.feed.read(*after, static_cast<std::size_t>(*limit), call.tenant());
  json::array data;
  for (const EventFeed::Entry& entry : page.entries) {
    data.push_back(json::object{{"at", utc_text(entry.at)},
                                {"what", entry.what},
                                {"sequence", entry.sequence},
                                {"tenant", entry.tenant},
                                {"agent", entry.agent},
                                {"key", entry.key},
                                {"type", entry.type},
                                {"source", entry.source},
                                {"id", entry.id}});
  }
  call.exchange->respond(json_response(
      200,
      json::object{{"object", "list"}, {"data", std::move(data)}, {"last", page.last}, {"has_gap", page.has_gap}}));
}

/// Refuses what it does not know: an event under a misspelt name would be another one.
Parsed<Event> parse_event(const Parts& parts, const AdminCall& call) {
  Parsed<json::object> body = parse_body(call.http.body, parts.limits);
  if (const auto* error = std::get_if<RequestError>(&body)) return *error;
  const json::object& object = std::get<json::object>(body);
  if (std::optional<RequestError> unknown =
          unknown_member(object, {"type", "data", "data_base64", "agent", "key", "id", "source", "subject",
                                  "content_type", "expirytime", "deadline_ms", "priority", "tenant"})) {
    return *unknown;
  }
  std::optional<RequestError> error;
  JsonFields fields(object, "", error);
  Event event;
  event.type = fields.text("type").value_or("");
  if (event.type.empty()) fields.refuse("type", "is missing");
  event.id = fields.text("id").value_or("");
  if (event.id.empty()) event.id = "drawn-" + parts.random.uuid();
  event.source = fields.text("source").value_or("admin");
  event.subject = fields.text("subject").value_or("");
  event.agent = fields.text("agent").value_or("");
  event.key = fields.text("key").value_or("");
  event.content_type = fields.text("content_type").value_or(event.content_type);
  event.time = parts.clock.now();
  event.trust = Trust::kExternal;
  if (const json::value* data = fields.find("data")) {
    event.data = data->is_string() && event.content_type.find("json") == std::string::npos
                     ? std::string(data->get_string())
                     : json::serialize(*data);
  }
  if (const std::optional<std::string> encoded = fields.text("data_base64")) {
    const std::optional<std::string> bytes = base64_decode(*encoded);
    if (!bytes || object.contains("data")) fields.refuse("data_base64", "is not padded base64, or 'data' is given too");
    event.data = bytes.value_or("");
  }
  if (const std::optional<std::string> expiry = fields.text("expirytime")) event.attributes["expirytime"] = *expiry;
  if (const auto ms = fields.integer("deadline_ms", 1, std::numeric_limits<int>::max())) {
    event.deadline = event.time + std::chrono::milliseconds(*ms);
  }
  if (const std::optional<std::string> priority = fields.text("priority")) {
    const std::optional<EventPriority> known = priority_of(*priority);
    if (!known) fields.refuse("priority", "must be interactive, event or background");
    event.priority = known.value_or(event.priority);
  }
  const std::string own = call.tenant();
  event.tenant = fields.text("tenant").value_or(own.empty() ? "local" : own);
  if (!own.empty() && event.tenant != own) {
    fields.refuse("tenant", "is not the key's own", "leave it out", ErrorCode::kPermissionDenied);
  }
  if (error) return *error;
  return event;
}

void publish_route(const Parts& parts, const AdminCall& call) {
  Parsed<Event> parsed = parse_event(parts, call);
  if (const auto* error = std::get_if<RequestError>(&parsed)) return call.exchange->respond(refusal_of(*error));
  Event& event = std::get<Event>(parsed);
  const std::string id = event.id;
  parts.accept(std::move(event), [call, id](const Result<Accepted>& accepted) {
    if (!accepted.ok()) return call.refuse(accepted.error());
    if (accepted->differs) {
      return call.refuse(fail(ErrorCode::kAlreadyExists,
                              "the event '" + id + "' was taken before, with another content", "give it its own id"));
    }
    log_info("admin", "an event is published",
             {{"id", id}, {"sequence", accepted->sequence}, {"key", call.identity.key_name}});
    call.exchange->respond(json_response(202, json::object{{"id", id},
                                                           {"sequence", accepted->sequence},
                                                           {"duplicate", accepted->duplicate},
                                                           {"settled", accepted->settled}}));
  });
}

void sources_route(const Parts& parts, const AdminCall& call) {
  const std::string own = call.tenant();
  json::array data;
  for (const ConnectorRegistry::SourceStatus& source : parts.registry.source_statuses()) {
    if (!own.empty() && source.tenant && *source.tenant != own) continue;
    data.push_back(json::object{{"name", source.name},
                                {"kind", source.kind},
                                {"from", source.from},
                                {"tenant", source.tenant ? json::value(*source.tenant) : json::value(nullptr)},
                                {"state", source.state},
                                {"problem", source.problem}});
  }
  call.exchange->respond(json_response(200, json::object{{"object", "list"}, {"data", std::move(data)}}));
}

Status require_all_tenants(const AdminCall& call) {
  if (call.identity.all_tenants) return {};
  return fail(ErrorCode::kPermissionDenied, "this belongs to no tenant", "use a key of tenant \"*\"");
}

void replay_route(const Parts& parts, const AdminCall& call) {
  if (const Status may = require_all_tenants(call); !may.ok()) return call.refuse(may.error());
  Parsed<json::object> body = parse_body(call.http.body, parts.limits);
  if (const auto* error = std::get_if<RequestError>(&body)) return call.exchange->respond(refusal_of(*error));
  // A misspelt dry_run would replay for real.
  const auto unknown =
      unknown_member(std::get<json::object>(body), {"from", "topic", "dry_run", "offset", "partition"});
  if (unknown) return call.exchange->respond(refusal_of(*unknown));
  std::optional<RequestError> error;
  JsonFields fields(std::get<json::object>(body), "", error);
  ReplayRequest request;
  const std::string from = fields.text("from").value_or("");
  request.topic = fields.text("topic").value_or("");
  request.dry_run = fields.boolean("dry_run").value_or(false);
  constexpr std::int64_t kPartitionMax = std::numeric_limits<std::int32_t>::max();
  request.offset = fields.integer("offset", 0, std::numeric_limits<std::int64_t>::max());
  if (const auto partition = fields.integer("partition", 0, kPartitionMax)) {
    request.partition = static_cast<std::int32_t>(*partition);
  }
  if (error) return call.exchange->respond(refusal_of(*error));
  if (!from.empty() || !request.offset) {
    const Result<Time> time = parse_rfc3339(from);
    if (!time.ok()) return call.refuse(time.error(), "from");
    request.from = *time;
  }
  const auto name = call.http.parameters.find("name");
  const std::string source = name == call.http.parameters.end() ? "" : name->second;
  const bool is_dry = request.dry_run;
  if (!is_dry) {
    const std::string place = request.offset ? "offset " + std::to_string(*request.offset) : utc_text(*request.from);
    log_warning("admin", "a source is to be replayed",
                {{"source", source}, {"from", place}, {"key", call.identity.key_name}});
  }
  parts.registry.replay(source, request, [call, source, is_dry](const Result<ReplayReport>& report) {
    if (!report.ok()) return call.refuse(report.error());
    json::object answer = replay_json(*report);
    answer["source"] = source;
    answer["dry_run"] = is_dry;
    call.exchange->respond(json_response(200, answer));
  });
}

void connectors_route(const Parts& parts, const AdminCall& call) {
  if (const Status may = require_all_tenants(call); !may.ok()) return call.refuse(may.error());
  std::map<std::string, UpstreamCounts> upstreams;
  parts.connectors.each_upstream(
      [&upstreams](const std::string& name, const UpstreamCounts& counts) { upstreams[name] = counts; });
  std::map<std::string, ResponseWatch::Counts> watches;
  parts.connectors.each_watch(
      [&watches](const std::string& name, const ResponseWatch::Counts& counts) { watches[name] = counts; });
  json::array data;
  for (const auto& [name, kind] : parts.registry.sinks()) {
    json::object row{{"name", name}, {"kind", kind}};
    if (const auto upstream = upstreams.find(name); upstream != upstreams.end()) {
      const UpstreamCounts& counts = upstream->second;
      row["breaker"] = name_of(counts.breaker);
      row["calls"] = counts.calls_total;
      row["failures"] = counts.failures_total;
      row["retries"] = counts.retries_total;
      row["in_flight"] = counts.in_flight;
      row["waiting"] = counts.waiting;
    }
    if (const auto watch = watches.find(name); watch != watches.end()) {
      row["shapes"] = watch->second.shapes;
      row["drifted"] = watch->second.drifted;
      row["new_members"] = watch->second.new_members;
    }
    data.push_back(std::move(row));
  }
  call.exchange->respond(json_response(200, json::object{{"object", "list"}, {"data", std::move(data)}}));
}

}  // namespace

json::object replay_json(const ReplayReport& report) {
  json::array parts;
  for (const ReplayReport::Part& part : report.parts) {
    parts.push_back(
        json::object{{"place", part.place}, {"from", part.from}, {"events", part.events}, {"note", part.note}});
  }
  return {{"object", "list"}, {"data", std::move(parts)}, {"note", report.note}};
}

AdminEvents::AdminEvents(Parts parts) : parts_(std::make_shared<const Parts>(std::move(parts))) {}

void AdminEvents::mount(HttpRoutes& routes) const {
  const AdminRoutes<Parts> mounted(routes, parts_);
  mounted.add("GET", "/admin/v1/events", KeyRole::kRead, tail_route);
  mounted.add("GET", "/admin/v1/sources", KeyRole::kRead, sources_route);
  mounted.add("POST", "/admin/v1/sources/{name}/replay", KeyRole::kOperate, replay_route);
  mounted.add("GET", "/admin/v1/connectors", KeyRole::kRead, connectors_route);
  mounted.add("POST", "/admin/v1/events", KeyRole::kOperate, publish_route);
}

}  // namespace mnema
