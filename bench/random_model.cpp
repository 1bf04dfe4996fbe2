// bench/random_model.cpp
//
// Writes a GGUF file with random weights in the shape of a larger model, so that speed can be measured where no real
// file is at hand: `random_model --shape 3b --type q4_k_m --out /tmp/3b.gguf`. Our engine and llama.cpp both load it.
//
// Architecture llama; the dimensions of Qwen2.5-1.5B, Llama-3.2-3B and Llama-3-8B; a vocabulary of 32,768 only (the
// originals have 128k to 152k), so the output matrix weighs less than theirs. Types per tensor are those that
// llama.cpp's quantiser chooses: output in Q6_K, and for q4_k_m also attn_v and ffn_down of half of the layers. Quants
// are random bytes, scales are set so that a weight's deviation is 1/sqrt(columns): activations stay finite, and the
// text it says is noise.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "inference/formats/gguf_writer.hpp"
#include "inference/kernels/half.hpp"
#include "inference/kernels/matmul.hpp"
#include "inference/tokenizer/byte_alphabet.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/random.hpp"

namespace {

using namespace mnema;

constexpr std::size_t kPieceBytes = 4 << 20;
constexpr std::uint64_t kContextLength = 8192;

struct Shape {
  const char* name;
  std::uint64_t embedding, feed_forward, layers, heads, kv_heads, vocabulary;
  float rope_base;
};

constexpr Shape kShapes[] = {
    {"tiny", 256, 768, 2, 4, 2, 1024, 10000},
    {"1.5b", 1536, 8960, 28, 12, 2, 32768, 1000000},
    {"3b", 3072, 8192, 28, 24, 8, 32768, 500000},
    {"8b", 4096, 14336, 32, 32, 8, 32768, 500000},
};

/// Where a block keeps its scale, and its minimum as a multiple of the scale that makes values average zero.
struct BlockLayout {
  QuantType type;
  int scale_at;
  int minimum_at = -1;
  float minimum_per_scale = 0;
};

constexpr BlockLayout kLayouts[] = {
    {QuantType::kQ4_0, 0},           {QuantType::kQ4_1, 0, 2, -7.5F},
    {QuantType::kQ5_0, 0},           {QuantType::kQ5_1, 0, 2, -15.5F},
    {QuantType::kQ8_0, 0},           {QuantType::kQ2_K, 80, 82, 1.5F},
    {QuantType::kQ3_K, 108},         {QuantType::kQ4_K, 0, 2, 7.5F},
    {QuantType::kQ5_K, 0, 2, 15.5F}, {QuantType::kQ6_K, 208},
    {QuantType::kIQ4_NL, 0},         {QuantType::kIQ4_XS, 0},
};

struct Recipe {
  std::string name;
  QuantType base;
  bool mixed;  // as llama.cpp's "_M" files
};

std::vector<Recipe> recipes() {
  std::vector<Recipe> found{{"q4_k_m", QuantType::kQ4_K, true},
                            {"f32", QuantType::kF32, false},
                            {"f16", QuantType::kF16, false},
                            {"bf16", QuantType::kBF16, false}};
  for (const BlockLayout& layout : kLayouts) {
    std::string name(traits_of(layout.type).name);
    for (char& letter : name) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    found.push_back({name, layout.type, false});
  }
  return found;
}

bool is_float(QuantType type) { return traits_of(type).block_values == 1; }

/// llama.cpp's choice for `part` of `layer`.
QuantType type_of(const Recipe& recipe, std::string_view part, std::uint64_t layer, std::uint64_t layers) {
  if (part == "output")
    return is_float(recipe.base) || recipe.base == QuantType::kQ8_0 ? recipe.base : QuantType::kQ6_K;
  const bool more_bits = layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
  const bool sensitive = part == "attn_v" || part == "ffn_down";
  return recipe.mixed && sensitive && more_bits ? QuantType::kQ6_K : recipe.base;
}

/// Random blocks whose values have deviation 1 / sqrt(columns).
class WeightSource {
 public:
  explicit WeightSource(std::uint64_t seed) : random_(seed) {}

  void fill(std::span<std::uint8_t> bytes, QuantType type, std::uint64_t columns) {
    const double deviation = 1 / std::sqrt(static_cast<double>(columns));
    if (is_float(type)) return fill_floats(bytes, type, deviation * std::sqrt(3.0));
    const BlockLayout& layout = layout_of(type);
    fill_blocks(bytes, layout, static_cast<float>(deviation / deviation_at_scale_one(layout)));
  }

 private:
  static const BlockLayout& layout_of(QuantType type) {
    for (const BlockLayout& layout : kLayouts) {
      if (layout.type == type) return layout;
    }
    CHECK(false, "every type of a recipe has a layout");
  }

