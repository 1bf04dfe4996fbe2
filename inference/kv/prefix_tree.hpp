// inference/kv/prefix_tree.hpp
//
// Full KV pages by what they hold: a page's key says its tokens, all tokens before it and whose they are (page.hpp), so
// a prompt that begins like an earlier one takes its pages over. The tree is one more holder of each page; what no
// sequence holds can be evicted, ends of chains before their beginnings.
//
// Eviction takes the page whose time is oldest. A page's time is when it was last taken or put here, counted in page
// uses, and later by a bonus: for each time it was found again, and for a turn that said it will come back soon. A
// bonus is a stated number of page uses, so nothing stays for ever. Pages of a branch that is done go first.
//
// Threads:   confined to the scheduler's thread.
// Ownership: borrows the pool, which outlives it.
// Law:       every page of the tree is held; a node's parent is in the tree.   (check_integrity)
#pragma once

#include <array>
#include <compare>
#include <functional>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "inference/kv/page.hpp"
#include "inference/kv/pool.hpp"

namespace mnema::kv {

/// Whose a page is: the salt that its key holds, and the tenant it belongs to (its own salt where it is everybody's).
struct PageOwner {
  Salt salt;
  Salt tenant;
};

/// How likely a chain of pages is wanted again.
enum class Expectation { kNever, kPerhaps, kSoon };

class PrefixTree {
 public:
  explicit PrefixTree(Pool& pool) : pool_(pool) {}

  /// The page called `key` if its tokens are these; it has one holder more then, the caller.
  [[nodiscard]] PageId take(const PageKey& key, std::span<const TokenId> tokens);

  /// Puts a full page into the tree, which becomes one of its holders. False where the key is there already (with
  /// another page: the caller keeps its own) or the parent is not.
  bool insert(const PageKey& key, const PageKey& parent, const PageOwner& owner, std::span<const TokenId> tokens,
              PageId page);

  /// What is expected of the chain that ends with `last`. `kNever` counts only for the end that nobody else uses. The
  /// next `take` of a page makes it `kPerhaps` again. Unknown keys are ignored: the page was evicted.
  void expect(const PageKey& last, Expectation expectation);

  /// Lets go of pages that only the tree holds until `wanted` pages are free or there are none left. Returns how many.
  int evict(int wanted);
  /// Lets go of every page whose owner is chosen, and of what hangs on it. Sequences keep those they hold.
  void erase(const std::function<bool(const PageOwner&)>& chosen);

  [[nodiscard]] int pages() const { return static_cast<int>(nodes_.size()); }
  /// Pages that nobody but the tree holds.
  [[nodiscard]] int idle_pages() const;
  /// Calls visit(page) for every page.
  template <class Visit>
  void for_each_page(const Visit& visit) const {
    for (const auto& [key, node] : nodes_) visit(node.page);
  }
  void check_integrity() const;

 private:
  /// Place in the order of eviction; `use` makes it unique.
  struct Turn {
    std::int64_t time = 0;
    std::int64_t use = 0;
    auto operator<=>(const Turn&) const = default;
  };
  struct Node {
    PageId page = kNoPage;
    PageKey key, parent;
    PageOwner owner;
    std::array<TokenId, kPageTokens> tokens{};
    int children = 0;
    int hits = 0;
    Expectation expectation = Expectation::kPerhaps;
    Turn turn;
  };
  using Nodes = std::unordered_map<PageKey, Node, PageKeyHash>;
  struct ByTurn {
    bool operator()(const Node* a, const Node* b) const { return a->turn < b->turn; }
  };

  [[nodiscard]] Node* find(const PageKey& key);
  void place(Node& node, std::int64_t use);
  void remove(Node& node);
  [[nodiscard]] bool evictable(const Node& node) const;

  Pool& pool_;
  Nodes nodes_;
  std::set<Node*, ByTurn> order_;
  std::int64_t uses_ = 0;
};

}  // namespace mnema::kv
