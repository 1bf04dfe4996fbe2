#include "inference/model/encoder.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr std::size_t kHeadDim = 32;  // of the MiniLM family
constexpr float kEpsilon = 1e-12F;
constexpr std::size_t kProjectionsPerRow = 3;

/// A tensor's numbers. Errors: missing, not F32, or of another shape (a dimension 0 fits all).
Result<std::vector<float>> numbers(const SafetensorsFile& file, const std::string& name,
                                   std::vector<std::uint64_t> shape) {
  const SafeTensor* tensor = file.find(name);
  if (tensor == nullptr) return fail(ErrorCode::kCorrupt, "'" + file.path() + "': tensor '" + name + "' is missing");
  if (tensor->type != "F32") {
    return fail(ErrorCode::kUnsupported, "'" + file.path() + "': tensor '" + name + "' is " + tensor->type,
                "only F32 encoders are known");
  }
  bool fits = tensor->shape.size() == shape.size();
  for (std::size_t i = 0; fits && i < shape.size(); ++i) fits = shape[i] == 0 || shape[i] == tensor->shape[i];
  if (!fits)
    return fail(ErrorCode::kCorrupt, "'" + file.path() + "': tensor '" + name + "' has another shape than the model");
  std::vector<float> values(tensor->data.size() / sizeof(float));
  std::memcpy(values.data(), tensor->data.data(), tensor->data.size());
  return values;
}

void normalise(float* x, const std::vector<float>& weight, const std::vector<float>& bias) {
  const std::size_t n = weight.size();
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += x[i];
  const auto mean = static_cast<float>(sum / static_cast<double>(n));
  double square = 0;
  for (std::size_t i = 0; i < n; ++i) square += static_cast<double>(x[i] - mean) * (x[i] - mean);
  const auto inverse = static_cast<float>(1 / std::sqrt(square / static_cast<double>(n) + kEpsilon));
  for (std::size_t i = 0; i < n; ++i) x[i] = (x[i] - mean) * inverse * weight[i] + bias[i];
}

}  // namespace

Result<std::unique_ptr<Encoder>> Encoder::load(const SafetensorsFile& file, InstructionSet isa, ThreadPool& pool) {
  std::unique_ptr<Encoder> made(new Encoder(isa, pool));
  RETURN_IF_ERROR(made->read(file));
  return made;
}

Result<Encoder::Linear> Encoder::linear(const SafetensorsFile& file, const std::string& name, std::size_t out,
                                        std::size_t in) {
  Linear made;
  ASSIGN_OR_RETURN(const std::vector<float> weight, numbers(file, name + ".weight", {out, in}));
  ASSIGN_OR_RETURN(made.bias, numbers(file, name + ".bias", {out}));
  const MatrixSource source{reinterpret_cast<const std::byte*>(weight.data()), out, QuantType::kF32};
  ASSIGN_OR_RETURN(made.weight, pack(source, in, isa_, pool_, arena_));
  return made;
}

Status Encoder::read(const SafetensorsFile& file) {
  const SafeTensor* words = file.find("embeddings.word_embeddings.weight");
  const SafeTensor* up = file.find("encoder.layer.0.intermediate.dense.weight");
  if (words == nullptr || up == nullptr || words->shape.size() != 2 || up->shape.size() != 2) {
    return fail(ErrorCode::kCorrupt, "'" + file.path() + "' is no BERT encoder", "fetch all-minilm-l6-v2");
  }
  vocabulary_ = words->shape[0];
  width_ = words->shape[1];
  hidden_ = up->shape[0];
  if (width_ % kHeadDim != 0 || width_ == 0 || width_ > 4096 || hidden_ % 32 != 0) {
    return fail(ErrorCode::kUnsupported,
                "'" + file.path() + "': a width of " + std::to_string(width_) + " is not supported");
  }
  heads_ = width_ / kHeadDim;
  const auto norm = [&](const std::string& name) -> Result<Norm> {
    Norm made;
    ASSIGN_OR_RETURN(made.weight, numbers(file, name + ".weight", {width_}));
    ASSIGN_OR_RETURN(made.bias, numbers(file, name + ".bias", {width_}));
    return made;
  };
  ASSIGN_OR_RETURN(words_, numbers(file, "embeddings.word_embeddings.weight", {vocabulary_, width_}));
  ASSIGN_OR_RETURN(positions_, numbers(file, "embeddings.position_embeddings.weight", {0, width_}));
  ASSIGN_OR_RETURN(kind_, numbers(file, "embeddings.token_type_embeddings.weight", {0, width_}));
  if (positions_.size() < kTokensMax * width_ || kind_.empty()) {
    return fail(ErrorCode::kCorrupt, "'" + file.path() + "' has too few position embeddings");
  }
  ASSIGN_OR_RETURN(embedding_norm_, norm("embeddings.LayerNorm"));
  for (int i = 0; file.find("encoder.layer." + std::to_string(i) + ".output.dense.weight") != nullptr; ++i) {
    const std::string prefix = "encoder.layer." + std::to_string(i) + ".";
    Layer layer;
    ASSIGN_OR_RETURN(layer.query, linear(file, prefix + "attention.self.query", width_, width_));
    ASSIGN_OR_RETURN(layer.key, linear(file, prefix + "attention.self.key", width_, width_));
    ASSIGN_OR_RETURN(layer.value, linear(file, prefix + "attention.self.value", width_, width_));
    ASSIGN_OR_RETURN(layer.output, linear(file, prefix + "attention.output.dense", width_, width_));
    ASSIGN_OR_RETURN(layer.attention_norm, norm(prefix + "attention.output.LayerNorm"));
    ASSIGN_OR_RETURN(layer.up, linear(file, prefix + "intermediate.dense", hidden_, width_));
    ASSIGN_OR_RETURN(layer.down, linear(file, prefix + "output.dense", width_, hidden_));
    ASSIGN_OR_RETURN(layer.output_norm, norm(prefix + "output.LayerNorm"));
    layers_.push_back(std::move(layer));
  }
  return {};
}

