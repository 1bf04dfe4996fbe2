#include "inference/engine_bench.hpp"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "inference/formats/gguf.hpp"
#include "inference/kernels/hardware_limits.hpp"
#include "inference/model/backend_cpu.hpp"

namespace mnema {
namespace {

constexpr int kRepetitions = 3;                               // the median counts
constexpr std::size_t kKvMemoryBytes = std::size_t{8} << 30;  // mapped, touched only as far as used

double seconds_between(MonotonicTime begin, MonotonicTime end) {
  return std::chrono::duration<double>(end - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

class GreedyChooser final : public TokenChooser {
 public:
  TokenId choose(std::span<float> logits) override {
    return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  }
  [[nodiscard]] float margin() const override { return 0; }
  TokenId choose_among(std::span<const TokenLogit> best) override {
    const auto highest = std::max_element(best.begin(), best.end(),
                                          [](const TokenLogit& a, const TokenLogit& b) { return a.logit < b.logit; });
    return highest == best.end() ? 0 : highest->id;
  }
};

/// One sequence being measured.
struct Stream {
  std::vector<PageId> pages;
  int position = 0;
  TokenId next = 0;
};

class Bench {
 public:
  Bench(const EngineBenchOptions& options, Backend& backend, const Clock& clock)
      : options_(options), backend_(backend), clock_(clock), streams_(static_cast<std::size_t>(options.streams)) {}

  /// Errors: `kInvalidArgument` when context or KV memory cannot hold what was asked for.
  Status take_pages() {
    const int longest = std::max(options_.prompt_tokens, options_.depth + options_.gen_tokens + 1);
    if (longest > backend_.info().context_length) {
      return fail(ErrorCode::kInvalidArgument,
                  std::to_string(longest) + " positions are more than the model's context of " +
                      std::to_string(backend_.info().context_length),
                  "lower --prompt-tokens, --depth or --gen-tokens");
    }
    const int each = (longest + kPageTokens - 1) / kPageTokens;
    if (each * options_.streams > backend_.page_store().pages_total()) {
      return fail(ErrorCode::kInvalidArgument, "the streams need more KV memory than this benchmark maps (8 GiB)",
                  "lower --streams or --depth");
    }
    PageId page = 0;
    for (Stream& stream : streams_) {
      for (int i = 0; i < each; ++i) stream.pages.push_back(page++);
    }
    return {};
  }

  Result<double> prefill_seconds() {
    std::vector<double> seconds;
    for (int i = 0; i < kRepetitions; ++i) {
      streams_[0].position = 0;
      const MonotonicTime begin = clock_.monotonic_now();
      RETURN_IF_ERROR(feed(streams_[0], options_.prompt_tokens, true));
      seconds.push_back(seconds_between(begin, clock_.monotonic_now()));
    }
    return median(seconds);
  }

  Result<double> decode_seconds() {
    std::vector<double> seconds;
    for (int i = 0; i < kRepetitions; ++i) {
      RETURN_IF_ERROR(fill_to_depth());
      RETURN_IF_ERROR(decode_step());  // warm
      const MonotonicTime begin = clock_.monotonic_now();
      for (int token = 0; token < options_.gen_tokens; ++token) RETURN_IF_ERROR(decode_step());
      seconds.push_back(seconds_between(begin, clock_.monotonic_now()));
    }
    return median(seconds);
  }

 private:
  /// Tokens that a tokenizer could give: any will do, they are only to differ.
  TokenId token_at(int position) const {
    return static_cast<TokenId>((static_cast<long long>(position) * 7919 + 13) % backend_.info().vocabulary);
  }

  Status run(std::span<SequenceStep> batch) {
    Status status;
    backend_.step(batch, [&status](Status done) { status = std::move(done); });
    return status;
  }

  Status feed(Stream& stream, int count, bool choose) {
    std::vector<TokenId> tokens;
    for (int i = 0; i < count; ++i) tokens.push_back(token_at(stream.position + i));
    for (int begin = 0; begin < count;) {
      const int part = std::min(count - begin, backend_.tokens_per_step_max());
      SequenceStep step;
      step.tokens = std::span(tokens).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(part));
      step.position = stream.position;
      step.pages = stream.pages;
      step.logits_wanted = choose && begin + part == count ? 1 : 0;
      step.chooser = &chooser_;
      RETURN_IF_ERROR(run({&step, 1}));
      stream.position += part;
      begin += part;
    }
    return {};
  }

  Status fill_to_depth() {
    for (Stream& stream : streams_) {
      stream.position = 0;
      stream.next = token_at(options_.depth);
      RETURN_IF_ERROR(feed(stream, options_.depth, false));
    }
    return {};
  }

  Status decode_step() {
    std::vector<SequenceStep> batch(streams_.size());
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      batch[i].tokens = {&streams_[i].next, 1};
      batch[i].position = streams_[i].position;
      batch[i].pages = streams_[i].pages;
      batch[i].logits_wanted = 1;
      batch[i].chooser = &chooser_;
    }
    RETURN_IF_ERROR(run(batch));
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      ++streams_[i].position;
      streams_[i].next = batch[i].chosen.back();
    }
    return {};
  }

