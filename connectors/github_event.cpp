#include "connectors/github_event.hpp"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>

namespace mnema {
namespace {

struct Shape {
  std::string_view kind;
  std::array<std::string_view, 4> members;  // "" = no further one
};

// The first that fits, so those with more members stand before those with fewer. Kinds whose bodies have the members of
// others too (deployment, check_run, workflow_run) are left to the header.
constexpr std::array kShapes = {
    Shape{"ping", {"zen", "hook_id"}},
    Shape{"push", {"ref", "before", "after", "commits"}},
    Shape{"create", {"ref", "ref_type", "master_branch"}},
    Shape{"delete", {"ref", "ref_type", "pusher_type"}},
    Shape{"workflow_dispatch", {"workflow", "ref", "inputs"}},
    Shape{"repository_dispatch", {"action", "client_payload"}},
    Shape{"pull_request_review_comment", {"action", "pull_request", "comment"}},
    Shape{"pull_request_review", {"action", "pull_request", "review"}},
    Shape{"pull_request_review_thread", {"action", "pull_request", "thread"}},
    Shape{"pull_request", {"action", "pull_request", "number"}},
    Shape{"issue_comment", {"action", "issue", "comment"}},
    Shape{"issues", {"action", "issue"}},
    Shape{"discussion_comment", {"action", "discussion", "comment"}},
    Shape{"discussion", {"action", "discussion"}},
    Shape{"release", {"action", "release"}},
    Shape{"deployment_status", {"deployment", "deployment_status"}},
    Shape{"workflow_job", {"action", "workflow_job"}},
    Shape{"star", {"action", "starred_at"}},
    Shape{"fork", {"forkee"}},
};

}  // namespace

std::optional<std::string_view> github_shape(const boost::json::value& body) {
  const boost::json::object* object = body.if_object();
  if (object == nullptr) return std::nullopt;
  for (const Shape& shape : kShapes) {
    const bool fits = std::all_of(shape.members.begin(), shape.members.end(), [object](std::string_view member) {
      return member.empty() || object->contains(member);
    });
    if (fits) return shape.kind;
  }
  return std::nullopt;
}

std::string github_kind(const boost::json::value& body, std::string_view claimed) {
  return std::string(github_shape(body).value_or(claimed));
}

bool may_repeat_its_body(std::string_view kind) {
  return kind == "repository_dispatch" || kind == "workflow_dispatch" || kind == "ping";
}

}  // namespace mnema
