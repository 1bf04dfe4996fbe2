#include "inference/kv/prefix_tree.hpp"

#include <algorithm>

#include "runtime/check.hpp"

namespace mnema::kv {
namespace {

/// Bonuses, in uses of as many pages as the memory has.
constexpr int kSoonTurnovers = 2;
constexpr int kHitsCounted = 4;  // being found again so often is worth one turnover

}  // namespace

PrefixTree::Node* PrefixTree::find(const PageKey& key) {
  const auto found = nodes_.find(key);
  return found == nodes_.end() ? nullptr : &found->second;
}

void PrefixTree::place(Node& node, std::int64_t use) {
  order_.erase(&node);
  const std::int64_t turnover = pool_.total();
  node.turn = {use + turnover * std::min(node.hits, kHitsCounted) / kHitsCounted, use};
  if (node.expectation == Expectation::kSoon) node.turn.time += kSoonTurnovers * turnover;
  if (node.expectation == Expectation::kNever) node.turn.time = use - (std::int64_t{1} << 62);
  order_.insert(&node);
}

PageId PrefixTree::take(const PageKey& key, std::span<const TokenId> tokens) {
  Node* node = find(key);
  // A key is a strong hash, but a wrong page would be a wrong answer: the tokens are compared all the same.
  if (node == nullptr || !std::equal(tokens.begin(), tokens.end(), node->tokens.begin(), node->tokens.end())) {
    return kNoPage;
  }
  ++node->hits;
  node->expectation = Expectation::kPerhaps;
  place(*node, ++uses_);
  pool_.hold(node->page);
  return node->page;
}

bool PrefixTree::insert(const PageKey& key, const PageKey& parent, const PageOwner& owner,
                        std::span<const TokenId> tokens, PageId page) {
  CHECK(tokens.size() == kPageTokens, "only full pages are shared");
  Node* above = find(parent);
  if (parent != PageKey{} && above == nullptr) return false;
  const auto [made, is_new] = nodes_.try_emplace(key);
  if (!is_new) return false;
  Node& node = made->second;
  node.page = page;
  node.key = key;
  node.parent = parent;
  node.owner = owner;
  std::copy(tokens.begin(), tokens.end(), node.tokens.begin());
  place(node, ++uses_);
  pool_.hold(page);
  if (above != nullptr) ++above->children;
  return true;
}

void PrefixTree::expect(const PageKey& last, Expectation expectation) {
  Node* below = nullptr;
  for (Node* node = find(last); node != nullptr; node = find(node->parent)) {
    const bool shared = node->children > (below == nullptr ? 0 : 1) || pool_.holders(node->page) > 1;
    if (expectation == Expectation::kNever && shared) return;
    node->expectation = expectation;
    place(*node, node->turn.use);
    below = node;
  }
}

void PrefixTree::remove(Node& node) {
  pool_.release(node.page);
  order_.erase(&node);
  if (Node* parent = find(node.parent)) --parent->children;
  nodes_.erase(PageKey(node.key));  // a copy: the node goes with its key
}

bool PrefixTree::evictable(const Node& node) const { return node.children == 0 && pool_.holders(node.page) == 1; }

int PrefixTree::evict(int wanted) {
  int evicted = 0;
  for (auto at = order_.begin(); at != order_.end() && pool_.free() < wanted;) {
    Node* node = *at++;
    const Turn reached = node->turn;
    // A chain goes from its end; what stands before the end and had its turn already follows at once.
    while (node != nullptr && node->turn <= reached && evictable(*node) && pool_.free() < wanted) {
      Node* parent = find(node->parent);
      remove(*node);
      ++evicted;
      node = parent;
    }
  }
  return evicted;
}

void PrefixTree::erase(const std::function<bool(const PageOwner&)>& chosen) {
  // Sharing only narrows along a chain: what hangs on a tenant's or a user's page is the same one's.
  std::vector<Node*> doomed;
  for (auto& [key, node] : nodes_) {
    if (chosen(node.owner)) doomed.push_back(&node);
  }
  for (Node* node : doomed) remove(*node);
}

int PrefixTree::idle_pages() const {
  return static_cast<int>(std::count_if(nodes_.begin(), nodes_.end(),
                                        [this](const auto& entry) { return pool_.holders(entry.second.page) == 1; }));
}

void PrefixTree::check_integrity() const {
  CHECK(order_.size() == nodes_.size(), "every node has its place in the order of eviction");
  std::unordered_map<PageKey, int, PageKeyHash> children;
  for (const auto& [key, node] : nodes_) {
    CHECK(node.key == key, "a node knows its key");
    CHECK(pool_.holders(node.page) >= 1, "the tree holds its pages");
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
