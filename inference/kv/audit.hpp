// inference/kv/audit.hpp
//
// Whether every KV page is accounted for. Each term of the law is counted by its own walk: free pages along the free
// list, used ones and those in flight along the sequences' tables, cached ones through the prefix tree.
//
// Threads: pure functions over the scheduler's state, on its thread.
// Law:     free + used + cached + in flight == total, and a page has as many holders as the pool believes.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "inference/engine_stats.hpp"
#include "inference/kv/pool.hpp"
#include "inference/kv/prefix_tree.hpp"

namespace mnema::kv {

/// One sequence's pages. Those from `written_from` on are being written by the step under way.
struct HeldPages {
  std::span<const PageId> pages;
  std::size_t written_from = 0;
};

struct AuditReport {
  PageCounts counts;
  std::vector<std::string> findings;  // empty: the law holds; at most kFindingsMax

  [[nodiscard]] bool ok() const { return findings.empty(); }
  [[nodiscard]] std::string text() const;  // "" or one line
};
inline constexpr std::size_t kFindingsMax = 20;

[[nodiscard]] AuditReport audit(const Pool& pool, const PrefixTree& tree, std::span<const HeldPages> held);

/// Believes the holders and makes the pool agree: leaked pages become free, forgotten holders count again.
void repair(Pool& pool, const PrefixTree& tree, std::span<const HeldPages> held);

}  // namespace mnema::kv
