// inference/kv/ledger.hpp
//
// Which KV pages of one model are whose: the free ones, those of sequences, and those kept for equal prefixes. All
// pages are taken and given back here, so that there is one place to audit.
//
// Threads:   confined to the scheduler's thread. Pages that a step under way names are not touched (page_store.hpp).
// Ownership: borrows the page store, which outlives it. A sequence owns its table and gives it back by `release`.
// Law:       audit.hpp.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "inference/kv/audit.hpp"
#include "inference/kv/page.hpp"
#include "inference/kv/page_store.hpp"
#include "inference/kv/pool.hpp"
#include "inference/kv/prefix_tree.hpp"
#include "inference/kv/salts.hpp"

namespace mnema::kv {

/// Whose tokens a sequence holds.
struct SequenceOwner {
  SharingBorders borders;
  ScopeSalts salts;
};

/// One sequence's pages: page i holds positions 32·i .. 32·i+31.
struct PageTable {
  std::vector<PageId> pages;
  std::vector<PageKey> keys;  // of the full pages at the front that were taken from the tree or offered to it
};

[[nodiscard]] constexpr std::size_t pages_for(std::size_t positions) {
  return (positions + kPageTokens - 1) / kPageTokens;
}

class Ledger {
 public:
  Ledger(PageStore& store, PageFormat format);

  /// Takes over the pages of an equal beginning, all but at least the last token. Returns how many positions that is.
  /// Precondition: the table is empty.
  std::size_t adopt(PageTable& table, std::span<const TokenId> tokens, const SequenceOwner& owner);
  /// Further positions of an equal beginning that `from` has computed in the page which `table` would begin next: that
  /// page is copied. Returns how many positions the table has then.
  /// Precondition: `from` is not in a step under way, and both hold the same tokens, owned alike, up to `positions`.
  std::size_t copy_tail(PageTable& table, const PageTable& from, std::size_t positions);

  /// Pages for `positions`, evicting cached ones where none are free. False: what was got stays in the table.
  [[nodiscard]] bool reserve(PageTable& table, std::size_t positions);
  /// The same, of free pages only. Returns for how many positions there is room then.
  std::size_t reserve_free(PageTable& table, std::size_t positions);
  /// Whether `pages` are free, after evicting what it takes.
  [[nodiscard]] bool make_free(std::size_t pages);

  /// Offers the full pages of the first `computed` tokens to later sequences.
  void publish(PageTable& table, std::span<const TokenId> tokens, std::size_t computed, const SequenceOwner& owner);
  void release(PageTable& table);

  /// What is expected of the chain that ends with `last` (prefix_tree.hpp).
  void expect(const PageKey& last, Expectation expectation) { tree_.expect(last, expectation); }
  /// Forgets what is kept of one user, or of a tenant as a whole.
  void erase_user(const Salt& user);
  void erase_tenant(const Salt& tenant);

  [[nodiscard]] int pages_total() const { return pool_.total(); }
  [[nodiscard]] std::uint64_t evictions() const { return evictions_; }
  /// `held`: all tables that were not released.
  [[nodiscard]] AuditReport audit(std::span<const HeldPages> held) const { return kv::audit(pool_, tree_, held); }
  void repair(std::span<const HeldPages> held) { kv::repair(pool_, tree_, held); }
  void check_integrity() const;

 private:
  [[nodiscard]] Sharing sharing_of_page(const SequenceOwner& owner, std::size_t page) const;

  PageStore& store_;
  const PageFormat format_;
  Pool pool_;
  PrefixTree tree_;
  std::uint64_t evictions_ = 0;
};

}  // namespace mnema::kv