long long Encoder::weight_bytes() const {
  std::size_t bytes = (words_.size() + positions_.size()) * sizeof(float);
  for (const Layer& layer : layers_) {
    for (const Linear* linear : {&layer.query, &layer.key, &layer.value, &layer.output, &layer.up, &layer.down}) {
      bytes += linear->weight.bytes;
    }
  }
  return static_cast<long long>(bytes);
}

void Encoder::embed(std::span<const std::vector<TokenId>> sequences, Rows& rows) const {
  rows.begins.assign(1, 0);
  for (const std::vector<TokenId>& sequence : sequences) {
    CHECK(!sequence.empty() && sequence.size() <= kTokensMax, "a text has 1 to 256 tokens");
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
      for (std::size_t i = 0; i < width_; ++i)
        x[i] = words_[id * width_ + i] + positions_[position * width_ + i] + kind_[i];
      normalise(x, embedding_norm_.weight, embedding_norm_.bias);
    }
  }
}

/// y = x · wᵀ + bias for this worker's share of the outputs. A barrier must follow.
void Encoder::apply(const Linear& linear, const QuantizedRows& x, float* y, int worker) const {
  const std::size_t out = linear.weight.rows;
  matmul(linear.weight, x, y, out, worker, pool_.threads());
  pool_.barrier(worker);
  const Share share = share_of(x.m, 1, worker, pool_.threads());
  for (std::size_t row = share.begin; row < share.end; ++row) {
    for (std::size_t i = 0; i < out; ++i) y[row * out + i] += linear.bias[i];
  }
}

/// x = norm(x + mixed) for this worker's rows of the part.
void Encoder::add_and_normalise(Rows& rows, Part part, const Norm& norm, int worker) const {
  const Share share = share_of(part.end - part.begin, 1, worker, pool_.threads());
  for (std::size_t row = part.begin + share.begin; row < part.begin + share.end; ++row) {
    float* x = rows.x.data() + row * width_;
    for (std::size_t i = 0; i < width_; ++i) x[i] += rows.mixed[row * width_ + i];
    normalise(x, norm.weight, norm.bias);
  }
}

/// The part's tokens look at every token of their text; heads of texts are shared out one by one.
void Encoder::attend(Rows& rows, Part part, int worker) const {
  const float scale = 1 / std::sqrt(static_cast<float>(kHeadDim));
  std::vector<float> keys(kHeadDim * kTokensMax), scores(kTokensMax);
  const auto text_of = [&rows](std::size_t row) {
    return static_cast<std::size_t>(std::upper_bound(rows.begins.begin(), rows.begins.end(), row) -
                                    rows.begins.begin()) -
           1;
  };
  const std::size_t first = text_of(part.begin), last = text_of(part.end - 1);
  const std::size_t tasks = (last + 1 - first) * heads_;
  for (std::size_t task = static_cast<std::size_t>(worker); task < tasks;
       task += static_cast<std::size_t>(pool_.threads())) {
    const std::size_t text = first + task / heads_;
    const std::size_t begin = rows.begins[text], end = rows.begins[text + 1], count = end - begin;
    const std::size_t offset = begin * width_ + task % heads_ * kHeadDim;
    // Keys turned around, so that the scores of one query are one sweep per dimension.
    for (std::size_t j = 0; j < count; ++j) {
      for (std::size_t d = 0; d < kHeadDim; ++d) keys[d * count + j] = rows.key[offset + j * width_ + d];
    }
    for (std::size_t i = std::max(begin, part.begin) - begin; i < std::min(end, part.end) - begin; ++i) {
      const float* query = rows.query.data() + offset + i * width_;
      std::fill_n(scores.begin(), count, 0.0F);
      for (std::size_t d = 0; d < kHeadDim; ++d) {
        const float q = query[d] * scale;
        for (std::size_t j = 0; j < count; ++j) scores[j] += q * keys[d * count + j];
      }
      const float highest = *std::max_element(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(count));
      float sum = 0;
      for (std::size_t j = 0; j < count; ++j) {
        scores[j] = std::exp(scores[j] - highest);
        sum += scores[j];
      }
      float out[kHeadDim] = {};
      for (std::size_t j = 0; j < count; ++j) {
        const float* value = rows.value.data() + offset + j * width_;
        for (std::size_t d = 0; d < kHeadDim; ++d) out[d] += scores[j] * value[d];
      }
      for (std::size_t d = 0; d < kHeadDim; ++d) rows.mixed[offset + i * width_ + d] = out[d] / sum;
    }
  }
}

