#include "agents/prefix_watch.hpp"

#include <algorithm>

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

std::optional<PrefixDifference> PrefixWatch::note(const std::string& session, const Prompt& prompt, Engine& engine,
                                                  const std::string& model) {
  Result<std::string> rendered = engine.apply_template(model, prompt);
  if (!rendered.ok()) return std::nullopt;
  std::optional<std::string> previous;
  {
    const std::scoped_lock lock(mutex_);
    if (const auto known = by_session_.find(session); known != by_session_.end()) {
      previous = std::move(known->second->second);
      recent_.erase(known->second);
      by_session_.erase(known);
    }
    recent_.emplace_front(session, *rendered);
    by_session_[session] = recent_.begin();
    if (recent_.size() > sessions_max_) {
      by_session_.erase(recent_.back().first);
      recent_.pop_back();
    }
  }
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
