#include "inference/kv/ledger.hpp"

#include <algorithm>

#include "runtime/check.hpp"

namespace mnema::kv {

Ledger::Ledger(PageStore& store, PageFormat format)
    : store_(store), format_(std::move(format)), pool_(store.pages_total()), tree_(pool_) {}

Sharing Ledger::sharing_of_page(const SequenceOwner& owner, std::size_t page) const {
  return owner.borders.at(static_cast<int>((page + 1) * kPageTokens) - 1);  // the strictest: sharing only narrows
}

std::size_t Ledger::adopt(PageTable& table, std::span<const TokenId> tokens, const SequenceOwner& owner) {
  CHECK(table.pages.empty() && table.keys.empty(), "a sequence adopts pages before it has any");
  const std::size_t most = (tokens.size() - 1) / kPageTokens;
  PageKey parent;
  for (std::size_t page = 0; page < most; ++page) {
    const std::span<const TokenId> own = tokens.subspan(page * kPageTokens, kPageTokens);
    const PageKey key = page_key(format_, owner.salts.of(sharing_of_page(owner, page)), parent, own);
    const PageId id = tree_.take(key, own);
    if (id == kNoPage) break;
    table.pages.push_back(id);
    table.keys.push_back(key);
    parent = key;
  }
  return table.pages.size() * kPageTokens;
}

std::size_t Ledger::copy_tail(PageTable& table, const PageTable& from, std::size_t positions) {
  const std::size_t page = table.pages.size(), begin = page * kPageTokens;
  if (positions <= begin || from.pages.size() <= page) return begin;
  const PageId copy = pool_.allocate();
  if (copy == kNoPage) return begin;
  const std::size_t tokens = std::min<std::size_t>(positions - begin, kPageTokens);
  store_.copy(from.pages[page], copy, static_cast<int>(tokens));
  table.pages.push_back(copy);
  return begin + tokens;
}

bool Ledger::make_free(std::size_t pages) {
  const int wanted = static_cast<int>(pages);
  if (pool_.free() < wanted) evictions_ += static_cast<std::uint64_t>(tree_.evict(wanted));
  return pool_.free() >= wanted;
}

bool Ledger::reserve(PageTable& table, std::size_t positions) {
  while (table.pages.size() < pages_for(positions)) {
    if (!make_free(1)) return false;
    table.pages.push_back(pool_.allocate());
  }
  return true;
}

std::size_t Ledger::reserve_free(PageTable& table, std::size_t positions) {
  while (table.pages.size() < pages_for(positions) && pool_.free() > 0) table.pages.push_back(pool_.allocate());
  return table.pages.size() * kPageTokens;
}

void Ledger::publish(PageTable& table, std::span<const TokenId> tokens, std::size_t computed,
                     const SequenceOwner& owner) {
  while ((table.keys.size() + 1) * kPageTokens <= computed) {
    const std::size_t page = table.keys.size();
    const std::span<const TokenId> own = tokens.subspan(page * kPageTokens, kPageTokens);
    const PageKey parent = page == 0 ? PageKey{} : table.keys.back();
    const Sharing sharing = sharing_of_page(owner, page);
    const Salt& salt = owner.salts.of(sharing);
    const PageKey key = page_key(format_, salt, parent, own);
    const PageOwner page_owner{salt, sharing == Sharing::kPublic ? salt : owner.salts.tenant};
    static_cast<void>(tree_.insert(key, parent, page_owner, own, table.pages[page]));
    table.keys.push_back(key);
  }
}

void Ledger::release(PageTable& table) {
  for (const PageId page : table.pages) pool_.release(page);
  table.pages.clear();
  table.keys.clear();
}

void Ledger::erase_user(const Salt& user) {
  tree_.erase([&user](const PageOwner& owner) { return owner.salt == user; });
}

void Ledger::erase_tenant(const Salt& tenant) {
  tree_.erase([&tenant](const PageOwner& owner) { return owner.tenant == tenant; });
}

void Ledger::check_integrity() const {
  pool_.check_integrity();
  tree_.check_integrity();
}

}  // namespace mnema::kv
