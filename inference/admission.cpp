#include "inference/admission.hpp"

#include <algorithm>

namespace mnema {

double urgency_of(const Sequence& sequence, int ageing_ms) {
  const double submitted_ms = std::chrono::duration<double, std::milli>(sequence.submitted.time_since_epoch()).count();
  return static_cast<double>(sequence.priority) + submitted_ms / std::max(1, ageing_ms);
}

std::size_t common_beginning(const Sequence& sequence, const Sequence& other) {
  const kv::SequenceOwner& mine = sequence.request.owner;
  const kv::SequenceOwner& theirs = other.request.owner;
  std::size_t most = std::min(sequence.tokens.size() - 1, other.prompt_tokens);
  // As far as both chains have the same salts; a page that straddles a border is the stricter side's.
  if (mine.salts.user != theirs.salts.user || mine.borders != theirs.borders) {
    const bool tenant =
        mine.salts.tenant == theirs.salts.tenant && mine.borders.public_until == theirs.borders.public_until;
    const int until = tenant ? std::min(mine.borders.tenant_until, theirs.borders.tenant_until)
                             : std::min(mine.borders.public_until, theirs.borders.public_until);
    most = std::min(most, static_cast<std::size_t>(until) / kPageTokens * kPageTokens);
  }
  const auto end = sequence.tokens.begin() + static_cast<std::ptrdiff_t>(most);
  const auto differs = std::mismatch(sequence.tokens.begin(), end, other.tokens.begin()).first;
  return static_cast<std::size_t>(differs - sequence.tokens.begin());
}

Sequence* leader_of(const Sequence& sequence, const std::vector<std::unique_ptr<Sequence>>& running) {
  if (sequence.echoing()) return nullptr;
  for (const std::unique_ptr<Sequence>& other : running) {
    if (other->computed >= other->prompt_tokens) continue;
    if (common_beginning(sequence, *other) >= other->computed + kPageTokens) return other.get();
  }
  return nullptr;
}

}  // namespace mnema
