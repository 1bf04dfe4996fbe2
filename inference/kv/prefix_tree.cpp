#include "inference/kv/prefix_tree.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"

namespace mnema::kv {

void PrefixTree::touch(Node& node) { by_use_.splice(by_use_.end(), by_use_, node.use); }

PageId PrefixTree::take(const PageKey& key, std::span<const TokenId> tokens) {
  const auto found = nodes_.find(key);
  // A key is a strong hash, but a wrong page would be a wrong answer: the tokens are compared all the same.
  if (found == nodes_.end() ||
      !std::equal(tokens.begin(), tokens.end(), found->second.tokens.begin(), found->second.tokens.end())) {
    return kNoPage;
  }
  Node& node = found->second;
  touch(node);
  // Beginnings are younger than what follows them, so that chains shrink from their ends.
  for (auto parent = nodes_.find(node.parent); parent != nodes_.end(); parent = nodes_.find(parent->second.parent)) {
    touch(parent->second);
  }
  pool_.hold(node.page);
  return node.page;
}

bool PrefixTree::insert(const PageKey& key, const PageKey& parent, const Owner& owner, std::span<const TokenId> tokens,
                        PageId page) {
  CHECK(tokens.size() == kPageTokens, "only full pages are shared");
  const auto parent_node = nodes_.find(parent);
  if (parent != PageKey{} && parent_node == nodes_.end()) return false;
  const auto [made, is_new] = nodes_.try_emplace(key);
  if (!is_new) return false;
  Node& node = made->second;
  node.page = page;
  node.parent = parent;
  node.owner = owner;
  std::copy(tokens.begin(), tokens.end(), node.tokens.begin());
  node.use = by_use_.insert(by_use_.end(), key);
  pool_.hold(page);
  for (auto above = nodes_.find(parent); above != nodes_.end(); above = nodes_.find(above->second.parent))
    touch(above->second);
  if (const auto above = nodes_.find(parent); above != nodes_.end()) ++above->second.children;
  return true;
}

void PrefixTree::remove(Nodes::iterator node) {
  pool_.release(node->second.page);
  by_use_.erase(node->second.use);
  if (const auto parent = nodes_.find(node->second.parent); parent != nodes_.end()) --parent->second.children;
  nodes_.erase(node);
}

int PrefixTree::evict(int wanted) {
  int evicted = 0;
  for (auto use = by_use_.begin(); use != by_use_.end() && pool_.free() < wanted;) {
    const auto node = nodes_.find(*use);
    ++use;
    if (node->second.children > 0 || pool_.holders(node->second.page) > 1) continue;
    remove(node);  // its parent, perhaps the end of the chain now, stands later in the list
    ++evicted;
  }
  return evicted;
}

void PrefixTree::erase(const Salt& salt) {
  const auto belongs = [&](const Node& node) {
    for (const Node* at = &node;;) {
      if (at->owner.salt == salt || at->owner.tenant == salt) return true;
      const auto parent = nodes_.find(at->parent);
      if (parent == nodes_.end()) return false;
      at = &parent->second;
    }
  };
  std::vector<PageKey> erased;
  for (const auto& [key, node] : nodes_) {
    if (belongs(node)) erased.push_back(key);
  }
  for (const PageKey& key : erased) remove(nodes_.find(key));
}

int PrefixTree::idle_pages() const {
  return static_cast<int>(std::count_if(nodes_.begin(), nodes_.end(),
                                        [this](const auto& entry) { return pool_.holders(entry.second.page) == 1; }));
}

void PrefixTree::check_integrity() const {
  CHECK(by_use_.size() == nodes_.size(), "every node has its place in the order of use");
  std::unordered_map<PageKey, int, PageKeyHash> children;
  for (const auto& [key, node] : nodes_) {
    CHECK(pool_.holders(node.page) >= 1, "the tree holds its pages");
    CHECK(*node.use == key, "the order of use names the node");
    if (node.parent == PageKey{}) continue;
    CHECK(nodes_.contains(node.parent), "a node's parent is in the tree");
    ++children[node.parent];
  }
  for (const auto& [key, node] : nodes_) {
    const auto counted = children.find(key);
    CHECK(node.children == (counted == children.end() ? 0 : counted->second), "children are counted");
  }
}

}  // namespace mnema::kv
