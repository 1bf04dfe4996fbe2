#include "cli/bench/vectors_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "cli/bench/vectors_bench.hpp"
#include "cli/exit_code.hpp"
#include "runtime/base/clock.hpp"

namespace mnema {
namespace {

constexpr double kRecalls[] = {0.95, 0.965, 0.985};

struct VectorsFlags {
  VectorsBenchOptions options;
  std::string vectors = "synthetic";
  std::size_t count = 100'000;
  std::size_t queries = 1'000;
  bool alone = false;
  bool json = false;
};

boost::json::object json_of(const VectorsBenchPoint& point) {
  return {{"width", point.width},
          {"recall", point.recall},
          {"p50_ms", point.latency.p50_ms},
          {"p99_ms", point.latency.p99_ms}};
}

boost::json::object json_of(const VectorsBenchSide& side) {
  boost::json::array points;
  for (const VectorsBenchPoint& point : side.points) points.push_back(json_of(point));
  boost::json::object at;
  for (const double recall : kRecalls) {
    if (const auto p50 = p50_ms_at(side, recall)) at[fmt::format("{}", recall)] = *p50;
  }
  return {{"inserts_per_s", side.inserts_per_s},
          {"inserts_per_s_last_tenth", side.inserts_per_s_last},
          {"bytes_per_vector", side.bytes_per_vector},
          {"p50_ms_at_recall", std::move(at)},
          {"widths", std::move(points)}};
}

boost::json::object json_of(const VectorsBenchResult& result) {
  boost::json::object object{{"count", result.count},
                             {"queries", result.queries},
                             {"mnema", json_of(result.ours)},
                             {"own_width", json_of(result.own)},
                             {"one_group_of_ten", json_of(result.filtered)},
                             {"exact", json_of(result.exact)}};
  if (result.hnswlib) object["hnswlib"] = json_of(*result.hnswlib);
  return object;
}

void print_side(const char* name, const VectorsBenchSide& side) {
  fmt::print("  {:<10}{:>7.0f} inserts/s ({:.0f} in the last tenth), {:.0f} bytes per vector\n", name,
             side.inserts_per_s, side.inserts_per_s_last, side.bytes_per_vector);
}

void print_point(const std::string& name, const VectorsBenchPoint& point) {
  fmt::print("  {:<20} recall@10 {:.4f}   p50 {:>7.3f} ms   p99 {:>7.3f} ms\n", name, point.recall,
             point.latency.p50_ms, point.latency.p99_ms);
}

void print_text(const VectorsBenchResult& result) {
  fmt::print("{} vectors, {} questions, the ten nearest\n", result.count, result.queries);
  print_side("mnema", result.ours);
  if (result.hnswlib) print_side("hnswlib", *result.hnswlib);
  for (std::size_t i = 0; i < result.ours.points.size(); ++i) {
    print_point(fmt::format("mnema   width {:>4}", result.ours.points[i].width), result.ours.points[i]);
    if (result.hnswlib) {
      print_point(fmt::format("hnswlib width {:>4}", result.hnswlib->points[i].width), result.hnswlib->points[i]);
    }
  }
  print_point("mnema at its own", result.own);
  print_point("one group of ten", result.filtered);
  print_point("one by one", result.exact);
  if (!result.hnswlib) return;
  for (const double recall : kRecalls) {
    const auto ours = p50_ms_at(result.ours, recall);
    const auto theirs = p50_ms_at(*result.hnswlib, recall);
    if (!ours || !theirs) continue;
    fmt::print("  at recall {}: p50 {:.3f} ms, hnswlib {:.3f} ms: {:.2f} x\n", recall, *ours, *theirs, *ours / *theirs);
  }
}

int run_vectors(const VectorsFlags& flags) {
  constexpr std::uint64_t kSeed = 1;
  VectorsBenchOptions options = flags.options;
  options.beside_hnswlib = !flags.alone;
  // A million vectors take a quarter of an hour: who waits sees what for.
  const SystemClock clock;
  options.on_step = [&clock, begun = clock.monotonic_now()](const std::string& step) {
    fmt::print(stderr, "{:>6.0f} s  {}\n", static_cast<double>((clock.monotonic_now() - begun).count()) / 1e6, step);
  };
  options.on_step("making vectors");
  Result<BenchVectorSets> sets =
      flags.vectors == "synthetic"
          ? synthetic_vectors(flags.count, flags.queries, options.dimensions, kSeed)
          : vectors_of_file(flags.vectors, flags.count, flags.queries, options.dimensions, kSeed);
  if (!sets.ok()) return report(sets.error(), kExitUsage);
  const VectorsBenchResult result = run_vectors_bench(options, *sets);
  if (flags.json) {
    fmt::print("{}\n", boost::json::serialize(json_of(result)));
  } else {
    print_text(result);
  }
  return kExitOk;
}

}  // namespace

void add_vectors_bench(CLI::App& bench, int& exit_code) {
  CLI::App* vectors = bench.add_subcommand("vectors", "Rates, recall and memory of vector search, beside hnswlib");
  const auto flags = std::make_shared<VectorsFlags>();
  vectors->add_option("--count", flags->count, "Vectors to search among")
      ->check(CLI::Range(2'000, 20'000'000))
      ->capture_default_str();
  vectors->add_option("--queries", flags->queries, "Questions; none is among the vectors")
      ->check(CLI::Range(10, 100'000))
      ->capture_default_str();
  vectors->add_option("--dimensions", flags->options.dimensions, "Of each vector")
      ->check(CLI::Range(8, 4'096))
      ->capture_default_str();
  vectors->add_option("--threads", flags->options.threads, "Searches side by side")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  vectors->add_option("--rounds", flags->options.rounds, "Measurements of which the median is taken")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  vectors
      ->add_option("--vectors", flags->vectors,
                   "File of float32 vectors, made more of where it has too few; synthetic = none")
      ->capture_default_str();
  vectors->add_option("--widths", flags->options.widths, "Lengths of the candidate list (ef)");
  vectors->add_flag("--cpu-time", flags->options.cpu_time,
                    "Rates and latencies without the time in which other programs had the core");
  vectors->add_flag("--alone", flags->alone, "Without hnswlib");
  vectors->add_flag("--json", flags->json, "One JSON object on standard output");
  vectors->callback([flags, &exit_code] { exit_code = run_vectors(*flags); });
}

}  // namespace mnema
