// inference/kv/pool.hpp
//
// Which KV pages are free and how many holders the others have. A holder is a sequence's page table or the prefix tree;
// a page goes back to the free list when its last holder lets go.
//
// Threads: confined to the scheduler's thread.
// Invariant: a page is on the free list iff nobody holds it; no page is on it twice.   (check_integrity)
#pragma once

#include <vector>

#include "inference/kv/page_store.hpp"

namespace mnema::kv {

class Pool {
 public:
  explicit Pool(int pages_total);

  /// A free page with one holder, or kNoPage.
  [[nodiscard]] PageId allocate();
  /// One holder more. Precondition: the page has one.
  void hold(PageId page);
  /// One holder less.
  void release(PageId page);

  [[nodiscard]] int total() const { return static_cast<int>(holders_.size()); }
  [[nodiscard]] int free() const { return static_cast<int>(free_.size()); }
  [[nodiscard]] int holders(PageId page) const;
  [[nodiscard]] const std::vector<PageId>& free_list() const { return free_; }

  /// Makes the counts what a walk over all holders found them to be. For repair after an audit only
  /// (Scheduler::audit).
  void restore(const std::vector<int>& holders);

  void check_integrity() const;

 private:
  std::vector<int> holders_;  // [page]
  std::vector<PageId> free_;  // the most recently freed is taken first: its bytes may still be in a cache
};

}  // namespace mnema::kv
