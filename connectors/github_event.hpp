// connectors/github_event.hpp
//
// What kind of event a GitHub delivery is. GitHub names it in X-GitHub-Event, but signs the body only: whoever replays
// a captured delivery can write another name there and so choose which agent wakes. So a body that has the shape of a
// known kind is of that kind, whatever the header says; for other bodies the header's word is all there is.
//
// Threads: pure functions.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace mnema {

/// The kind that `body` shows by its members: "ping", "push", "issues", "issue_comment", "pull_request", ... None: its
/// shape is that of several kinds, or of none we know.
[[nodiscard]] std::optional<std::string_view> github_shape(const boost::json::value& body);

/// The shape's kind, else `claimed`.
[[nodiscard]] std::string github_kind(const boost::json::value& body, std::string_view claimed);

/// Whether two deliveries of `kind` can honestly have the same body. Most bodies carry the moment they speak of; what
/// people dispatch by hand carries only what they put into it, so that "deploy" twice is twice the same.
[[nodiscard]] bool may_repeat_its_body(std::string_view kind);

}  // namespace mnema
