// bench/attention_bench.cpp
//
// Attention over KV pages on one thread: how far prefill tiles are from the multiply-add peak and decode from memory
// speed. Arguments: instruction set (0 scalar, 1 avx2, 2 avx512), query heads per KV head, head dimensions, depth in
// tokens, tokens in the tile (1 = decode), int8 (0/1).
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "inference/kernels/attention.hpp"
#include "inference/kernels/matmul.hpp"

namespace {

using namespace mnema;

void attention(benchmark::State& state) {
  auto isa = static_cast<InstructionSet>(state.range(0));
  if (isa > best_instruction_set()) {
    state.SkipWithError("this CPU lacks the instruction set");
    return;
  }
  const AttentionKernels& kernels = attention_kernels(isa);
  int heads = static_cast<int>(state.range(1)), dim = static_cast<int>(state.range(2));
  int depth = static_cast<int>(state.range(3)), tokens = static_cast<int>(state.range(4)), rows = heads * tokens;
  bool int8 = state.range(5) != 0;
  AttentionShape shape{dim, dim, int8, 0, 0};
  auto page_values = static_cast<std::size_t>(dim * kAttentionPageTokens);

  // Decode reads far more than the caches hold, as a real step does between two visits of a layer.
  int pages = depth / kAttentionPageTokens, copies = tokens == 1 ? 1 + (64 << 20) / (depth * dim * 4) : 1;
  auto size = static_cast<std::size_t>(pages) * static_cast<std::size_t>(copies);
  std::vector<std::uint16_t> k(size * page_values, 0x2e66), v(size * page_values, 0x2e66),
      scales(kAttentionPageTokens, 0x2e66);
  std::vector<float> queries(static_cast<std::size_t>(rows * dim), 0.1F), out(static_cast<std::size_t>(rows * dim));
  std::vector<float> maximum(static_cast<std::size_t>(rows)), sum(static_cast<std::size_t>(rows));
  std::vector<float> scratch(attention_scratch_floats(dim, dim));
  AttentionState total{maximum.data(), sum.data(), out.data()};
  AttentionTile tile{queries.data(), static_cast<std::size_t>(heads * dim), tokens, heads, depth - tokens};
  std::size_t bytes_per_value = int8 ? 1 : 2;
  auto block = [&](std::size_t page) {
    std::size_t offset = page * page_values * bytes_per_value;
    return KvBlock{reinterpret_cast<std::byte*>(k.data()) + offset, scales.data(),
                   reinterpret_cast<std::byte*>(v.data()) + offset, scales.data()};
  };
  std::size_t copy = 0;
  for (auto _ : state) {
    for (int page = 0; page < pages; page += kGroupPages) {
      KvBlock group[kGroupPages];
      std::size_t number = copy * static_cast<std::size_t>(pages) + static_cast<std::size_t>(page);
      for (std::size_t i = 0; i < kGroupPages; ++i) group[i] = block(number + i);
      KvBlock next = block((number + kGroupPages) % size);
      kernels.attend_group(shape, tile, group, kGroupPages, page * kAttentionPageTokens, &next, total, scratch.data());
    }
    benchmark::DoNotOptimize(out.data());
    copy = (copy + 1) % static_cast<std::size_t>(copies);
  }
  double steps = static_cast<double>(state.iterations());
  double values = 2.0 * static_cast<double>(pages) * static_cast<double>(page_values);
  state.counters["GFLOP/s"] = benchmark::Counter(steps * values * 2 * rows * 1e-9, benchmark::Counter::kIsRate);
  state.counters["GB/s"] =
      benchmark::Counter(steps * values * static_cast<double>(bytes_per_value) * 1e-9, benchmark::Counter::kIsRate);
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"isa", "heads", "dim", "depth", "tokens", "int8"});
  for (int isa : {1, 2}) {
    for (int int8 : {0, 1}) {
      for (auto [heads, dim] : {std::pair{3, 64}, std::pair{7, 64}, std::pair{4, 256}}) {
        bench->Args({isa, heads, dim, 2048, 1, int8});
        bench->Args({isa, heads, dim, 512, heads == 7 ? 16 : 32, int8});
      }
    }
  }
}

BENCHMARK(attention)->Apply(shapes);

}  // namespace

BENCHMARK_MAIN();
