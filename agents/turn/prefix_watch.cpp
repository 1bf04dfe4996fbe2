#include "agents/turn/prefix_watch.hpp"

#include <algorithm>

#include "agents/turn/segment_places.hpp"
#include "runtime/base/check.hpp"

namespace mnema {

std::string segment_at(const Prompt& prompt, const std::string& rendered, std::size_t offset) {
  for (const SegmentPlace& place : segment_places(prompt, rendered)) {
    if (offset >= place.end) continue;
    const std::string& label = prompt.messages[place.message].content[place.segment].label;
    return label.empty() ? "history" : label;
  }
  return "end";
}

std::optional<std::vector<TokenId>> PrefixWatch::exchange(const std::string& tenant, const std::string& session,
                                                          std::vector<TokenId> tokens) {
  const std::scoped_lock lock(mutex_);
  Sessions& sessions = by_tenant_[tenant];
  sessions.used = ++uses_;
  std::optional<std::vector<TokenId>> previous;
  if (const auto known = sessions.by_name.find(session); known != sessions.by_name.end()) {
    previous = std::move(known->second->second);
    sessions.recent.erase(known->second);
    sessions.by_name.erase(known);
  }
  sessions.recent.emplace_front(session, std::move(tokens));
  sessions.by_name[session] = sessions.recent.begin();
  if (sessions.recent.size() > sessions_max_) {
    sessions.by_name.erase(sessions.recent.back().first);
    sessions.recent.pop_back();
  }
  if (by_tenant_.size() > tenants_max_) {
    by_tenant_.erase(std::min_element(by_tenant_.begin(), by_tenant_.end(),
                                      [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
  }
  return previous;
}

void PrefixWatch::erase(const std::string& tenant) {
  const std::scoped_lock lock(mutex_);
  by_tenant_.erase(tenant);
}

void PrefixWatch::check_integrity() const {
  const std::scoped_lock lock(mutex_);
  CHECK(by_tenant_.size() <= tenants_max_, "tenants are bounded");
  for (const auto& [tenant, sessions] : by_tenant_) {
    CHECK(sessions.recent.size() <= sessions_max_, "the sessions of a tenant are bounded");
    CHECK(sessions.recent.size() == sessions.by_name.size(), "sessions by name are those in order of use");
  }
}

std::optional<PrefixDifference> PrefixWatch::note(const std::string& tenant, const std::string& session,
                                                  const Prompt& prompt, const PreparedPrompt& prepared) {
  const std::optional<std::vector<TokenId>> previous = exchange(tenant, session, prepared.tokens);
  if (!previous) return std::nullopt;

  const auto ends = std::mismatch(previous->begin(), previous->end(), prepared.tokens.begin(), prepared.tokens.end());
  const auto common = static_cast<std::size_t>(ends.second - prepared.tokens.begin());
  PrefixDifference difference;
  difference.token = static_cast<int>(common);
  difference.previous_tokens = static_cast<int>(previous->size());
  difference.segment = segment_at(prompt, prepared.text, prepared.byte_of(common));
  return difference;
}

}  // namespace mnema
