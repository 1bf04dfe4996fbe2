// agents/turn/prefix_watch.hpp
//
// Finds out why a prompt's cached prefix ended where it did: the first token that differs from the last turn's prompt
// of the same session, and the segment it came from. Where the answer is "system", somebody put a date into the system
// text. Sessions are a tenant's own, and none is forgotten for another tenant's.
//
// Compares token ids: what the KV pages are found by. Of a session only the ids are kept.
//
// Threads:   every method from any thread (one mutex, held for a copy of the ids).
// Invariant: the sessions of a tenant are at most `sessions_max`, those that are found by name the same as those in
//            order of use   (check_integrity)
#pragma once

#include <cstdint>
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
  /// `sessions_max`: of one tenant. `tenants_max`: of those that sessions are noted for.
  explicit PrefixWatch(std::size_t sessions_max = 256, std::size_t tenants_max = 64)
      : sessions_max_(sessions_max), tenants_max_(tenants_max) {}

  /// Compares what was prepared from `prompt` with the last one noted under the tenant's `session` and notes it. None
  /// for the first one. Beyond the maxima the least recently noted session of this tenant, and the least recently noted
  /// tenant, are forgotten.
  [[nodiscard]] std::optional<PrefixDifference> note(const std::string& tenant, const std::string& session,
                                                     const Prompt& prompt, const PreparedPrompt& prepared);

  /// Forgets the tenant's sessions, all of them: whose they are is not kept.
  void erase(const std::string& tenant);

  void check_integrity() const;

 private:
  struct Sessions {
    std::list<std::pair<std::string, std::vector<TokenId>>> recent;  // (session, ids), newest first
    std::map<std::string, decltype(recent)::iterator> by_name;
    std::uint64_t used = 0;
  };
  /// Puts `tokens` in the place of what was noted last, and returns that.
  std::optional<std::vector<TokenId>> exchange(const std::string& tenant, const std::string& session,
                                               std::vector<TokenId> tokens);

  const std::size_t sessions_max_;
  const std::size_t tenants_max_;
  mutable std::mutex mutex_;                   // guards all below
  std::map<std::string, Sessions> by_tenant_;  // few: tenants come from the configuration
  std::uint64_t uses_ = 0;
};

/// Label of the segment of `prompt` that holds byte `offset` of its rendered text: segments are found in order; what
/// lies between them is the template's and counts to the one that follows.
[[nodiscard]] std::string segment_at(const Prompt& prompt, const std::string& rendered, std::size_t offset);

}  // namespace mnema
