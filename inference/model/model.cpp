#include "inference/model/model.hpp"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "inference/kernels/weight_arena.hpp"
#include "inference/model/weights_digest.hpp"

namespace mnema {
namespace {

/// A small vocabulary's logits cost less than looking for the ones that matter.
constexpr std::size_t kScreenedRowsMin = 8192;

/// Takes tensors out of the file by name, one after the other: checks the shape, hashes the bytes, repacks matrices
/// and drops their pages, so that loading never holds a model twice.
class TensorReader {
 public:
  TensorReader(Model& model, InstructionSet isa, ThreadPool& pool)
      : model_(model), file_(*model.file), isa_(isa), pool_(pool), digest_(pool) {}

  bool has(const std::string& name) const { return file_.find_tensor(name) != nullptr; }

  /// F32 vectors (norms, biases); other types are dequantised.
  Result<std::vector<float>> vector(const std::string& name, std::size_t size) {
    ASSIGN_OR_RETURN(const GgufTensor* tensor, take(name, 1, size));
    std::vector<float> values(size);
    dequantize_row(tensor->type, tensor->data.data(), values.data(), size);
    for (float value : values) {
      if (!std::isfinite(value)) return damaged(name, "it holds a value that is no finite number");
    }
    model_.bytes_resident += static_cast<long long>(size * sizeof(float));
    return values;
  }

  Result<PackedMatrix> matrix(const std::string& name, std::size_t rows, std::size_t columns) {
    ASSIGN_OR_RETURN(const GgufTensor* tensor, take(name, rows, columns));
    Result<PackedMatrix> packed = pack(source_of(*tensor), columns, isa_, pool_, arena_);
    if (!packed.ok()) return placed(packed.error(), *tensor);
    note_packed(*tensor, packed->bytes);
    return packed;
  }

  /// The matrix that gives logits.
  Result<ScreenedMatrix> output_matrix(const GgufTensor& tensor) {
    Result<ScreenedMatrix> packed =
        pack_screened(source_of(tensor), tensor.columns(), model_.output_norm, isa_, pool_, arena_, kScreenedRowsMin);
    if (!packed.ok()) return placed(packed.error(), tensor);
    note_packed(tensor, packed->bytes());
    return packed;
  }

  Result<Linear> linear(const std::string& name, std::size_t rows, std::size_t columns, bool bias_required) {
    Linear linear;
    ASSIGN_OR_RETURN(linear.weight, matrix(name + ".weight", rows, columns));
    if (bias_required || has(name + ".bias")) {
      ASSIGN_OR_RETURN(linear.bias, vector(name + ".bias", rows));
    }
    return linear;
  }

  /// The tensor itself, checked and hashed, for what stays in the file.
  Result<const GgufTensor*> take(const std::string& name, std::size_t rows, std::size_t columns) {
    const GgufTensor* tensor = file_.find_tensor(name);
    if (tensor == nullptr) return damaged(name, "it is missing");
    if (tensor->columns() != columns || tensor->rows() != rows) {
      return damaged(
          name, fmt::format("it is {} x {} where {} x {} is needed", tensor->rows(), tensor->columns(), rows, columns));
    }
    QuantTraits traits = traits_of(tensor->type);
    if (traits.block_values == 0) {
      return fail(ErrorCode::kUnsupported, fmt::format("tensor '{}' of '{}' has type {}, which cannot be read", name,
                                                       file_.path(), static_cast<unsigned>(tensor->type)));
    }
    if (columns % static_cast<std::size_t>(traits.block_values) != 0 ||
        tensor->data.size() != rows * row_bytes(tensor->type, columns)) {
      return damaged(name, fmt::format("{} bytes do not hold {} x {} values of type {}", tensor->data.size(), rows,
                                       columns, traits.name));
    }
    if (!taken_.insert(tensor->name).second) return damaged(name, "it is named twice");
    digest_.add(*tensor);
    return tensor;
  }

  /// Everything read, nothing left over? Then the digest of it all.
  Result<std::string> finish() {
    for (const GgufTensor& tensor : file_.tensors()) {
      if (!taken_.contains(tensor.name)) {
        return fail(ErrorCode::kUnsupported,
                    fmt::format("tensor '{}' of '{}' has no place in architecture '{}'", tensor.name, file_.path(),
                                model_.parameters.architecture),
                    "leaving it out would compute another model than the file's");
      }
    }
    return digest_.finish();
  }

  WeightsDigest& digest() { return digest_; }

 private:
  static MatrixSource source_of(const GgufTensor& tensor) { return {tensor.data.data(), tensor.rows(), tensor.type}; }

  Error placed(Error error, const GgufTensor& tensor) const {
    error.message = fmt::format("tensor '{}' of '{}': {}", tensor.name, file_.path(), error.message);
    return error;
  }

  void note_packed(const GgufTensor& tensor, std::size_t bytes) {
    model_.bytes_per_token += static_cast<long long>(tensor.data.size());
    model_.bytes_resident += static_cast<long long>(bytes);
    file_.drop_pages(tensor.data);
  }

