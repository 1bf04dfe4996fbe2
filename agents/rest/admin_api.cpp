#include "agents/rest/admin_api.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "agents/rest/admin_route.hpp"
#include "agents/rest/dead_letter_json.hpp"
#include "agents/rest/json_fields.hpp"
#include "connectors/base64.hpp"
#include "connectors/http/error_body.hpp"
#include "runtime/base/log.hpp"
#include "runtime/events/event_deadline.hpp"
#include "runtime/exec/strand.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

constexpr int kPageRows = 100;  // where a request names no limit

struct AdminRequest : AdminCall {
  std::shared_ptr<const AdminApi::Parts> parts;
};

void note(const AdminRequest& request, const char* what, const DeadLetterId& id) {
  log_info("admin", what, {{"id", id.text()}, {"key", request.identity.key_name}, {"request_id", request.http.id}});
}

struct Listing {
  DeadLetterFilter filter;
  DeadLetterId after;
  int limit = kPageRows;
};

Parsed<Listing> parse_listing(const AdminRequest& request) {
  Listing listing;
  const auto given = [&](std::string_view name) { return request.http.query_parameter(name).value_or(""); };
  if (const std::string kind = given("kind"); kind == "event" || kind == "message") {
    listing.filter.kind = kind == "event" ? DeadLetterId::Kind::kEvent : DeadLetterId::Kind::kMessage;
  } else if (!kind.empty()) {
    return RequestError{fail(ErrorCode::kInvalidArgument, "there is no kind '" + kind + "'", "event or message"),
                        "kind", ""};
  }
  listing.filter.agent = given("agent");
  listing.filter.about = given("about");
  listing.filter.reason = given("reason");
  for (const auto& [name, time] :
       {std::pair("died_from", &listing.filter.died_from), std::pair("died_before", &listing.filter.died_before)}) {
    const std::string text = given(name);
    if (text.empty()) continue;
    const Result<Time> parsed = parse_rfc3339(text);
    if (!parsed.ok()) return RequestError{parsed.error(), name, ""};
    *time = *parsed;
  }
  listing.filter.tenant = given("tenant");
  if (const std::string own = request.tenant(); !own.empty()) {
    if (!listing.filter.tenant.empty() && listing.filter.tenant != own) {
      return RequestError{fail(ErrorCode::kPermissionDenied, "the key '" + request.identity.key_name +
                                                                 "' sees the letters of tenant '" + own + "' only"),
                          "tenant", ""};
    }
    listing.filter.tenant = own;
  }
  if (const std::string after = given("after"); !after.empty()) {
    Result<DeadLetterId> id = DeadLetterId::parse(after);
    if (!id.ok()) return RequestError{id.error(), "after", ""};
    listing.after = *id;
  }
  const int rows_max = request.parts->limits.admin_page_rows_max;
  listing.limit = std::min(kPageRows, rows_max);
  if (const std::string limit = given("limit"); !limit.empty()) {
    const auto [end, error] = std::from_chars(limit.data(), limit.data() + limit.size(), listing.limit);
    if (error != std::errc() || end != limit.data() + limit.size() || listing.limit < 1 || listing.limit > rows_max) {
      return RequestError{
          fail(ErrorCode::kInvalidArgument, "'limit' must be a number between 1 and " + std::to_string(rows_max)),
          "limit", ""};
    }
  }
  return listing;
}

void list_route(const AdminRequest& request) {
  Parsed<Listing> parsed = parse_listing(request);
  if (const auto* error = std::get_if<RequestError>(&parsed)) return request.exchange->respond(refusal_of(*error));
  const Listing& wanted = std::get<Listing>(parsed);
  Result<std::vector<DeadLetterSummary>> letters =
      request.parts->letters.list(wanted.limit + 1, wanted.filter, wanted.after);
  if (!letters.ok()) return request.refuse(letters.error());
  const bool has_more = letters->size() > static_cast<std::size_t>(wanted.limit);
  if (has_more) letters->pop_back();
  json::array data;
  for (const DeadLetterSummary& letter : *letters) data.push_back(dead_letter_json(letter));
  json::object page{{"object", "list"}, {"data", std::move(data)}, {"has_more", has_more}, {"last_id", nullptr}};
  if (!letters->empty()) page["last_id"] = letters->back().id.text();
  request.exchange->respond(json_response(200, page));
}

Result<DeadLetterId> id_of(const AdminRequest& request) {
  const auto found = request.http.parameters.find("id");
  return DeadLetterId::parse(found == request.http.parameters.end() ? "" : found->second);
}

void show_route(const AdminRequest& request) {
  const Result<DeadLetterId> id = id_of(request);
  if (!id.ok()) return request.refuse(id.error(), "id");
  const Result<DeadLetter> letter = request.parts->letters.show(*id, request.tenant());
  if (!letter.ok()) return request.refuse(letter.error());
  request.exchange->respond(json_response(200, dead_letter_json(*letter)));
}

