#include "inference/model/encoder.hpp"

#include <algorithm>
#include <cmath>

#include "inference/kernels/quantize_blocks.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr float kEpsilon = 1e-12F;
constexpr std::size_t kProjectionsPerRow = 3;
constexpr std::size_t kWidthMax = 4096;
/// So few rows, those of a question, are computed by the caller alone: waking the others, who sleep between questions,
/// and waiting for them twelve times a layer costs more than they bring.
constexpr std::size_t kRowsAlone = 32;

/// A tensor's numbers, at least one. Errors: missing, empty, of another shape (a dimension 0 of `shape` fits all), not
/// finite or too large to be held.
Result<std::vector<float>> numbers(const EncoderWeights& weights, const std::string& name,
                                   const std::vector<std::uint64_t>& shape) {
  ASSIGN_OR_RETURN(std::vector<float> values, weights.numbers(name));
  const std::vector<std::uint64_t> found = *weights.shape(name);
  bool fits = found.size() == shape.size();
  for (std::size_t i = 0; fits && i < shape.size(); ++i) fits = shape[i] == 0 || shape[i] == found[i];
  const std::string where = "'" + weights.path() + "': tensor '" + name + "'";
  if (!fits || values.empty()) return fail(ErrorCode::kCorrupt, where + " has another shape than the model");
  for (const float value : values) {
    if (std::fabs(value) <= kQuantizeMax) continue;  // false for NaN
    return fail(ErrorCode::kCorrupt, where + " has a number that no weight is", "fetch the file again");
  }
  return values;
}

/// x / |x|; what has no length stays.
void make_unit(float* x, std::size_t n) {
  double square = 0;
  for (std::size_t i = 0; i < n; ++i) square += static_cast<double>(x[i]) * x[i];
  const auto inverse = static_cast<float>(1 / std::max(std::sqrt(square), 1e-12));
  for (std::size_t i = 0; i < n; ++i) x[i] *= inverse;
}

}  // namespace

std::string_view name_of(Pooling pooling) { return pooling == Pooling::kMean ? "mean" : "first"; }

Result<std::unique_ptr<Encoder>> Encoder::load(const EncoderWeights& weights, Options options, InstructionSet isa,
                                               ThreadPool& pool) {
  std::unique_ptr<Encoder> made(new Encoder(options, isa, pool));
  RETURN_IF_ERROR(made->read(weights));
  return made;
}

/// One product of the layers `names`, their outputs one behind the other.
Result<Encoder::Linear> Encoder::linear(const EncoderWeights& weights, const std::vector<std::string>& names,
                                        std::size_t out, std::size_t in) {
  Linear made;
  const std::size_t row = row_bytes(QuantType::kQ8_0, in);
  std::vector<std::byte> quantized;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const std::vector<float> weight, numbers(weights, name + ".weight", {out, in}));
    ASSIGN_OR_RETURN(const std::vector<float> bias, numbers(weights, name + ".bias", {out}));
    made.bias.insert(made.bias.end(), bias.begin(), bias.end());
    // Only now: `out` was the file's word until the numbers were there.
    const std::size_t begin = quantized.size();
    quantized.resize(begin + out * row);
    std::byte* to = quantized.data() + begin;
    for (std::size_t o = 0; o < out; ++o, to += row) {
      quantize_row(QuantType::kQ8_0, std::span(weight).subspan(o * in, in), to);
    }
  }
  const MatrixSource source{quantized.data(), names.size() * out, QuantType::kQ8_0};
  ASSIGN_OR_RETURN(made.weight, pack(source, in, isa_, pool_, arena_));
  return made;
}