  Error damaged(const std::string& name, const std::string& what) const {
    return fail(ErrorCode::kCorrupt, fmt::format("tensor '{}' of '{}': {}", name, file_.path(), what),
                "verify the file's SHA-256 and fetch it again");
  }

  Model& model_;
  const GgufFile& file_;
  InstructionSet isa_;
  ThreadPool& pool_;
  WeightArena arena_;
  WeightsDigest digest_;
  std::set<std::string> taken_;
};

Result<LayerWeights> read_layer(TensorReader& reader, const HyperParameters& p, int layer) {
  auto name = [layer](std::string_view part) { return fmt::format("blk.{}.{}", layer, part); };
  auto size = [](int n) { return static_cast<std::size_t>(n); };
  std::size_t embedding = size(p.embedding), feed_forward = size(p.feed_forward);
  std::size_t query_rows = size(p.heads) * size(p.key_dim), key_rows = size(p.kv_heads) * size(p.key_dim);
  std::size_t value_rows = size(p.kv_heads) * size(p.value_dim), mixed = size(p.heads) * size(p.value_dim);

  LayerWeights w;
  ASSIGN_OR_RETURN(w.attention_norm, reader.vector(name("attn_norm.weight"), embedding));
  ASSIGN_OR_RETURN(w.query, reader.linear(name("attn_q"), query_rows, embedding, p.has_qkv_bias));
  ASSIGN_OR_RETURN(w.key, reader.linear(name("attn_k"), key_rows, embedding, p.has_qkv_bias));
  ASSIGN_OR_RETURN(w.value, reader.linear(name("attn_v"), value_rows, embedding, p.has_qkv_bias));
  if (p.has_head_norms) {
    ASSIGN_OR_RETURN(w.query_norm, reader.vector(name("attn_q_norm.weight"), size(p.key_dim)));
    ASSIGN_OR_RETURN(w.key_norm, reader.vector(name("attn_k_norm.weight"), size(p.key_dim)));
  }
  ASSIGN_OR_RETURN(w.output, reader.linear(name("attn_output"), embedding, mixed, false));
  ASSIGN_OR_RETURN(w.ffn_norm, reader.vector(name("ffn_norm.weight"), embedding));
  ASSIGN_OR_RETURN(w.gate, reader.matrix(name("ffn_gate.weight"), feed_forward, embedding));
  ASSIGN_OR_RETURN(w.up, reader.matrix(name("ffn_up.weight"), feed_forward, embedding));
  ASSIGN_OR_RETURN(w.down, reader.matrix(name("ffn_down.weight"), embedding, feed_forward));
  if (p.has_post_norms) {
    ASSIGN_OR_RETURN(w.attention_post_norm, reader.vector(name("post_attention_norm.weight"), embedding));
    ASSIGN_OR_RETURN(w.ffn_post_norm, reader.vector(name("post_ffw_norm.weight"), embedding));
  }
  return w;
}

}  // namespace

Result<std::unique_ptr<Model>> load_model(std::shared_ptr<GgufFile> file, InstructionSet isa, ThreadPool& pool) {
  auto model = std::make_unique<Model>();
  ASSIGN_OR_RETURN(model->parameters, read_hyper_parameters(*file));
  const HyperParameters& p = model->parameters;
  model->file = std::move(file);

  TensorReader reader(*model, isa, pool);
  reader.digest().add(p);
  auto vocabulary = static_cast<std::size_t>(p.vocabulary), embedding = static_cast<std::size_t>(p.embedding);
  // Its frequencies are in the hyper-parameters already.
  if (reader.has("rope_freqs.weight")) RETURN_IF_ERROR(reader.vector("rope_freqs.weight", p.rope.frequencies.size()));
  for (int layer = 0; layer < p.layers; ++layer) {
    ASSIGN_OR_RETURN(LayerWeights weights, read_layer(reader, p, layer));
    model->layers.push_back(std::move(weights));
  }
  ASSIGN_OR_RETURN(model->output_norm, reader.vector("output_norm.weight", embedding));
  ASSIGN_OR_RETURN(model->token_embedding, reader.take("token_embd.weight", vocabulary, embedding));
  if (reader.has("output.weight")) {
    ASSIGN_OR_RETURN(const GgufTensor* output, reader.take("output.weight", vocabulary, embedding));
    ASSIGN_OR_RETURN(model->output, reader.output_matrix(*output));
  } else {
    ASSIGN_OR_RETURN(model->output, reader.output_matrix(*model->token_embedding));
  }
  ASSIGN_OR_RETURN(model->weights_digest, reader.finish());
  // The table is read row by row from here on; hashing and packing it made all of it resident.
  model->file->drop_pages(model->token_embedding->data);
  model->bytes_mapped += static_cast<long long>(model->token_embedding->data.size());
  return model;
}

}  // namespace mnema
