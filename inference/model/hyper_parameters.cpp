#include "inference/model/hyper_parameters.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "inference/kernels/attention.hpp"

namespace mnema {
namespace {

// Far beyond any model this program can hold, near enough to keep products of two of them inside 64 bits.
constexpr std::int64_t kDimensionMax = 1 << 20;

/// Reads keys under one architecture's prefix; the first failure is kept and the rest of the reading goes on with
/// harmless values, so that the reader below stays a plain list.
class Keys {
 public:
  Keys(const GgufFile& file, std::string architecture) : file_(file), architecture_(std::move(architecture)) {}

  /// A whole number, or an array of equal ones (files may give one per layer).
  std::optional<int> optional_integer(std::string_view key, std::int64_t smallest, std::int64_t largest) {
    std::string name = full(key);
    std::optional<std::int64_t> value = file_.integer(name);
    if (!value) {
      std::optional<std::vector<std::int64_t>> values = file_.integers(name);
      if (!values || values->empty()) return std::nullopt;
      for (std::int64_t each : *values) {
        if (each != values->front()) {
          refuse(fail(ErrorCode::kUnsupported, fmt::format("key '{}' differs between layers", name),
                      "only models whose layers have one shape can be run"));
        }
      }
      value = values->front();
    }
    if (*value < smallest || *value > largest) {
      refuse(fail(ErrorCode::kCorrupt, fmt::format("key '{}' is {}, outside {}..{}", name, *value, smallest, largest)));
      return static_cast<int>(smallest);
    }
    return static_cast<int>(*value);
  }

  int integer(std::string_view key, std::int64_t smallest, std::int64_t largest) {
    std::optional<int> value = optional_integer(key, smallest, largest);
    if (!value) missing(key);
    return value.value_or(static_cast<int>(smallest));
  }

  /// A finite number > 0.
  std::optional<double> optional_positive(std::string_view key) {
    std::string name = full(key);
    std::optional<double> value = file_.number(name);
    if (!value) return std::nullopt;
    if (!std::isfinite(*value) || *value <= 0) {
      refuse(fail(ErrorCode::kCorrupt, fmt::format("key '{}' is {}, not a positive number", name, *value)));
      return 1.0;
    }
    return value;
  }

  double positive(std::string_view key) {
    std::optional<double> value = optional_positive(key);
    if (!value) missing(key);
    return value.value_or(1.0);
  }

  /// Absent and 0 both mean "off".
  float soft_cap(std::string_view key) {
    if (file_.number(full(key)).value_or(0) == 0) return 0;
    return static_cast<float>(optional_positive(key).value_or(0));
  }

  std::string full(std::string_view key) const { return fmt::format("{}.{}", architecture_, key); }
  void missing(std::string_view key) {
    refuse(fail(ErrorCode::kCorrupt, fmt::format("key '{}' is missing", full(key)), "the file is no complete model"));
  }
  void refuse(Error error) {
    if (!error_) error_ = std::move(error);
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  const GgufFile& file_;
  std::string architecture_;
  std::optional<Error> error_;
};

std::vector<double> rope_frequencies(int dimensions, double base, double position_scale) {
  std::vector<double> frequencies(static_cast<std::size_t>(dimensions / 2));
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    frequencies[i] = position_scale * std::pow(base, -2.0 * static_cast<double>(i) / dimensions);
  }
  return frequencies;
}

/// Positions are divided by this ("linear" scaling, Chen et al. 2023); 1 without scaling.
double linear_scaling_factor(const GgufFile& file, Keys& keys) {
  std::optional<std::string_view> type = file.string(keys.full("rope.scaling.type"));
  if (type && *type != "none" && *type != "linear") {
    keys.refuse(fail(ErrorCode::kUnsupported,
                     fmt::format("key '{}' asks for RoPE scaling '{}'", keys.full("rope.scaling.type"), *type),
                     "only 'none', 'linear' and a rope_freqs.weight tensor can be run"));
  }
  if (type && *type == "none") return 1.0;
  std::optional<double> factor = keys.optional_positive("rope.scaling.factor");
  if (!factor) factor = keys.optional_positive("rope.scale_linear");
  return factor.value_or(1.0);
}

/// Llama 3's long-context factors, one divisor per pair (tensor rope_freqs.weight).
void apply_rope_factors(const GgufFile& file, Rope& rope, Keys& keys) {
  const GgufTensor* factors = file.find_tensor("rope_freqs.weight");
  if (factors == nullptr) return;
  if (factors->type != QuantType::kF32 || factors->columns() != rope.frequencies.size() || factors->rows() != 1 ||
      factors->data.size() != rope.frequencies.size() * sizeof(float)) {
    keys.refuse(fail(ErrorCode::kCorrupt,
                     fmt::format("tensor 'rope_freqs.weight' is not F32 of {} values", rope.frequencies.size())));
    return;
  }
  std::vector<float> values(rope.frequencies.size());
  dequantize_row(QuantType::kF32, factors->data.data(), values.data(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]) || values[i] <= 0) {
      keys.refuse(fail(ErrorCode::kCorrupt, "tensor 'rope_freqs.weight' holds a factor that is not positive"));
      return;
    }
    rope.frequencies[i] /= static_cast<double>(values[i]);
  }
}