void Encoder::project(const Layer& layer, Rows& rows, Part part, int worker) const {
  const std::size_t offset = part.begin * width_;
  quantize_rows(rows.x.data() + offset, width_, rows.operand, worker, pool_.threads());
  pool_.barrier(worker);
  apply(layer.query, rows.operand, rows.query.data() + offset, worker);
  apply(layer.key, rows.operand, rows.key.data() + offset, worker);
  apply(layer.value, rows.operand, rows.value.data() + offset, worker);
}

void Encoder::attend_and_transform(const Layer& layer, Rows& rows, Part part, int worker) const {
  const int threads = pool_.threads();
  const std::size_t offset = part.begin * width_;
  float* hidden = rows.hidden.data() + part.begin * hidden_;
  attend(rows, part, worker);
  pool_.barrier(worker);
  quantize_rows(rows.mixed.data() + offset, width_, rows.operand, worker, threads);
  pool_.barrier(worker);
  apply(layer.output, rows.operand, rows.mixed.data() + offset, worker);
  pool_.barrier(worker);
  add_and_normalise(rows, part, layer.attention_norm, worker);
  pool_.barrier(worker);
  quantize_rows(rows.x.data() + offset, width_, rows.operand, worker, threads);
  pool_.barrier(worker);
  apply(layer.up, rows.operand, hidden, worker);
  pool_.barrier(worker);
  const Share share = share_of((part.end - part.begin) * hidden_, 1, worker, threads);
  for (std::size_t i = share.begin; i < share.end; ++i) {
    hidden[i] = 0.5F * hidden[i] * (1 + std::erf(hidden[i] * 0.70710678118F));
  }
  pool_.barrier(worker);
  quantize_rows(hidden, hidden_, rows.wide, worker, threads);
  pool_.barrier(worker);
  apply(layer.down, rows.wide, rows.mixed.data() + offset, worker);
  pool_.barrier(worker);
  add_and_normalise(rows, part, layer.output_norm, worker);
}

std::unique_ptr<Encoder::Rows> Encoder::begin(std::span<const std::vector<TokenId>> sequences) const {
  auto rows = std::make_unique<Rows>();
  embed(sequences, *rows);
  for (std::vector<float>* array : {&rows->query, &rows->key, &rows->value, &rows->mixed})
    array->resize(rows->count * width_);
  rows->hidden.resize(rows->count * hidden_);
  return rows;
}

std::size_t Encoder::advance(Rows& rows, std::size_t rows_max) {
  if (is_done(rows)) return 0;
  const Layer& layer = layers_[rows.layers_done];
  // A row of the projections is a third of the work of what follows them.
  const std::size_t most = std::max<std::size_t>(1, rows_max) * (rows.projected ? 1 : kProjectionsPerRow);
  const Part part{rows.part_begin, std::min(rows.count, rows.part_begin + most)};
  rows.operand.reserve(part.end - part.begin, width_, isa_, true);
  if (rows.projected) {
    rows.wide.reserve(part.end - part.begin, hidden_, isa_, true);
    pool_.run([&](int worker) { attend_and_transform(layer, rows, part, worker); });
  } else {
    pool_.run([&](int worker) { project(layer, rows, part, worker); });
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
    for (std::size_t row = rows.begins[text]; row < rows.begins[text + 1]; ++row) {
      for (std::size_t i = 0; i < width_; ++i) vector[i] += rows.x[row * width_ + i];
    }
    double square = 0;
    for (const float value : vector) square += static_cast<double>(value) * value;
    const auto inverse = static_cast<float>(1 / std::max(std::sqrt(square), 1e-12));
    for (float& value : vector) value *= inverse;
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

std::vector<std::vector<float>> Encoder::encode(std::span<const std::vector<TokenId>> sequences) {
  const std::unique_ptr<Rows> rows = begin(sequences);
  while (!is_done(*rows)) static_cast<void>(advance(*rows, rows->count));
  return vectors(*rows);
}

}  // namespace mnema
