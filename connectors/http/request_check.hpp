// connectors/http/request_check.hpp
//
// What a call may put into the head of its request: nothing that ends a line, and nothing that frames the message,
// which is the transport's to say. (Its target: path.hpp.)
//
// Threads: pure functions.
#pragma once

#include <string_view>

#include "runtime/base/result.hpp"

namespace mnema {

/// Errors: `kInvalidArgument` (no token, or CONNECT or TRACE).
[[nodiscard]] Status check_method(std::string_view method);

/// Errors: `kInvalidArgument`: the name is no token or frames the message (Content-Length, Transfer-Encoding,
/// Connection, ...), the value has a control character. The value is not shown: it may be a secret.
[[nodiscard]] Status check_header(std::string_view name, std::string_view value);

}  // namespace mnema
