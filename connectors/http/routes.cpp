#include "connectors/http/routes.hpp"

#include <algorithm>
#include <exception>
#include <set>

#include "connectors/http/error_body.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> parts;
  path.remove_prefix(std::min<std::size_t>(1, path.size()));
  while (true) {
    std::size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

Result<std::vector<HttpRoutes::Part>> HttpRoutes::parse(const std::string& pattern) {
  if (!pattern.starts_with('/')) {
    return fail(ErrorCode::kInvalidArgument, "the path '" + pattern + "' does not begin with '/'");
  }
  std::vector<Part> parts;
  for (std::string_view text : split_path(pattern)) {
    if (!parts.empty() && parts.back().takes_rest) {
      return fail(ErrorCode::kInvalidArgument,
                  "in the path '" + pattern + "' something follows {" + parts.back().text + "...}",
                  "let the part that takes the rest be the last one");
    }
    Part part;
    part.is_name = text.starts_with('{') && text.ends_with('}');
    part.text = part.is_name ? text.substr(1, text.size() - 2) : text;
    if (part.is_name && part.text.ends_with("...")) {
      part.takes_rest = true;
      part.text.resize(part.text.size() - 3);
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

Status HttpRoutes::check(const std::string& method, const std::string& pattern) const {
  ASSIGN_OR_RETURN(const std::vector<Part> parts, parse(pattern));
  for (const Route& other : routes_) {
    const bool same =
        other.method == method && other.parts.size() == parts.size() &&
        std::equal(other.parts.begin(), other.parts.end(), parts.begin(), [](const Part& a, const Part& b) {
          return a.is_name == b.is_name && a.takes_rest == b.takes_rest && (a.is_name || a.text == b.text);
        });
    if (!same) continue;
    return fail(ErrorCode::kAlreadyExists, method + " " + pattern + " is served already", "choose another path");
  }
  return {};
}

HttpRoutes& HttpRoutes::add(std::string method, std::string pattern, HttpHandler handler) {
  const Status fits = check(method, pattern);
  CHECK(fits.ok(), "a route is a pattern, and no other route is equal to it");
  Route route;
  route.method = std::move(method);
  route.handler = std::move(handler);
  route.parts = parse(pattern).value();
  routes_.push_back(std::move(route));
  return *this;
}

const HttpRoutes::Route* HttpRoutes::find(const HttpRequest& request, std::string_view method,
                                          std::map<std::string, std::string, std::less<>>* parameters) const {
  std::vector<std::string_view> parts = split_path(request.path);
  const Route* best = nullptr;
  std::string best_rank;  // per part: 'a' literal, 'b' name, 'c' rest; the least wins
  for (const Route& route : routes_) {
    if (route.method != method) continue;
    bool takes_rest = !route.parts.empty() && route.parts.back().takes_rest;
    if (takes_rest ? parts.size() < route.parts.size() : parts.size() != route.parts.size()) continue;
    std::map<std::string, std::string, std::less<>> found;
    std::string rank;
    bool matches = true;
    for (std::size_t i = 0; matches && i < route.parts.size(); ++i) {
      const Part& part = route.parts[i];
      rank += !part.is_name ? 'a' : part.takes_rest ? 'c' : 'b';
      if (part.takes_rest) {
        auto offset = static_cast<std::size_t>(parts[i].data() - request.path.data());
        found[part.text] = request.path.substr(offset);
        matches = !found[part.text].empty();
      } else if (part.is_name) {
        found[part.text] = std::string(parts[i]);
        matches = !parts[i].empty();
      } else {
        matches = part.text == parts[i];
      }
    }
    if (!matches || (best != nullptr && rank >= best_rank)) continue;
    best = &route;
    best_rank = std::move(rank);
    if (parameters != nullptr) *parameters = std::move(found);
  }
  return best;
}

void HttpRoutes::handle(HttpRequest request, std::shared_ptr<HttpExchange> exchange) const {
  const Route* route = find(request, request.method, &request.parameters);
  if (route == nullptr && request.method == "HEAD") route = find(request, "GET", &request.parameters);
  if (route == nullptr) {
    std::set<std::string> allowed;
    for (const Route& other : routes_) {
      if (find(request, other.method, nullptr) != nullptr) allowed.insert(other.method);
    }
    if (allowed.empty()) {
      return exchange->respond(error_response(fail(ErrorCode::kNotFound, "there is no " + request.path + " here",
                                                   "see the list of routes in the documentation")));
    }
    if (allowed.contains("GET")) allowed.insert("HEAD");
    allowed.insert("OPTIONS");
    std::string list;
    for (const std::string& method : allowed) list += (list.empty() ? "" : ", ") + method;
    HttpResponse response;
    if (request.method == "OPTIONS") {
      response.status = 204;
    } else {
      response =
          error_response(405, fail(ErrorCode::kInvalidArgument, request.method + " is not allowed on " + request.path,
                                   "use one of: " + list));
    }
    response.headers.add("allow", list);
    return exchange->respond(std::move(response));
  }
  const std::string what = request.method + " " + request.path;
  const std::string id = request.id;
  try {
    route->handler(std::move(request), exchange);
  } catch (const std::exception& exception) {
    log_error("http", "a handler threw", {{"request", what}, {"request_id", id}, {"error", exception.what()}});
    exchange->respond(
        error_response(fail(ErrorCode::kInternal, std::string("the handler failed: ") + exception.what())));
  }
}

}  // namespace mnema
