// connectors/http/path.hpp
//
// Request targets (path and query) that cannot become anything else. A tool builds one from texts of a model or a user,
// each percent-encoded where it stands:
//
//   call.path = path("customers").segment(customer).query("limit", "1");  // "/customers/a%2Fb?limit=1"
//
// What is not built is checked: a line end would write a second request onto a connection that carries our bearer, and
// ".." would choose another resource than the one the tool names.
//
// Threads: plain values and pure functions.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace mnema {

class HttpPath {
 public:
  /// Appends "/text". An empty text, "." and ".." cannot be written in a path: such a target is refused by the check.
  HttpPath& segment(std::string_view text);
  /// Appends "?name=value", or "&name=value".
  HttpPath& query(std::string_view name, std::string_view value);

  [[nodiscard]] const std::string& text() const { return text_; }
  operator std::string() const { return text_; }

 private:
  std::string text_;
  bool has_query_ = false;
};

[[nodiscard]] HttpPath path(std::string_view first_segment);

/// Everything but letters, digits and -._~ as %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// `target` is "" or begins with '/' and holds printable ASCII without spaces, '#', '\\', '"', '<' and '>', '%' only
/// before two hex digits, and no segment "." or "..", also where dots and slashes are escaped.
/// Errors: `kInvalidArgument`, which shows nothing of the target but its first fault.
[[nodiscard]] Status check_request_target(std::string_view target);

}  // namespace mnema
