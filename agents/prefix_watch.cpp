#include "agents/prefix_watch.hpp"

#include <algorithm>

#include "runtime/check.hpp"

namespace mnema {

std::string segment_at(const Prompt& prompt, const std::string& rendered, std::size_t offset) {
  std::size_t from = 0;
  for (const Message& message : prompt.messages) {
    for (const Segment& segment : message.content) {
      // Templates trim messages; the middle of a text is still found.
      const std::size_t start = segment.text.find_first_not_of(" \n\t\r");
      if (start == std::string::npos) continue;
      const std::size_t end = segment.text.find_last_not_of(" \n\t\r") + 1;
      const std::size_t found = rendered.find(segment.text.substr(start, end - start), from);
      if (found == std::string::npos) continue;
      from = found + (end - start);
      if (offset < from) return segment.label.empty() ? "history" : segment.label;
    }
  }
  return "end";
}

std::optional<std::string> PrefixWatch::exchange(const std::string& tenant, const std::string& session,
                                                 std::string rendered) {
  const std::scoped_lock lock(mutex_);
  Sessions& sessions = by_tenant_[tenant];
  sessions.used = ++uses_;
  std::optional<std::string> previous;
  if (const auto known = sessions.by_name.find(session); known != sessions.by_name.end()) {
    previous = std::move(known->second->second);
    sessions.recent.erase(known->second);
    sessions.by_name.erase(known);
  }
  sessions.recent.emplace_front(session, std::move(rendered));
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

void PrefixWatch::check_integrity() const {
  const std::scoped_lock lock(mutex_);
  CHECK(by_tenant_.size() <= tenants_max_, "tenants are bounded");
  for (const auto& [tenant, sessions] : by_tenant_) {
    CHECK(sessions.recent.size() <= sessions_max_, "the sessions of a tenant are bounded");
    CHECK(sessions.recent.size() == sessions.by_name.size(), "sessions by name are those in order of use");
  }
}

std::optional<PrefixDifference> PrefixWatch::note(const std::string& tenant, const std::string& session,
                                                  const Prompt& prompt, Engine& engine, const std::string& model) {
  Result<std::string> rendered = engine.apply_template(model, prompt);
  if (!rendered.ok()) return std::nullopt;
  const std::optional<std::string> previous = exchange(tenant, session, *rendered);
  if (!previous) return std::nullopt;

  const auto ends = std::mismatch(previous->begin(), previous->end(), rendered->begin(), rendered->end());
  auto common = static_cast<std::size_t>(ends.second - rendered->begin());
  // Half a UTF-8 character is no text for a tokenizer.
  while (common > 0 && common < rendered->size() && (static_cast<unsigned char>((*rendered)[common]) & 0xC0) == 0x80) {
    --common;
  }
  const auto tokens_of = [&](const std::string& text) {
    const auto ids = engine.tokenize(model, text, false, true);
    return ids.ok() ? static_cast<int>(ids->size()) : 0;
  };
  PrefixDifference difference;
  difference.token = tokens_of(rendered->substr(0, common));
  difference.previous_tokens = tokens_of(*previous);
  difference.segment = segment_at(prompt, *rendered, common);
  return difference;
}

}  // namespace mnema
