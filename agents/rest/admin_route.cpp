#include "agents/rest/admin_route.hpp"

#include "connectors/http/cors.hpp"
#include "connectors/http/error_body.hpp"
#include "runtime/base/log.hpp"

namespace mnema {

void AdminCall::refuse(const Error& error, std::string_view param) const {
  exchange->respond(error_response(error, param));
}

void add_admin_route(HttpRoutes& routes, const ApiKeys& keys, std::shared_ptr<Strand> strand, const char* method,
                     const char* path, KeyRole role, std::function<void(const AdminCall&)> run) {
  routes.add(method, path,
             [keys, strand = std::move(strand), role, run = std::move(run)](HttpRequest http,
                                                                            std::shared_ptr<HttpExchange> exchange) {
               Result<Identity> identity = keys.identify(http.headers);
               if (!identity.ok()) return exchange->respond(error_response(identity.error()));
               if (keys.empty() && !check_origin(http, "").ok()) {
                 // `cors_origin` lets pages chat; without keys every page of it could administer.
                 return exchange->respond(error_response(fail(ErrorCode::kPermissionDenied,
                                                              "pages of other origins may not administer without a key",
                                                              "configure [server.keys.NAME] with roles")));
               }
               if (const Status may = require_role(*identity, role); !may.ok()) {
                 return exchange->respond(error_response(may.error()));
               }
               strand->post([run, call = AdminCall{std::move(http), std::move(*identity), std::move(exchange)}] {
                 try {
                   run(call);
                 } catch (const std::exception& exception) {
                   log_error("admin", "a route threw",
                             {{"request", call.http.method + " " + call.http.path}, {"error", exception.what()}});
                   call.refuse(fail(ErrorCode::kInternal, "the request failed inside the server", "see its log"));
                 }
               });
             });
}

}  // namespace mnema
