// agents/rest/admin_query.hpp
//
// What admin routes read of a request in the same way: whose memory is meant, how many rows, which times, and bodies
// whose every field is known (a misspelt name must not widen what is erased, or replay what was to be tried).
//
// Threads: pure functions of the request.
#pragma once

#include <boost/json/object.hpp>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "agents/rest/admin_route.hpp"
#include "agents/rest/json_fields.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"

namespace mnema {

/// The tenant of a key that has one; of another that names `asked`, that one, or "local". Errors: `kPermissionDenied`.
[[nodiscard]] Result<std::string> tenant_of(const AdminCall& call, const std::string& asked);
/// Likewise, by the query's `tenant`.
[[nodiscard]] Result<std::string> tenant_of(const AdminCall& call);
/// The query's `limit`; without one the most that there may be.
[[nodiscard]] Result<int> limit_of(const AdminCall& call, const Limits& limits);
/// The query's `name` as RFC 3339.
[[nodiscard]] Result<std::optional<Time>> time_of(const AdminCall& call, std::string_view name);
/// The path's {id}. Errors: `kInvalidArgument`.
[[nodiscard]] Result<std::int64_t> id_of(const AdminCall& call, const char* what);
/// A member that is none of `names`.
[[nodiscard]] std::optional<RequestError> unknown_member(const boost::json::object& object,
                                                         std::initializer_list<std::string_view> names);
/// The body, of which every member is one of `names`; none is an empty one. The error's hint names them.
[[nodiscard]] Parsed<boost::json::object> known_body(const AdminCall& call, const Limits& limits,
                                                     std::initializer_list<std::string_view> names);

}  // namespace mnema