  /// Uniform in ±bound.
  void fill_floats(std::span<std::uint8_t> bytes, QuantType type, double bound) {
    const auto size = static_cast<std::size_t>(traits_of(type).block_bytes);
    for (std::size_t at = 0; at < bytes.size(); at += size) {
      const auto value = static_cast<float>((random_.unit() * 2 - 1) * bound);
      const auto bits = std::bit_cast<std::uint32_t>(value);
      const std::uint32_t stored = type == QuantType::kF32   ? bits
                                   : type == QuantType::kF16 ? f16_from_f32(value)
                                                             : bits >> 16;
      std::memcpy(bytes.data() + at, &stored, size);
    }
  }

  void fill_blocks(std::span<std::uint8_t> bytes, const BlockLayout& layout, float scale) {
    random_.fill(bytes);
    if (layout.type == QuantType::kQ8_0) {  // -128 is a quant no quantiser makes
      for (std::uint8_t& byte : bytes) byte = byte == 0x80 ? 0x81 : byte;
    }
    const auto size = static_cast<std::size_t>(traits_of(layout.type).block_bytes);
    for (std::size_t at = 0; at < bytes.size(); at += size) {
      // Without a minimum, quants lean to one side (-8..7); signs by chance take that out of the sums.
      const bool flip = layout.minimum_at < 0 && (bytes[at + size / 2] & 1) != 0;
      put_half(bytes.data() + at + layout.scale_at, flip ? -scale : scale);
      if (layout.minimum_at >= 0) put_half(bytes.data() + at + layout.minimum_at, scale * layout.minimum_per_scale);
    }
  }

  static void put_half(std::uint8_t* at, float value) {
    const std::uint16_t half = f16_from_f32(value);
    std::memcpy(at, &half, sizeof half);
  }

  double deviation_at_scale_one(const BlockLayout& layout) {
    double& known = deviations_[static_cast<std::size_t>(&layout - kLayouts)];
    if (known > 0) return known;
    const QuantTraits traits = traits_of(layout.type);
    constexpr int kBlocks = 256;
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(kBlocks * traits.block_bytes));
    std::vector<float> values(static_cast<std::size_t>(kBlocks * traits.block_values));
    fill_blocks(bytes, layout, 1);
    dequantize_row(layout.type, reinterpret_cast<const std::byte*>(bytes.data()), values.data(), values.size());
    double squares = 0;
    for (const float value : values) squares += static_cast<double>(value) * static_cast<double>(value);
    known = std::sqrt(squares / static_cast<double>(values.size()));
    return known;
  }

  SeededRandom random_;
  double deviations_[std::size(kLayouts)] = {};
};

/// The byte alphabet, four merges, an end token, and made-up words for the rest.
void write_tokenizer(GgufWriter& out, std::uint64_t size) {
  std::vector<std::string> tokens{"<|endoftext|>"};
  for (int byte = 0; byte < 256; ++byte) tokens.push_back(character_of_byte(static_cast<unsigned char>(byte)));
  const std::string blank = character_of_byte(' ');
  const std::vector<std::string> merges{blank + " t", "h e", "i n", blank + "t he"};
  for (const std::string& merge : merges) {
    const std::size_t gap = merge.find(' ');
    tokens.push_back(merge.substr(0, gap) + merge.substr(gap + 1));
  }
  while (tokens.size() < size) tokens.push_back(blank + "w" + std::to_string(tokens.size()));
  std::vector<std::int32_t> kinds(tokens.size(), 1);  // normal
  kinds[0] = 3;                                       // control
  out.set_string("tokenizer.ggml.model", "gpt2");
  out.set_string("tokenizer.ggml.pre", "smollm");
  out.set_strings("tokenizer.ggml.tokens", tokens);
  out.set_integers("tokenizer.ggml.token_type", kinds);
  out.set_strings("tokenizer.ggml.merges", merges);
  out.set_integer("tokenizer.ggml.bos_token_id", 0);
  out.set_integer("tokenizer.ggml.eos_token_id", 0);
  out.set_boolean("tokenizer.ggml.add_bos_token", false);
}

void write_metadata(GgufWriter& out, const Shape& shape, const Recipe& recipe) {
  const auto integer = [&](const char* key, std::uint64_t value) {
    out.set_integer(std::string("llama.") + key, static_cast<std::uint32_t>(value));
  };
  out.set_string("general.architecture", "llama");
  out.set_string("general.name", std::string("random ") + shape.name + " " + recipe.name);
  out.set_integer("general.quantization_version", 2);
  integer("block_count", shape.layers);
  integer("context_length", kContextLength);
  integer("embedding_length", shape.embedding);
  integer("feed_forward_length", shape.feed_forward);
  integer("attention.head_count", shape.heads);
  integer("attention.head_count_kv", shape.kv_heads);
  integer("rope.dimension_count", shape.embedding / shape.heads);
  integer("vocab_size", shape.vocabulary);
  out.set_number("llama.rope.freq_base", shape.rope_base);
  out.set_number("llama.attention.layer_norm_rms_epsilon", 1e-5F);
  write_tokenizer(out, shape.vocabulary);
}