Result<Encoder::Layer> Encoder::read_layer(const EncoderWeights& weights, const std::string& prefix) {
  const auto norm = [&](const std::string& name) -> Result<Norm> {
    Norm made;
    ASSIGN_OR_RETURN(made.weight, numbers(weights, name + ".weight", {width_}));
    ASSIGN_OR_RETURN(made.bias, numbers(weights, name + ".bias", {width_}));
    return made;
  };
  Layer layer;
  const std::string self = prefix + "attention.self.";
  ASSIGN_OR_RETURN(layer.qkv, linear(weights, {self + "query", self + "key", self + "value"}, width_, width_));
  ASSIGN_OR_RETURN(layer.output, linear(weights, {prefix + "attention.output.dense"}, width_, width_));
  ASSIGN_OR_RETURN(layer.attention_norm, norm(prefix + "attention.output.LayerNorm"));
  ASSIGN_OR_RETURN(layer.up, linear(weights, {prefix + "intermediate.dense"}, hidden_, width_));
  ASSIGN_OR_RETURN(layer.down, linear(weights, {prefix + "output.dense"}, width_, hidden_));
  ASSIGN_OR_RETURN(layer.output_norm, norm(prefix + "output.LayerNorm"));
  return layer;
}

Status Encoder::read(const EncoderWeights& weights) {
  const auto words = weights.shape("embeddings.word_embeddings.weight");
  const auto up = weights.shape("encoder.layer.0.intermediate.dense.weight");
  if (!words || !up || words->size() != 2 || up->size() != 2) {
    return fail(ErrorCode::kCorrupt, "'" + weights.path() + "' is no BERT encoder",
                "'mnema models list' shows the encoders that can be pulled");
  }
  vocabulary_ = (*words)[0];
  width_ = (*words)[1];
  hidden_ = (*up)[0];
  if (width_ % kTextHeadDim != 0 || width_ == 0 || width_ > kWidthMax || hidden_ % 32 != 0 || hidden_ == 0) {
    return fail(ErrorCode::kUnsupported,
                "'" + weights.path() + "': a width of " + std::to_string(width_) + " is not supported");
  }
  heads_ = width_ / kTextHeadDim;
  ASSIGN_OR_RETURN(words_, numbers(weights, "embeddings.word_embeddings.weight", {vocabulary_, width_}));
  ASSIGN_OR_RETURN(positions_, numbers(weights, "embeddings.position_embeddings.weight", {0, width_}));
  ASSIGN_OR_RETURN(kind_, numbers(weights, "embeddings.token_type_embeddings.weight", {0, width_}));
  if (options_.tokens_max < 3 || static_cast<std::size_t>(options_.tokens_max) > positions_.size() / width_) {
    return fail(ErrorCode::kInvalidArgument, "'" + weights.path() + "' has " +
                                                 std::to_string(positions_.size() / width_) + " positions, not " +
                                                 std::to_string(options_.tokens_max));
  }
  ASSIGN_OR_RETURN(embedding_norm_.weight, numbers(weights, "embeddings.LayerNorm.weight", {width_}));
  ASSIGN_OR_RETURN(embedding_norm_.bias, numbers(weights, "embeddings.LayerNorm.bias", {width_}));
  for (int i = 0, count = weights.layers(); i < count; ++i) {
    ASSIGN_OR_RETURN(Layer layer, read_layer(weights, "encoder.layer." + std::to_string(i) + "."));
    layers_.push_back(std::move(layer));
  }
  return {};
}

long long Encoder::weight_bytes() const {
  std::size_t bytes = (words_.size() + positions_.size()) * sizeof(float);
  for (const Layer& layer : layers_) {
    for (const Linear* linear : {&layer.qkv, &layer.output, &layer.up, &layer.down}) bytes += linear->weight.bytes;
  }
  return static_cast<long long>(bytes);
}

void Encoder::embed(std::span<const std::vector<TokenId>> sequences, Rows& rows) const {
  rows.begins.assign(1, 0);
  for (const std::vector<TokenId>& sequence : sequences) {
    CHECK(!sequence.empty() && sequence.size() <= static_cast<std::size_t>(options_.tokens_max),
          "a text has 1 to tokens_max tokens");
    rows.begins.push_back(rows.begins.back() + sequence.size());
  }
  rows.count = rows.begins.back();
  rows.x.resize(rows.count * width_);
  std::size_t row = 0;
  for (const std::vector<TokenId>& sequence : sequences) {
    for (std::size_t position = 0; position < sequence.size(); ++position, ++row) {
      const auto id = static_cast<std::size_t>(sequence[position]);
      CHECK(id < vocabulary_, "a token is inside the vocabulary");
      float* x = rows.x.data() + row * width_;
      std::copy_n(words_.data() + id * width_, width_, x);
      kernels_.add_and_norm(x, positions_.data() + position * width_, kind_.data(), embedding_norm_.weight.data(),
                            embedding_norm_.bias.data(), kEpsilon, width_);
    }
  }
}

