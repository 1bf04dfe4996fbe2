#include "cli/bench/vectors_bench.hpp"

#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <limits>
#include <thread>

#include "cli/bench/vectors_hnswlib.hpp"
#include "memory/vector/distance.hpp"
#include "memory/vector/index.hpp"

namespace mnema {
namespace {

constexpr std::size_t kNearest = 10;
constexpr VectorGroup kGroups = 10;
constexpr int kSlice = 64;

using Nanoseconds = std::chrono::nanoseconds;
using Labels = std::vector<VectorLabel>;
using Search = std::function<Labels(std::span<const float>)>;

/// Resident, without what the allocator keeps for later.
std::size_t resident_bytes() {
  ::malloc_trim(0);
  std::size_t pages = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

double seconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e9; }

/// Runs `part(i)` for all i below `count`, on `threads` threads.
template <class Part>
void spread(int threads, std::size_t count, const Part& part) {
  std::vector<std::thread> others;
  const auto run = [&](std::size_t first) {
    for (std::size_t i = first; i < count; i += static_cast<std::size_t>(threads)) part(i);
  };
  for (int t = 1; t < threads; ++t) others.emplace_back(run, static_cast<std::size_t>(t));
  run(0);
  for (std::thread& other : others) other.join();
}

class VectorsBench {
 public:
  VectorsBench(const VectorsBenchOptions& options, const BenchVectorSets& sets) : options_(options), sets_(sets) {}

  VectorsBenchResult run() {
    VectorsBenchResult result;
    result.count = sets_.stored.count();
    result.queries = sets_.queries.count();
    tell("the nearest by float");
    nearest_ = exact(1);
    nearest_of_group_ = exact(kGroups);

    VectorIndex::Options index_options;
    index_options.graph = options_.graph;
    std::size_t before = resident_bytes();
    VectorIndex index(VectorCodec(static_cast<int>(options_.dimensions)), index_options);
    tell("inserting");
    insert(result.ours, before, [&](std::size_t i) {
      index.add(static_cast<VectorLabel>(i), static_cast<VectorGroup>(i % kGroups), sets_.stored.at(i));
      if (i % kSlice == 0) index.upkeep(2 * kSlice);
      while (i + 1 == sets_.stored.count() && index.upkeep_due()) index.upkeep(kSlice);
    });
    std::optional<HnswlibIndex> peer;
    if (options_.beside_hnswlib) {
      tell("inserting into hnswlib");
      before = resident_bytes();
      peer.emplace(options_.dimensions, sets_.stored.count(), options_.graph.links, options_.graph.construction_width);
      result.hnswlib.emplace();
      insert(*result.hnswlib, before,
             [&](std::size_t i) { peer->add(static_cast<VectorLabel>(i), sets_.stored.at(i)); });
    }

    const auto ours = [&](std::size_t width, const VectorFilter& filter) -> Search {
      return [&index, width, &filter](std::span<const float> query) {
        Labels labels;
        for (const VectorMatch& match : index.search(query, kNearest, filter, width).matches) {
          labels.push_back(match.label);
        }
        return labels;
      };
    };
    const VectorFilter all;
    VectorFilter group;
    group.groups = {0};
    for (const std::size_t width : options_.widths) {
      tell("searching with width " + std::to_string(width));
      if (peer) peer->set_width(width);
      std::vector<Search> sides = {ours(width, all)};
      if (peer) sides.emplace_back([&](std::span<const float> query) { return peer->search(query, kNearest); });
      const std::vector<VectorsBenchPoint> points = measure(sides, nearest_);
      result.ours.points.push_back(points[0]);
      result.ours.points.back().width = width;
      if (peer) {
        result.hnswlib->points.push_back(points[1]);
        result.hnswlib->points.back().width = width;
      }
    }
    tell("searching at its own width, in one group, and one by one");
    result.own = measure({ours(0, all)}, nearest_)[0];
    result.filtered = measure({ours(0, group)}, nearest_of_group_)[0];
    // Wider than the widest walk: all are compared one by one.
    result.exact = measure({ours(std::numeric_limits<std::size_t>::max() / 2, all)}, nearest_)[0];
    return result;
  }

 private:
  void tell(const std::string& step) const {
    if (options_.on_step) options_.on_step(step);
  }

