// agents/prefix_watch.hpp
//
// Finds out why a prompt's cached prefix ended where it did: the first token that differs from the last turn's prompt
// of the same session, and the segment it came from. Where the answer is "system", somebody put a date into the system
// text.
//
// Compares token ids: what the KV pages are found by. Of a session only the ids are kept.
//
// Threads: every method from any thread (one mutex, held for a copy of the ids).
#pragma once

#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "inference/prepared_prompt.hpp"
#include "inference/request.hpp"

namespace mnema {

struct PrefixDifference {
  int token = 0;            // position of the first token that differs, from 0
  int previous_tokens = 0;  // how many the last prompt had; token == previous_tokens means it was only extended
  std::string segment;      // label of the segment there: "system", "history", "recall", "event", "known"
};

class PrefixWatch {
 public:
  explicit PrefixWatch(std::size_t sessions_max = 256) : sessions_max_(sessions_max) {}

  /// Compares what was prepared from `prompt` with the last one noted under `session` and notes it. None for the first
  /// one. The least recently noted session is forgotten beyond the maximum.
  [[nodiscard]] std::optional<PrefixDifference> note(const std::string& session, const Prompt& prompt,
                                                     const PreparedPrompt& prepared);

 private:
  const std::size_t sessions_max_;
  std::mutex mutex_;                                                // guards all below
  std::list<std::pair<std::string, std::vector<TokenId>>> recent_;  // (session, ids), newest first
  std::map<std::string, decltype(recent_)::iterator, std::less<>> by_session_;
};

/// Label of the segment of `prompt` that holds byte `offset` of its rendered text: segments are found in order; what
/// lies between them is the template's and counts to the one that follows.
[[nodiscard]] std::string segment_at(const Prompt& prompt, const std::string& rendered, std::size_t offset);

}  // namespace mnema