void Encoder::wait_for_all(Team team) const {
  if (team.threads > 1) pool_.barrier(team.worker);
}

/// The matrix product of all queries, keys and values of the part.
void Encoder::project(const Layer& layer, Rows& rows, Part part, Team team) const {
  quantize_rows(rows.x.data() + part.begin * width_, width_, rows.operand, team.worker, team.threads);
  wait_for_all(team);
  matmul(layer.qkv.weight, rows.operand, rows.qkv.data() + part.begin * 3 * width_, 3 * width_, team.worker,
         team.threads);
}

/// The part's tokens look at every token of their text; heads of texts are shared out one by one.
void Encoder::attend(const Layer& layer, Rows& rows, Part part, Team team) const {
  const auto text_of = [&rows](std::size_t row) {
    return static_cast<std::size_t>(std::upper_bound(rows.begins.begin(), rows.begins.end(), row) -
                                    rows.begins.begin()) -
           1;
  };
  const std::size_t first = text_of(part.begin), last = text_of(part.end - 1);
  std::size_t longest = 0;
  for (std::size_t text = first; text <= last; ++text) {
    longest = std::max(longest, rows.begins[text + 1] - rows.begins[text]);
  }
  std::vector<float> scratch(text_attention_scratch_floats(longest));
  const std::size_t tasks = (last + 1 - first) * heads_;
  for (std::size_t task = static_cast<std::size_t>(team.worker); task < tasks;
       task += static_cast<std::size_t>(team.threads)) {
    const std::size_t text = first + task / heads_, head = task % heads_ * kTextHeadDim;
    const std::size_t begin = rows.begins[text], end = rows.begins[text + 1];
    const float* query = rows.qkv.data() + begin * 3 * width_ + head;
    const TextAttention attention{.query = query,
                                  .key = query + width_,
                                  .value = query + 2 * width_,
                                  .query_bias = layer.qkv.bias.data() + head,
                                  .value_bias = layer.qkv.bias.data() + 2 * width_ + head,
                                  .stride = 3 * width_,
                                  .tokens = end - begin,
                                  .first = std::max(begin, part.begin) - begin,
                                  .end = std::min(end, part.end) - begin};
    kernels_.attend_text(attention, scratch.data(), rows.mixed.data() + begin * width_ + head, width_);
  }
}

/// x = norm(x + product + its bias) for this worker's rows of the part; the products are in `mixed`.
void Encoder::add_and_normalise(Rows& rows, Part part, const Linear& product, const Norm& norm, Team team) const {
  const Share share = share_of(part.end - part.begin, 1, team.worker, team.threads);
  for (std::size_t row = part.begin + share.begin; row < part.begin + share.end; ++row) {
    kernels_.add_and_norm(rows.x.data() + row * width_, rows.mixed.data() + row * width_, product.bias.data(),
                          norm.weight.data(), norm.bias.data(), kEpsilon, width_);
  }
}