  const EngineBenchOptions& options_;
  Backend& backend_;
  const Clock& clock_;
  GreedyChooser chooser_;
  std::vector<Stream> streams_;
};

/// Weights that every prompt token is multiplied with: all matrices of the blocks.
double block_weights(const GgufFile& file) {
  double count = 0;
  for (const GgufTensor& tensor : file.tensors()) {
    if (tensor.name.starts_with("blk.") && tensor.rows() > 1) {
      count += static_cast<double>(tensor.rows()) * static_cast<double>(tensor.columns());
    }
  }
  return count;
}

Status check(const EngineBenchOptions& options) {
  const auto positive = [](int value, const char* name) -> Status {
    if (value >= 1) return {};
    return fail(ErrorCode::kInvalidArgument, std::string(name) + " must be at least 1");
  };
  RETURN_IF_ERROR(positive(options.prompt_tokens, "--prompt-tokens"));
  RETURN_IF_ERROR(positive(options.gen_tokens, "--gen-tokens"));
  RETURN_IF_ERROR(positive(options.streams, "--streams"));
  if (options.streams > 256) return fail(ErrorCode::kInvalidArgument, "--streams may be 256 at most");
  if (options.threads < 0 || options.threads > 256) {
    return fail(ErrorCode::kInvalidArgument, "--threads must be 0 (one per core) to 256");
  }
  if (options.depth < 0) return fail(ErrorCode::kInvalidArgument, "--depth must not be negative");
  return {};
}

}  // namespace

Result<EngineBenchResult> run_engine_bench(const EngineBenchOptions& options, const Clock& clock) {
  RETURN_IF_ERROR(check(options));
  CpuBackendOptions backend_options;
  ASSIGN_OR_RETURN(backend_options.isa, instruction_set_from(options.backend));
  backend_options.kv_type = options.kv_type;
  backend_options.kv_memory_bytes = kKvMemoryBytes;
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  ThreadPool pool(options.threads > 0 ? options.threads : cores, false);

  EngineBenchResult result;
  result.model = options.model;
  result.threads = pool.threads();
  const MonotonicTime load_begin = clock.monotonic_now();
  ASSIGN_OR_RETURN(std::shared_ptr<GgufFile> file, GgufFile::open(options.model));
  ASSIGN_OR_RETURN(std::unique_ptr<Backend> backend, load_cpu_backend(file, backend_options, pool));
  result.load_s = seconds_between(load_begin, clock.monotonic_now());
  result.backend = backend->info().name;
  result.file_bytes = static_cast<long long>(file->file_bytes());
  result.weight_bytes_mapped = backend->info().weight_bytes_mapped;
  result.weight_bytes_resident = backend->info().weight_bytes_resident;
  result.integer_peak_gops = measure_integer_peak_gops(pool, clock);
  result.memory_bandwidth_gb_per_s = measure_read_bandwidth_gb_per_s(pool, clock);

  Bench bench(options, *backend, clock);
  RETURN_IF_ERROR(bench.take_pages());
  ASSIGN_OR_RETURN(const double prefill_s, bench.prefill_seconds());
  ASSIGN_OR_RETURN(const double decode_s, bench.decode_seconds());
  const double steps_per_s = options.gen_tokens / decode_s;
  result.prefill_tokens_per_s = options.prompt_tokens / prefill_s;
  result.decode_tokens_per_s = steps_per_s * options.streams;
  if (result.integer_peak_gops > 0) {
    result.integer_peak_fraction =
        2 * block_weights(*file) * result.prefill_tokens_per_s / (result.integer_peak_gops * 1e9);
  }
  const double kv_bytes_per_position = static_cast<double>(backend->page_store().page_bytes()) / kPageTokens;
  const double mean_positions = options.depth + options.gen_tokens / 2.0;
  const double bytes_per_step = static_cast<double>(backend->info().weight_bytes_per_token) +
                                kv_bytes_per_position * mean_positions * options.streams;
  result.bandwidth_fraction = bytes_per_step * steps_per_s / (result.memory_bandwidth_gb_per_s * 1e9);
  return result;
}

}  // namespace mnema
