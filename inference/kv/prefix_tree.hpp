// inference/kv/prefix_tree.hpp
//
// Full KV pages by what they hold: a page's key says its tokens, all tokens before it and whose they are (page.hpp), so
// a prompt that begins like an earlier one takes its pages over. The tree is one more holder of each page; what no
// sequence holds can be evicted, the longest unused first, ends of chains before their beginnings.
//
// Threads:   confined to the scheduler's thread.
// Ownership: borrows the pool, which outlives it.
// Invariant: every page of the tree is held; a node's parent is in the tree.   (check_integrity)
#pragma once

#include <array>
#include <list>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "inference/kv/page.hpp"
#include "inference/kv/pool.hpp"

namespace mnema::kv {

class PrefixTree {
 public:
  explicit PrefixTree(Pool& pool) : pool_(pool) {}

  /// The page called `key` if its tokens are these; it has one holder more then, the caller.
  [[nodiscard]] PageId take(const PageKey& key, std::span<const TokenId> tokens);

  /// Puts a full page into the tree, which becomes one of its holders. False where the key is there already (with
  /// another page: the caller keeps its own) or the parent is not.
  bool insert(const PageKey& key, const PageKey& parent, const Owner& owner, std::span<const TokenId> tokens,
              PageId page);

  /// Lets go of pages that only the tree holds until `wanted` pages are free or there are none left. Returns how many.
  int evict(int wanted);
  /// Lets go of every page whose owner has this salt, be it its own or its tenant's, and of what hangs on it. A
  /// tenant's users may have pages that hang on everybody's or on none.
  void erase(const Salt& salt);

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
  struct Node {
    PageId page;
    PageKey parent;
    Owner owner;
    std::array<TokenId, kPageTokens> tokens;
    int children = 0;
    std::list<PageKey>::iterator use;  // in by_use_
  };
  using Nodes = std::unordered_map<PageKey, Node, PageKeyHash>;

  void touch(Node& node);
  void remove(Nodes::iterator node);

  Pool& pool_;
  Nodes nodes_;
  std::list<PageKey> by_use_;  // the longest unused first
};

}  // namespace mnema::kv
