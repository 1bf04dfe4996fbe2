#include "inference/kv/pool.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"

namespace mnema::kv {

Pool::Pool(int pages_total) : holders_(static_cast<std::size_t>(pages_total), 0) {
  CHECK(pages_total >= 1, "a pool has at least one page");
  free_.reserve(holders_.size());
  for (PageId page = pages_total - 1; page >= 0; --page) free_.push_back(page);
}

PageId Pool::allocate() {
  if (free_.empty()) return kNoPage;
  const PageId page = free_.back();
  free_.pop_back();
  holders_[static_cast<std::size_t>(page)] = 1;
  return page;
}

void Pool::hold(PageId page) {
  CHECK(holders(page) > 0, "only a held page can be shared");
  ++holders_[static_cast<std::size_t>(page)];
}

void Pool::release(PageId page) {
  CHECK(holders(page) > 0, "only a held page can be let go");
  if (--holders_[static_cast<std::size_t>(page)] == 0) free_.push_back(page);
}

int Pool::holders(PageId page) const {
  CHECK(page >= 0 && page < total(), "a page id names a page of this pool");
  return holders_[static_cast<std::size_t>(page)];
}

void Pool::restore(const std::vector<int>& holders) {
  CHECK(holders.size() == holders_.size(), "a count for every page");
  holders_ = holders;
  free_.clear();
  for (PageId page = total() - 1; page >= 0; --page) {
    if (holders_[static_cast<std::size_t>(page)] == 0) free_.push_back(page);
  }
}

void Pool::check_integrity() const {
  std::vector<bool> is_free(holders_.size(), false);
  for (PageId page : free_) {
    CHECK(page >= 0 && page < total(), "the free list names pages of this pool");
    CHECK(!is_free[static_cast<std::size_t>(page)], "no page is free twice");
    is_free[static_cast<std::size_t>(page)] = true;
  }
  for (std::size_t page = 0; page < holders_.size(); ++page) {
    CHECK(is_free[page] == (holders_[page] == 0), "a page is free iff nobody holds it");
  }
}

}  // namespace mnema::kv
