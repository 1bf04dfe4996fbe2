// Where the sequences' KV is: pages taken over, promised, shared, released and counted.
#include <algorithm>

#include "inference/scheduler/scheduler.hpp"

namespace mnema {
namespace {

std::size_t pages_for(std::size_t positions) { return (positions + kPageTokens - 1) / kPageTokens; }

}  // namespace

kv::Owner Scheduler::owner_of_page(const Sequence& sequence, std::size_t page) const {
  const auto last = static_cast<int>((page + 1) * kPageTokens) - 1;  // the strictest: sharing only narrows
  return sequence.request.salts.owner_of(sequence.request.borders.at(last));
}

const kv::PageKey& Scheduler::key_of_page(Sequence& sequence, std::size_t page) const {
  while (sequence.keys.size() <= page) {
    const std::size_t next = sequence.keys.size();
    const std::span<const TokenId> tokens(sequence.tokens.data() + next * kPageTokens, kPageTokens);
    const kv::PageKey parent = next == 0 ? kv::PageKey{} : sequence.keys.back();
    sequence.keys.push_back(kv::page_key(format_, owner_of_page(sequence, next).salt, parent, tokens));
  }
  return sequence.keys[page];
}

void Scheduler::take_cached_pages(Sequence& sequence) {
  if (sequence.echoes() || sequence.computed % kPageTokens != 0) return;  // an echo wants every position's logits
  // At least one token is computed, because the next one is chosen from its logits.
  const std::size_t most = (sequence.tokens.size() - 1) / kPageTokens;
  for (std::size_t page = sequence.computed / kPageTokens; page < most; ++page) {
    const std::span<const TokenId> tokens(sequence.tokens.data() + page * kPageTokens, kPageTokens);
    const PageId id = tree_.take(key_of_page(sequence, page), tokens);
    if (id == kNoPage) break;
    if (page < sequence.pages.size()) {  // allocated when there was no page for the rest
      pool_.release(sequence.pages[page]);
      sequence.pages[page] = id;
    } else {
      sequence.pages.push_back(id);
    }
    sequence.shared_pages = page + 1;
    sequence.computed = sequence.shared_pages * kPageTokens;
  }
}

void Scheduler::share_full_pages(Sequence& sequence) {
  for (; (sequence.shared_pages + 1) * kPageTokens <= sequence.computed; ++sequence.shared_pages) {
    const std::size_t page = sequence.shared_pages;
    const std::span<const TokenId> tokens(sequence.tokens.data() + page * kPageTokens, kPageTokens);
    const kv::PageKey key = key_of_page(sequence, page);
    const kv::PageKey parent = page == 0 ? kv::PageKey{} : sequence.keys[page - 1];
    if (tree_.insert(key, parent, owner_of_page(sequence, page), tokens, sequence.pages[page])) continue;
    // Another sequence was quicker: its page has the same bytes, one of the two is enough.
    const PageId same = tree_.take(key, tokens);
    if (same == kNoPage) continue;
    pool_.release(sequence.pages[page]);
    sequence.pages[page] = same;
  }
}

void Scheduler::count_cached(Sequence& sequence) {
  if (sequence.computed <= sequence.counted) return;
  sequence.usage.cached_tokens += static_cast<int>(sequence.computed - sequence.counted);
  stats_.cached_tokens += sequence.computed - sequence.counted;
  sequence.counted = sequence.computed;
}

std::size_t Scheduler::tokens_with_answer(const Sequence& sequence) const {
  const int left = std::max(1, sequence.request.tokens_max - sequence.generated);
  return sequence.tokens.size() + static_cast<std::size_t>(std::clamp(options_.decode_reserved_tokens, 1, left));
}

std::size_t Scheduler::pages_of(const Sequence& sequence) {
  return std::max(sequence.pages.size(), pages_for(sequence.promised_tokens));
}

bool Scheduler::has_capacity_for(const Sequence& sequence, std::size_t released) const {
  std::size_t wanted = pages_for(tokens_with_answer(sequence)) - sequence.pages.size();
  for (const SequencePointer& other : running_) wanted += pages_of(*other) - other->pages.size();
  return static_cast<std::size_t>(pool_.free() + tree_.idle_pages()) + released >= wanted;
}

bool Scheduler::allocate_pages(Sequence& sequence, std::size_t positions) {
  const std::size_t wanted = pages_for(positions);
  if (sequence.pages.size() >= wanted) return true;
  const auto missing = static_cast<int>(wanted - sequence.pages.size());
  if (pool_.free() < missing) stats_.evictions += static_cast<std::uint64_t>(tree_.evict(missing));
  while (sequence.pages.size() < wanted) {
    const PageId page = pool_.allocate();
    if (page == kNoPage) return false;
    sequence.pages.push_back(page);
  }
  return true;
}

void Scheduler::release_pages(Sequence& sequence) {
  for (const PageId page : sequence.pages) pool_.release(page);
  sequence.pages.clear();
  sequence.shared_pages = 0;
  sequence.computed = 0;
}

ModelStats Scheduler::stats() const {
  ModelStats stats = stats_;
  stats.waiting = static_cast<int>(waiting_.size());
  stats.running = static_cast<int>(running_.size());
  stats.pages.total = pool_.total();
  stats.pages.free = pool_.free();
  stats.pages.cached = tree_.idle_pages();
  stats.pages.used = stats.pages.total - stats.pages.free - stats.pages.cached;
  return stats;
}

std::string Scheduler::audit() {
  ++stats_.audits;
  // Each holder is counted where it stands, and compared with what the pool believes.
  std::vector<int> holders(static_cast<std::size_t>(pool_.total()), 0);
  const auto count = [&holders](PageId page) { ++holders[static_cast<std::size_t>(page)]; };
  for (const auto& sequence : running_) std::for_each(sequence->pages.begin(), sequence->pages.end(), count);
  for (const auto& sequence : waiting_) std::for_each(sequence->pages.begin(), sequence->pages.end(), count);
  tree_.for_each_page(count);
  std::string report;
  for (PageId page = 0; page < pool_.total(); ++page) {
    const int counted = holders[static_cast<std::size_t>(page)], believed = pool_.holders(page);
    if (counted != believed && report.size() < 1000) {
      report += "page " + std::to_string(page) + " has " + std::to_string(counted) + " holders, the pool believes " +
                std::to_string(believed) + "; ";
    }
  }
  if (!report.empty()) {
    ++stats_.audit_violations;
    pool_.restore(holders);
  }
  return report;
}

}  // namespace mnema