struct Tensor {
  std::string name;
  QuantType type;
  std::uint64_t columns, rows;
  [[nodiscard]] bool is_norm() const { return rows == 1; }
};

std::vector<Tensor> tensors_of(const Shape& shape, const Recipe& recipe) {
  std::vector<Tensor> tensors;
  const auto matrix = [&](const std::string& prefix, const char* part, std::uint64_t layer, std::uint64_t columns,
                          std::uint64_t rows) {
    tensors.push_back({prefix + part + ".weight", type_of(recipe, part, layer, shape.layers), columns, rows});
  };
  const auto norm = [&](const std::string& name) { tensors.push_back({name, QuantType::kF32, shape.embedding, 1}); };
  const std::uint64_t width = shape.embedding, kv_width = width / shape.heads * shape.kv_heads;
  matrix("", "token_embd", 0, width, shape.vocabulary);
  for (std::uint64_t layer = 0; layer < shape.layers; ++layer) {
    const std::string prefix = "blk." + std::to_string(layer) + ".";
    norm(prefix + "attn_norm.weight");
    matrix(prefix, "attn_q", layer, width, width);
    matrix(prefix, "attn_k", layer, width, kv_width);
    matrix(prefix, "attn_v", layer, width, kv_width);
    matrix(prefix, "attn_output", layer, width, width);
    norm(prefix + "ffn_norm.weight");
    matrix(prefix, "ffn_gate", layer, width, shape.feed_forward);
    matrix(prefix, "ffn_up", layer, width, shape.feed_forward);
    matrix(prefix, "ffn_down", layer, shape.feed_forward, width);
  }
  norm("output_norm.weight");
  matrix("", "output", 0, width, shape.vocabulary);
  return tensors;
}

Status write_weights(GgufWriter& out, const std::vector<Tensor>& tensors, std::uint64_t seed) {
  WeightSource source(seed);
  std::vector<std::uint8_t> piece;
  for (const Tensor& tensor : tensors) {
    if (tensor.is_norm()) {
      const std::vector<float> ones(tensor.columns, 1.0F);
      RETURN_IF_ERROR(out.append(std::as_bytes(std::span(ones))));
      continue;
    }
    const auto block = static_cast<std::size_t>(traits_of(tensor.type).block_bytes);
    std::size_t left = row_bytes(tensor.type, tensor.columns) * tensor.rows;
    while (left > 0) {
      piece.resize(std::min(left, kPieceBytes / block * block));
      source.fill(piece, tensor.type, tensor.columns);
      RETURN_IF_ERROR(out.append(std::as_bytes(std::span(piece))));
      left -= piece.size();
    }
  }
  return out.finish();
}

Status write_model(const Shape& shape, const Recipe& recipe, std::uint64_t seed, const std::string& path) {
  const SystemClock clock;
  const MonotonicTime begin = clock.monotonic_now();
  ASSIGN_OR_RETURN(const std::unique_ptr<GgufWriter> out, GgufWriter::create(path));
  write_metadata(*out, shape, recipe);
  const std::vector<Tensor> tensors = tensors_of(shape, recipe);
  for (const Tensor& tensor : tensors) {
    const std::uint64_t extents[] = {tensor.columns, tensor.rows};
    out->declare(tensor.name, tensor.type, std::span(extents).first(tensor.is_norm() ? 1 : 2));
  }
  RETURN_IF_ERROR(write_weights(*out, tensors, seed));
  const double seconds = std::chrono::duration<double>(clock.monotonic_now() - begin).count();
  const double megabytes = static_cast<double>(out->tensor_bytes()) / 1e6;
  fmt::print("{}: {:.0f} MB in {:.1f} s, {:.0f} MB/s\n", path, megabytes, seconds, megabytes / seconds);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Writes a GGUF model with random weights", "random_model"};
  std::string shape_name = "tiny", type_name = "q4_0", path;
  std::uint64_t seed = 1;
  std::set<std::string> shape_names, type_names;
  for (const Shape& shape : kShapes) shape_names.insert(shape.name);
  for (const Recipe& recipe : recipes()) type_names.insert(recipe.name);
  app.add_option("--shape", shape_name, "The model it resembles")->check(CLI::IsMember(shape_names))->required();
  app.add_option("--type", type_name, "Its quantisation")->check(CLI::IsMember(type_names))->required();
  app.add_option("--out", path, "The file to write")->required();
  app.add_option("--seed", seed, "Another seed, other weights")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const Shape& shape =
      *std::find_if(std::begin(kShapes), std::end(kShapes), [&](const Shape& each) { return each.name == shape_name; });
  for (const Recipe& recipe : recipes()) {
    if (recipe.name != type_name) continue;
    const Status status = write_model(shape, recipe, seed, path);
    if (status.ok()) return 0;
    fmt::print(stderr, "random_model: {}\n  hint: {}\n", status.error().message, status.error().hint);
  }
  return 1;
}