  /// Of each query the labels of the nearest, by float, of every `step`th vector. As many vectors at a time as the
  /// processor's cache holds are compared with all queries: a million of them are read once, and not once a query.
  [[nodiscard]] std::vector<Labels> exact(std::size_t step) const {
    constexpr std::size_t kSliceBytes = 256 * 1'024;
    const std::size_t slice = step * std::max<std::size_t>(1, kSliceBytes / (options_.dimensions * sizeof(float)));
    std::vector<BestMatches> best(sets_.queries.count(), BestMatches(kNearest));
    for (std::size_t from = 0; from < sets_.stored.count(); from += slice) {
      const std::size_t to = std::min(sets_.stored.count(), from + slice);
      spread(options_.threads, best.size(), [&](std::size_t q) {
        for (std::size_t i = from; i < to; i += step) {
          const float similarity =
              distance_kernels().dot_f32(sets_.queries.at(q).data(), sets_.stored.at(i).data(), options_.dimensions);
          best[q].offer({static_cast<VectorLabel>(i), similarity});
        }
      });
    }
    std::vector<Labels> found(best.size());
    for (std::size_t q = 0; q < best.size(); ++q) {
      for (const VectorMatch& match : best[q].take()) found[q].push_back(match.label);
      std::sort(found[q].begin(), found[q].end());
    }
    return found;
  }

  void insert(VectorsBenchSide& side, std::size_t before, const std::function<void(std::size_t)>& add) const {
    const std::size_t count = sets_.stored.count();
    const Nanoseconds begin = now();
    Nanoseconds last = begin;
    for (std::size_t i = 0; i < count; ++i) {
      if (i == count - count / 10) last = now();
      add(i);
    }
    const Nanoseconds end = now();
    side.inserts_per_s = static_cast<double>(count) / seconds(end - begin);
    side.inserts_per_s_last = static_cast<double>(count / 10) / seconds(end - last);
    side.bytes_per_vector = static_cast<double>(resident_bytes() - before) / static_cast<double>(count);
  }

  /// Asks all questions of each side in turns; the median of the rounds.
  [[nodiscard]] std::vector<VectorsBenchPoint> measure(const std::vector<Search>& sides,
                                                       const std::vector<Labels>& expected) const {
    std::vector<VectorsBenchPoint> points(sides.size());
    std::vector<std::vector<Latency>> rounds(sides.size());
    for (int round = 0; round < options_.rounds; ++round) {
      for (std::size_t side = 0; side < sides.size(); ++side) {
        std::vector<double> recalls(expected.size());
        std::vector<Nanoseconds> waits(expected.size());
        spread(options_.threads, expected.size(), [&](std::size_t q) {
          const Nanoseconds begin = now();
          const Labels found = sides[side](sets_.queries.at(q));
          waits[q] = now() - begin;
          recalls[q] = share(expected[q], found);
        });
        rounds[side].push_back(latency_of_nanoseconds(waits));
        points[side].recall = 0;
        for (const double recall : recalls) points[side].recall += recall / static_cast<double>(recalls.size());
      }
    }
    for (std::size_t side = 0; side < sides.size(); ++side) points[side].latency = median(rounds[side]);
    return points;
  }

  [[nodiscard]] Nanoseconds now() const {
    timespec time{};
    ::clock_gettime(options_.cpu_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
    return std::chrono::seconds(time.tv_sec) + Nanoseconds(time.tv_nsec);
  }

  static Latency latency_of_nanoseconds(std::vector<Nanoseconds> waits) {
    std::sort(waits.begin(), waits.end());
    const auto at = [&](double share) {
      const auto rank = static_cast<std::size_t>(share * static_cast<double>(waits.size() - 1));
      return static_cast<double>(waits[rank].count()) / 1e6;
    };
    return waits.empty() ? Latency{} : Latency{waits.size(), at(0.5), at(0.99), at(1.0)};
  }

  static Latency median(std::vector<Latency>& rounds) {
    Latency middle{rounds.front().n, 0, 0, 0};
    for (double Latency::* const value : {&Latency::p50_ms, &Latency::p99_ms, &Latency::max_ms}) {
      std::sort(rounds.begin(), rounds.end(), [&](const Latency& a, const Latency& b) { return a.*value < b.*value; });
      middle.*value = rounds[rounds.size() / 2].*value;
    }
    return middle;
  }

  static double share(const Labels& expected, const Labels& found) {
    const auto hits = std::count_if(found.begin(), found.end(), [&](VectorLabel label) {
      return std::binary_search(expected.begin(), expected.end(), label);
    });
    return static_cast<double>(hits) / static_cast<double>(expected.size());
  }

  const VectorsBenchOptions& options_;
  const BenchVectorSets& sets_;
  std::vector<Labels> nearest_;           // of each query, sorted
  std::vector<Labels> nearest_of_group_;  // among group 0
};

}  // namespace

VectorsBenchResult run_vectors_bench(const VectorsBenchOptions& options, const BenchVectorSets& sets) {
  return VectorsBench(options, sets).run();
}

std::optional<double> p50_ms_at(const VectorsBenchSide& side, double recall) {
  for (std::size_t i = 1; i < side.points.size(); ++i) {
    const VectorsBenchPoint& below = side.points[i - 1];
    const VectorsBenchPoint& above = side.points[i];
    if (below.recall >= recall || above.recall < recall) continue;
    const double part = (recall - below.recall) / (above.recall - below.recall);
    return below.latency.p50_ms + part * (above.latency.p50_ms - below.latency.p50_ms);
  }
  return {};
}

}  // namespace mnema