/// Refuses what it does not know: a payload under a misspelt name would be a redrive of the old one.
Parsed<Redrive> parse_redrive(const AdminRequest& request) {
  Redrive how;
  if (request.http.body.empty()) return how;
  Parsed<json::object> body = parse_body(request.http.body, request.parts->limits);
  if (const auto* error = std::get_if<RequestError>(&body)) return *error;
  const json::object& object = std::get<json::object>(body);
  for (const auto& member : object) {
    const std::string_view key = member.key();
    if (key == "data" || key == "data_base64" || key == "from_step" || key == "to") continue;
    return RequestError{fail(ErrorCode::kInvalidArgument, "there is no field '" + std::string(key) + "' here",
                             "data, data_base64, from_step, to"),
                        std::string(key), ""};
  }
  std::optional<RequestError> error;
  JsonFields fields(object, "", error);
  how.from_step = fields.text("from_step").value_or("");
  how.to = fields.text("to").value_or("");
  if (const json::value* data = fields.find("data")) {
    how.data = data->is_string() ? std::string(data->get_string()) : json::serialize(*data);
  }
  if (const std::optional<std::string> encoded = fields.text("data_base64")) {
    if (how.data) fields.refuse("data_base64", "and 'data' are both given", "give one");
    how.data = base64_decode(*encoded);
    if (!how.data) fields.refuse("data_base64", "is not padded base64");
  }
  if (error) return *error;
  return how;
}

void redrive_route(const AdminRequest& request) {
  const Result<DeadLetterId> id = id_of(request);
  if (!id.ok()) return request.refuse(id.error(), "id");
  Parsed<Redrive> parsed = parse_redrive(request);
  if (const auto* error = std::get_if<RequestError>(&parsed)) return request.exchange->respond(refusal_of(*error));
  Redrive& how = std::get<Redrive>(parsed);
  const char* const what = how.data ? "a dead letter is redriven with other data" : "a dead letter is redriven";
  request.parts->letters.redrive(
      *id, std::move(how), request.parts->executor,
      [request, id = *id, what](const Status& status) {
        if (!status.ok()) return request.refuse(status.error());
        note(request, what, id);
        request.exchange->respond(json_response(200, json::object{{"id", id.text()}, {"redriven", true}}));
      },
      request.tenant());
}

void drop_route(const AdminRequest& request) {
  const Result<DeadLetterId> id = id_of(request);
  if (!id.ok()) return request.refuse(id.error(), "id");
  if (!request.http.body.empty() && request.http.body != "{}") {
    return request.refuse(fail(ErrorCode::kInvalidArgument, "dropping takes no body", "leave it out"));
  }
  request.parts->letters.drop(
      *id, request.parts->executor,
      [request, id = *id](const Status& status) {
        if (!status.ok()) return request.refuse(status.error());
        note(request, "a dead letter is dropped", id);
        request.exchange->respond(json_response(200, json::object{{"id", id.text()}, {"dropped", true}}));
      },
      request.tenant());
}

void answer_bulk(const AdminRequest& request, const char* what, const Result<BulkChange>& done) {
  if (!done.ok()) return request.refuse(done.error());
  json::array changed;
  for (const DeadLetterId& id : done->changed) changed.emplace_back(id.text());
  if (!changed.empty()) {
    log_info("admin", what,
             {{"letters", changed.size()},
              {"filter", request.http.query},
              {"key", request.identity.key_name},
              {"request_id", request.http.id}});
  }
  request.exchange->respond(
      json_response(200, json::object{{"changed", std::move(changed)}, {"has_more", done->has_more}}));
}

void redrive_all_route(const AdminRequest& request) {
  Parsed<Listing> listed = parse_listing(request);
  if (const auto* error = std::get_if<RequestError>(&listed)) return request.exchange->respond(refusal_of(*error));
  Parsed<Redrive> parsed = parse_redrive(request);
  if (const auto* error = std::get_if<RequestError>(&parsed)) return request.exchange->respond(refusal_of(*error));
  const Listing& which = std::get<Listing>(listed);
  request.parts->letters.redrive_all(
      which.filter, which.after, which.limit, std::move(std::get<Redrive>(parsed)), request.parts->executor,
      [request](const Result<BulkChange>& done) { answer_bulk(request, "dead letters are redriven", done); });
}

void drop_all_route(const AdminRequest& request) {
  Parsed<Listing> listed = parse_listing(request);
  if (const auto* error = std::get_if<RequestError>(&listed)) return request.exchange->respond(refusal_of(*error));
  const Listing& which = std::get<Listing>(listed);
  request.parts->letters.drop_all(
      which.filter, which.after, which.limit, request.parts->executor,
      [request](const Result<BulkChange>& done) { answer_bulk(request, "dead letters are dropped", done); });
}

using Route = void (*)(const AdminRequest& request);

}  // namespace

AdminApi::AdminApi(Parts parts) : parts_(std::make_shared<const Parts>(std::move(parts))) {}

void AdminApi::mount(HttpRoutes& routes) const {
  const auto strand = std::make_shared<Strand>(parts_->executor);
  const auto add = [&](const char* method, const char* path, KeyRole role, Route route) {
    add_admin_route(routes, parts_->keys, strand, method, path, role,
                    [parts = parts_, route](const AdminCall& call) { route(AdminRequest{call, parts}); });
  };
  add("GET", "/admin/v1/dead-letters", KeyRole::kRead, list_route);
  add("GET", "/admin/v1/dead-letters/{id}", KeyRole::kRead, show_route);
  add("POST", "/admin/v1/dead-letters/redrive", KeyRole::kOperate, redrive_all_route);
  add("POST", "/admin/v1/dead-letters/drop", KeyRole::kOperate, drop_all_route);
  add("POST", "/admin/v1/dead-letters/{id}/redrive", KeyRole::kOperate, redrive_route);
  add("POST", "/admin/v1/dead-letters/{id}/drop", KeyRole::kOperate, drop_route);
}

}  // namespace mnema
