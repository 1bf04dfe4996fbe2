#include "cli/dlq/admin_client.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "agents/rest/dead_letter_json.hpp"
#include "connectors/base64.hpp"
#include "runtime/base/json.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

json::object body_of(const Redrive& how) {
  json::object body;
  if (!how.from_step.empty()) body["from_step"] = how.from_step;
  if (!how.to.empty()) body["to"] = how.to;
  return body;
}

/// To the microsecond: a letter that died a moment ago died before now.
std::string exact_utc_text(Time time) {
  std::string text = utc_text(time);
  text.pop_back();
  return fmt::format("{}.{:06}Z", text, to_micros(time) % 1'000'000);
}

std::string query_of(const DeadLetterFilter& filter, const DeadLetterId& after, int count) {
  std::string query = "limit=" + std::to_string(count);
  const auto add = [&query](const char* name, const std::string& value) {
    if (!value.empty()) query += std::string("&") + name + "=" + percent_encoded(value);
  };
  if (filter.kind) add("kind", *filter.kind == DeadLetterId::Kind::kEvent ? "event" : "message");
  add("tenant", filter.tenant);
  add("agent", filter.agent);
  add("about", filter.about);
  add("reason", filter.reason);
  if (filter.died_from) add("died_from", exact_utc_text(*filter.died_from));
  if (filter.died_before) add("died_before", exact_utc_text(*filter.died_before));
  if (after.number > 0) add("after", after.text());
  return query;
}

}  // namespace

Result<std::unique_ptr<LetterChanges>> AdminClient::open(AdminFile server) {
  ASSIGN_OR_RETURN(std::unique_ptr<AdminConnection> connection, AdminConnection::open(std::move(server)));
  return std::unique_ptr<LetterChanges>(new AdminClient(std::move(connection)));
}

Status AdminClient::redrive(const DeadLetterId& id, const Redrive& how) {
  json::object body = body_of(how);
  if (how.data) body["data_base64"] = base64_encode(*how.data);
  const auto answer = connection_->call("POST", "/admin/v1/dead-letters/" + id.text() + "/redrive",
                                        json::serialize(body), "'" + id.text() + "'");
  return answer.ok() ? Status() : Status(answer.error());
}

Status AdminClient::drop(const DeadLetterId& id) {
  const auto answer =
      connection_->call("POST", "/admin/v1/dead-letters/" + id.text() + "/drop", "", "'" + id.text() + "'");
  return answer.ok() ? Status() : Status(answer.error());
}

Result<BulkChange> AdminClient::redrive_all(const DeadLetterFilter& filter, const DeadLetterId& after, int count,
                                            const Redrive& how) {
  return change_all("redrive", filter, after, count, json::serialize(body_of(how)));
}

Result<BulkChange> AdminClient::drop_all(const DeadLetterFilter& filter, const DeadLetterId& after, int count) {
  return change_all("drop", filter, after, count, "");
}

Result<BulkChange> AdminClient::change_all(const std::string& action, const DeadLetterFilter& filter,
                                           const DeadLetterId& after, int count, std::string body) {
  ASSIGN_OR_RETURN(const std::string text,
                   connection_->call("POST", "/admin/v1/dead-letters/" + action + "?" + query_of(filter, after, count),
                                     std::move(body), "letters"));
  const Result<json::value> parsed = parse_bounded_json(text, "the answer");
  const json::object* object = parsed.ok() ? parsed->if_object() : nullptr;
  const json::value* changed = object != nullptr ? object->if_contains("changed") : nullptr;
  const json::value* has_more = object != nullptr ? object->if_contains("has_more") : nullptr;
  if (changed == nullptr || !changed->is_array() || has_more == nullptr || !has_more->is_bool()) {
    return fail(ErrorCode::kInternal, "the server at " + connection_->address() + " answered something else");
  }
  BulkChange done;
  done.has_more = has_more->get_bool();
  for (const json::value& one : changed->get_array()) {
    if (!one.is_string()) continue;
    ASSIGN_OR_RETURN(done.changed.emplace_back(), DeadLetterId::parse(std::string_view(one.get_string())));
  }
  return done;
}

}  // namespace mnema
