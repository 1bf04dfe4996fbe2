#include "inference/kv/audit.hpp"

#include <algorithm>

namespace mnema::kv {
namespace {

/// How often each page is held, by walking over everything that holds pages.
std::vector<int> count_holders(const Pool& pool, const PrefixTree& tree, std::span<const HeldPages> held) {
  std::vector<int> holders(static_cast<std::size_t>(pool.total()), 0);
  const auto count = [&holders](PageId page) { ++holders[static_cast<std::size_t>(page)]; };
  for (const HeldPages& sequence : held) std::for_each(sequence.pages.begin(), sequence.pages.end(), count);
  tree.for_each_page(count);
  return holders;
}

}  // namespace

std::string AuditReport::text() const {
  std::string line;
  for (const std::string& finding : findings) line += (line.empty() ? "" : "; ") + finding;
  return line;
}

AuditReport audit(const Pool& pool, const PrefixTree& tree, std::span<const HeldPages> held) {
  enum class Place { kNowhere, kFree, kCached, kUsed, kInFlight };
  AuditReport report;
  const auto find = [&report](const std::string& what) {
    if (report.findings.size() < kFindingsMax) report.findings.push_back(what);
  };
  const auto name_of = [](PageId page) { return "page " + std::to_string(page); };
  std::vector<Place> places(static_cast<std::size_t>(pool.total()), Place::kNowhere);
  const auto place_of = [&places](PageId page) -> Place& { return places[static_cast<std::size_t>(page)]; };

  tree.for_each_page([&](PageId page) {
    if (place_of(page) != Place::kNowhere) find(name_of(page) + " is in the prefix tree twice");
    place_of(page) = Place::kCached;
  });
  for (const HeldPages& sequence : held) {
    for (std::size_t i = 0; i < sequence.pages.size(); ++i) {
      const PageId page = sequence.pages[i];
      if (i >= sequence.written_from) {
        if (place_of(page) != Place::kNowhere) find(name_of(page) + " is written while somebody else holds it");
        place_of(page) = Place::kInFlight;
      } else if (place_of(page) != Place::kInFlight) {
        place_of(page) = Place::kUsed;
      }
    }
  }
  for (const PageId page : pool.free_list()) {
    if (place_of(page) == Place::kFree) find(name_of(page) + " is on the free list twice");
    if (place_of(page) > Place::kFree) find(name_of(page) + " is free and held");
    place_of(page) = Place::kFree;
    ++report.counts.free;
  }
  const std::vector<int> holders = count_holders(pool, tree, held);
  for (PageId page = 0; page < pool.total(); ++page) {
    if (place_of(page) == Place::kNowhere) find(name_of(page) + " is lost: nobody holds it and it is not free");
    const int counted = holders[static_cast<std::size_t>(page)];
    if (counted != pool.holders(page)) {
      find(name_of(page) + " has " + std::to_string(counted) + " holders, the pool believes " +
           std::to_string(pool.holders(page)));
    }
    report.counts.cached += place_of(page) == Place::kCached ? 1 : 0;
    report.counts.used += place_of(page) == Place::kUsed ? 1 : 0;
    report.counts.in_flight += place_of(page) == Place::kInFlight ? 1 : 0;
  }
  report.counts.total = pool.total();
  const PageCounts& counts = report.counts;
  if (counts.free + counts.used + counts.cached + counts.in_flight != counts.total) {
    find("free " + std::to_string(counts.free) + " + used " + std::to_string(counts.used) + " + cached " +
         std::to_string(counts.cached) + " + in flight " + std::to_string(counts.in_flight) + " is not the total of " +
         std::to_string(counts.total));
  }
  return report;
}

void repair(Pool& pool, const PrefixTree& tree, std::span<const HeldPages> held) {
  pool.restore(count_holders(pool, tree, held));
}

}  // namespace mnema::kv