/// All of a layer behind its attention. A worker quantises the very rows that it has just computed.
void Encoder::transform(const Layer& layer, Rows& rows, Part part, Team team) const {
  float* x = rows.x.data() + part.begin * width_;
  float* mixed = rows.mixed.data() + part.begin * width_;
  float* hidden = rows.hidden.data() + part.begin * hidden_;
  quantize_rows(mixed, width_, rows.operand, team.worker, team.threads);
  wait_for_all(team);
  matmul(layer.output.weight, rows.operand, mixed, width_, team.worker, team.threads);
  wait_for_all(team);
  add_and_normalise(rows, part, layer.output, layer.attention_norm, team);
  quantize_rows(x, width_, rows.operand, team.worker, team.threads);
  wait_for_all(team);
  matmul(layer.up.weight, rows.operand, hidden, hidden_, team.worker, team.threads);
  wait_for_all(team);
  const Share share = share_of(part.end - part.begin, 1, team.worker, team.threads);
  for (std::size_t row = share.begin; row < share.end; ++row) {
    kernels_.add_and_gelu(hidden + row * hidden_, layer.up.bias.data(), hidden_);
  }
  quantize_rows(hidden, hidden_, rows.wide, team.worker, team.threads);
  wait_for_all(team);
  matmul(layer.down.weight, rows.wide, mixed, width_, team.worker, team.threads);
  wait_for_all(team);
  add_and_normalise(rows, part, layer.down, layer.output_norm, team);
}

std::unique_ptr<Encoder::Rows> Encoder::begin(std::span<const std::vector<TokenId>> sequences) const {
  auto rows = std::make_unique<Rows>();
  embed(sequences, *rows);
  rows->qkv.resize(rows->count * 3 * width_);
  rows->mixed.resize(rows->count * width_);
  rows->hidden.resize(rows->count * hidden_);
  return rows;
}

std::size_t Encoder::advance(Rows& rows, std::size_t rows_max) {
  if (is_done(rows)) return 0;
  const Layer& layer = layers_[rows.layers_done];
  // A row of the projections is a third of the work of what follows them.
  const std::size_t most = std::max<std::size_t>(1, rows_max) * (rows.projected ? 1 : kProjectionsPerRow);
  const Part part{rows.part_begin, std::min(rows.count, rows.part_begin + most)};
  rows.operand.reserve(part.end - part.begin, width_, isa_);
  const auto together = [&](const auto& section) {
    if (rows.count <= kRowsAlone) return section(Team{0, 1});
    pool_.run([&](int worker) { section(Team{worker, pool_.threads()}); });
  };
  if (rows.projected) {
    rows.wide.reserve(part.end - part.begin, hidden_, isa_);
    together([&](Team team) {
      attend(layer, rows, part, team);
      wait_for_all(team);
      transform(layer, rows, part, team);
    });
  } else {
    together([&](Team team) { project(layer, rows, part, team); });
  }
  const std::size_t computed = part.end - part.begin;
  const std::size_t cost = rows.projected ? computed : (computed + kProjectionsPerRow - 1) / kProjectionsPerRow;
  rows.part_begin = part.end;
  if (part.end == rows.count) {
    rows.part_begin = 0;
    if (rows.projected) ++rows.layers_done;
    rows.projected = !rows.projected;
  }
  return cost;
}

std::vector<std::vector<float>> Encoder::vectors(const Rows& rows) const {
  std::vector<std::vector<float>> vectors;
  for (std::size_t text = 0; text + 1 < rows.begins.size(); ++text) {
    std::vector<float> vector(width_, 0.0F);
    const std::size_t begin = rows.begins[text];
    const std::size_t end = options_.pooling == Pooling::kFirst ? begin + 1 : rows.begins[text + 1];
    for (std::size_t row = begin; row < end; ++row) {
      for (std::size_t i = 0; i < width_; ++i) vector[i] += rows.x[row * width_ + i];
    }
    make_unit(vector.data(), width_);
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

std::vector<float> Encoder::token_vectors(const Rows& rows, std::size_t sequence) const {
  CHECK(is_done(rows) && sequence + 1 < rows.begins.size(), "the sequence is one of these rows, and computed");
  const float* x = rows.x.data() + rows.begins[sequence] * width_;
  std::vector<float> vectors(x, rows.x.data() + rows.begins[sequence + 1] * width_);
  for (std::size_t at = 0; at < vectors.size(); at += width_) make_unit(vectors.data() + at, width_);
  return vectors;
}

std::vector<std::vector<float>> Encoder::encode(std::span<const std::vector<TokenId>> sequences) {
  const std::unique_ptr<Rows> rows = begin(sequences);
  while (!is_done(*rows)) static_cast<void>(advance(*rows, rows->count));
  return vectors(*rows);
}

}  // namespace mnema