void read_gemma3(Keys& keys, HyperParameters& p) {
  constexpr double kSlidingBase = 10000.0;
  p.activation = GateActivation::kGelu;
  p.has_head_norms = true;
  p.has_post_norms = true;
  p.embedding_scale = std::sqrt(static_cast<float>(p.embedding));
  p.window = keys.optional_integer("attention.sliding_window", 0, kDimensionMax).value_or(0);
  p.window_pattern = keys.optional_integer("attention.sliding_window_pattern", 1, kDimensionMax).value_or(6);
  if (p.window > 0) {
    p.rope_sliding.pairing = RopePairing::kHalves;
    double base = keys.optional_positive("rope.freq_base_swa").value_or(kSlidingBase);
    p.rope_sliding.frequencies = rope_frequencies(2 * static_cast<int>(p.rope.frequencies.size()), base, 1.0);
  }
  // The 27B model alone scales by the width per head of the residual stream instead of by its key's.
  constexpr int kLayersOf27B = 62;
  if (p.layers == kLayersOf27B) {
    p.attention_scale = 1.0F / std::sqrt(static_cast<float>(p.embedding) / static_cast<float>(p.heads));
  }
}

void check_shapes(const GgufFile& file, Keys& keys, HyperParameters& p) {
  if (p.heads % p.kv_heads != 0 || p.heads / p.kv_heads > kAttentionTileRowsMax) {
    keys.refuse(fail(ErrorCode::kUnsupported, fmt::format("{} query heads cannot share {} KV heads evenly in groups of "
                                                          "at most {}",
                                                          p.heads, p.kv_heads, kAttentionTileRowsMax)));
  }
  for (int dimension : {p.key_dim, p.value_dim}) {
    if (dimension < 1 || dimension > kAttentionDimMax || dimension % kAttentionDimMultiple != 0) {
      keys.refuse(fail(ErrorCode::kUnsupported,
                       fmt::format("heads of {} key and {} value dimensions: both must be multiples of {} up to {}",
                                   p.key_dim, p.value_dim, kAttentionDimMultiple, kAttentionDimMax)));
    }
  }
  if (file.integer(keys.full("expert_count")).value_or(0) > 0) {
    keys.refuse(fail(ErrorCode::kUnsupported,
                     fmt::format("key '{}': mixtures of experts cannot be run", keys.full("expert_count"))));
  }
  const GgufTensor* table = file.find_tensor("token_embd.weight");
  if (table == nullptr) {
    keys.refuse(fail(ErrorCode::kCorrupt, "tensor 'token_embd.weight' is missing", "the file is no complete model"));
    return;
  }
  if (table->rows() < 1 || table->rows() > static_cast<std::size_t>(16 * kDimensionMax)) {
    keys.refuse(fail(ErrorCode::kCorrupt, fmt::format("tensor 'token_embd.weight' has {} rows", table->rows())));
    return;
  }
  p.vocabulary = static_cast<int>(table->rows());
}

}  // namespace

Result<HyperParameters> read_hyper_parameters(const GgufFile& file) {
  std::optional<std::string_view> architecture = file.string("general.architecture");
  if (!architecture) {
    return fail(ErrorCode::kCorrupt, fmt::format("'{}': key 'general.architecture' is missing", file.path()));
  }
  HyperParameters p;
  p.architecture = *architecture;
  bool is_llama = p.architecture == "llama", is_qwen2 = p.architecture == "qwen2";
  bool is_qwen3 = p.architecture == "qwen3", is_gemma3 = p.architecture == "gemma3";
  if (!is_llama && !is_qwen2 && !is_qwen3 && !is_gemma3) {
    return fail(ErrorCode::kUnsupported, fmt::format("'{}' has architecture '{}'", file.path(), p.architecture),
                "llama, qwen2, qwen3 and gemma3 can be run");
  }

  Keys keys(file, p.architecture);
  p.layers = keys.integer("block_count", 1, 4096);
  p.embedding = keys.integer("embedding_length", 1, kDimensionMax);
  p.feed_forward = keys.integer("feed_forward_length", 1, kDimensionMax);
  p.heads = keys.integer("attention.head_count", 1, kDimensionMax);
  p.kv_heads = keys.optional_integer("attention.head_count_kv", 1, kDimensionMax).value_or(p.heads);
  p.key_dim = keys.optional_integer("attention.key_length", 1, kDimensionMax).value_or(p.embedding / p.heads);
  p.value_dim = keys.optional_integer("attention.value_length", 1, kDimensionMax).value_or(p.embedding / p.heads);
  p.context_length = keys.integer("context_length", 1, std::int64_t{1} << 30);
  p.norm_epsilon = static_cast<float>(keys.positive("attention.layer_norm_rms_epsilon"));
  p.attention_scale = 1.0F / std::sqrt(static_cast<float>(p.key_dim));
  p.attention_soft_cap = keys.soft_cap("attn_logit_softcapping");
  p.logit_soft_cap = keys.soft_cap("final_logit_softcapping");
  p.has_qkv_bias = is_qwen2;
  p.has_head_norms = is_qwen3;
  check_shapes(file, keys, p);
  if (keys.error()) return *keys.error();

  int rotated = keys.optional_integer("rope.dimension_count", 2, p.key_dim).value_or(p.key_dim);
  if (rotated % 2 != 0) {
    keys.refuse(fail(ErrorCode::kCorrupt, fmt::format("key '{}' is odd", keys.full("rope.dimension_count"))));
  }
  p.rope.pairing = is_llama ? RopePairing::kNeighbours : RopePairing::kHalves;
  double base = keys.optional_positive("rope.freq_base").value_or(10000.0);
  p.rope.frequencies = rope_frequencies(rotated, base, 1.0 / linear_scaling_factor(file, keys));
  apply_rope_factors(file, p.rope, keys);
  if (is_gemma3) read_gemma3(keys, p);
  if (keys.error()) return *keys.error();
  return p;
}

}  // namespace mnema
