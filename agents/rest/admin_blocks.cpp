#include "agents/rest/admin_blocks.hpp"

#include <boost/json/array.hpp>

#include "agents/rest/admin_query.hpp"
#include "agents/rest/block_json.hpp"
#include "connectors/http/error_body.hpp"
#include "memory/blocks/block_store.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

using Parts = AdminMemory::Parts;

void answer_list(const Parts& parts, const AdminCall& call,
                 const std::function<Result<std::vector<Block>>(Transaction&)>& query) {
  std::vector<Block> found;
  const Status read = parts.memory.look([&](Transaction& transaction) -> Status {
    ASSIGN_OR_RETURN(found, query(transaction));
    return {};
  });
  if (!read.ok()) return call.refuse(read.error());
  json::array data;
  for (const Block& block : found) data.push_back(block_json(block));
  call.exchange->respond(json_response(200, json::object{{"object", "list"}, {"data", std::move(data)}}));
}

void list_route(const Parts& parts, const AdminCall& call) {
  const Result<std::string> tenant = tenant_of(call);
  if (!tenant.ok()) return call.refuse(tenant.error(), "tenant");
  const Result<int> limit = limit_of(call, parts.limits);
  if (!limit.ok()) return call.refuse(limit.error(), "limit");
  answer_list(parts, call, [&](Transaction& transaction) {
    return block_store::list(transaction, *tenant, call.http.query_parameter("agent"),
                             call.http.query_parameter("user"), *limit);
  });
}

void history_route(const Parts& parts, const AdminCall& call) {
  const auto given = [&](const char* name) { return call.http.query_parameter(name).value_or(""); };
  const Result<std::string> tenant = tenant_of(call);
  if (!tenant.ok()) return call.refuse(tenant.error(), "tenant");
  const Scope scope{*tenant, given("agent"), given("user"), given("key")};
  answer_list(parts, call,
              [&](Transaction& transaction) { return block_store::history(transaction, scope, given("name")); });
}

enum class Action { kEdit, kRestore, kRemove };

struct Change {
  BlockEdit edit;
  std::int64_t to = 0;  // of a restoring
};

/// What a body says, or why it is refused.
Parsed<Change> parse_change(const Parts& parts, const AdminCall& call, Action action) {
  Parsed<json::object> body =
      action == Action::kEdit
          ? known_body(call, parts.limits, {"tenant", "agent", "user", "key", "name", "version", "kind", "text", "old"})
      : action == Action::kRestore
          ? known_body(call, parts.limits, {"tenant", "agent", "user", "key", "name", "version", "to"})
          : known_body(call, parts.limits, {"tenant", "agent", "user", "key", "name", "version"});
  if (const auto* error = std::get_if<RequestError>(&body)) return *error;
  // A variable that was not set must not make a user's block everybody's.
  for (const char* name : {"tenant", "agent", "user", "key"}) {
    const json::value* value = std::get<json::object>(body).if_contains(name);
    if (value == nullptr || (value->is_string() && !value->get_string().empty())) continue;
    return RequestError{fail(ErrorCode::kInvalidArgument, "'" + std::string(name) + "' is given, and names nobody",
                             "give it a name, or leave it out"),
                        name, ""};
  }
  std::optional<RequestError> error;
  JsonFields fields(std::get<json::object>(body), "", error);
  Change change;
  BlockEdit& edit = change.edit;
  const Result<std::string> tenant = tenant_of(call, fields.text("tenant").value_or(""));
  if (!tenant.ok()) return RequestError{tenant.error(), "tenant", ""};
  edit.scope = {*tenant, fields.text("agent").value_or(""), fields.text("user").value_or(""),
                fields.text("key").value_or("")};
  if (edit.scope.agent.empty()) fields.refuse("agent", "is missing");
  edit.name = fields.text("name").value_or("");
  edit.version = fields.integer("version", 0, block_store::kVersionMax);
  edit.trust = Trust::kOperator;
  edit.by = "operator";
  if (action == Action::kEdit) {
    const std::string kind = fields.text("kind").value_or("set");
    if (kind == "append") {
      edit.kind = BlockEditKind::kAppend;
    } else if (kind == "replace") {
      edit.kind = BlockEditKind::kReplace;
      edit.replaced = fields.text("old").value_or("");
    } else if (kind != "set") {
      fields.refuse("kind", "is none of set, append, replace");
    }
    const std::optional<std::string> text = fields.text("text");
    if (!text) fields.refuse("text", "is missing");
    edit.text = text.value_or("");
  }
  if (action == Action::kRestore) {
    change.to = fields.integer("to", 1, block_store::kVersionMax).value_or(0);
    if (change.to == 0) fields.refuse("to", "is missing");
  }
  if (error) return *error;
  return change;
}

void change_route(const Parts& parts, const AdminCall& call, Action action) {
  Parsed<Change> parsed = parse_change(parts, call, action);
  if (const auto* error = std::get_if<RequestError>(&parsed)) return call.exchange->respond(refusal_of(*error));
  const auto made = std::make_shared<Block>();
  parts.memory.change(
      [change = std::get<Change>(parsed), made, action, &memory = parts.memory](Transaction& transaction,
                                                                                Time now) -> Status {
        if (action == Action::kRemove) {
          made->scope = change.edit.scope;
          made->name = change.edit.name;
          return block_store::remove(transaction, change.edit);
        }
        if (action == Action::kRestore) {
          ASSIGN_OR_RETURN(*made,
                           block_store::restore(transaction, change.edit, change.to, memory.block_limits(), now));
          return {};
        }
        ASSIGN_OR_RETURN(*made, memory.edit_block(transaction, change.edit));
        return {};
      },
      parts.executor,
      [call, made](const Status& done) {
        if (!done.ok()) return call.refuse(done.error());
        log_info("admin", "a block is changed",
                 {{"block", made->name}, {"version", made->version}, {"key", call.identity.key_name}});
        call.exchange->respond(json_response(200, block_json(*made)));
      });
}

void edit_route(const Parts& parts, const AdminCall& call) { change_route(parts, call, Action::kEdit); }
void restore_route(const Parts& parts, const AdminCall& call) { change_route(parts, call, Action::kRestore); }
void remove_route(const Parts& parts, const AdminCall& call) { change_route(parts, call, Action::kRemove); }

}  // namespace

void mount_admin_blocks(HttpRoutes& routes, const std::shared_ptr<const Parts>& parts) {
  const AdminRoutes<Parts> mounted(routes, parts);
  mounted.add("GET", "/admin/v1/memory/blocks", KeyRole::kRead, list_route);
  mounted.add("GET", "/admin/v1/memory/blocks/history", KeyRole::kRead, history_route);
  mounted.add("POST", "/admin/v1/memory/blocks/edit", KeyRole::kOperate, edit_route);
  mounted.add("POST", "/admin/v1/memory/blocks/restore", KeyRole::kOperate, restore_route);
  mounted.add("POST", "/admin/v1/memory/blocks/remove", KeyRole::kOperate, remove_route);
}

}  // namespace mnema
