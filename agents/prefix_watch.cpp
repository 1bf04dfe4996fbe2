#include "agents/prefix_watch.hpp"

#include <algorithm>

#include "agents/segment_places.hpp"

namespace mnema {

std::string segment_at(const Prompt& prompt, const std::string& rendered, std::size_t offset) {
  for (const SegmentPlace& place : segment_places(prompt, rendered)) {
    if (offset >= place.end) continue;
    const std::string& label = prompt.messages[place.message].content[place.segment].label;
    return label.empty() ? "history" : label;
  }
  return "end";
}

std::optional<PrefixDifference> PrefixWatch::note(const std::string& session, const Prompt& prompt,
                                                  const PreparedPrompt& prepared) {
  std::optional<std::vector<TokenId>> previous;
  {
    const std::scoped_lock lock(mutex_);
    if (const auto known = by_session_.find(session); known != by_session_.end()) {
      previous = std::move(known->second->second);
      recent_.erase(known->second);
      by_session_.erase(known);
    }
    recent_.emplace_front(session, prepared.tokens);
    by_session_[session] = recent_.begin();
    if (recent_.size() > sessions_max_) {
      by_session_.erase(recent_.back().first);
      recent_.pop_back();
    }
  }
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
