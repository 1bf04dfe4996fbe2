#include "inference/model/decoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace mnema {
namespace {

// Up to this many rows it is faster that every worker repeats the row-wise lines on copies of its own than that they
// share them and wait for each other.
constexpr int kSmallBatchRows = 2;

// Partial attention states: enough to split a decode step of every geometry at 32k positions.
constexpr std::size_t kPartialFloats = std::size_t{1} << 20;

// After so many embedding rows were read from the file, its pages are released: the table of a large vocabulary
// would otherwise slowly become resident beside its repacked copy.
constexpr std::size_t kEmbeddingRowsKept = 16384;

bool has_float_weights(const Model& model) {
  for (const LayerWeights& w : model.layers) {
    for (const PackedMatrix* matrix :
         {&w.query.weight, &w.key.weight, &w.value.weight, &w.output.weight, &w.gate, &w.up, &w.down}) {
      if (matrix->needs_floats()) return true;
    }
  }
  return false;
}

std::size_t product(int a, int b) { return static_cast<std::size_t>(a) * static_cast<std::size_t>(b); }

}  // namespace

Decoder::Decoder(const Model& model, InstructionSet isa, PageStoreCpu& pages, int rows_max, ThreadPool& pool)
    : model_(model),
      parameters_(model.parameters),
      pages_(pages),
      pool_(pool),
      isa_(isa),
      elementwise_(elementwise_kernels(isa)),
      attention_(attention_kernels(isa)),
      output_(model, isa, pool),
      rows_max_(rows_max),
      keep_floats_(has_float_weights(model)),
      spread_keys_(pages.kv_type() == KvType::kInt8 && std::has_single_bit(static_cast<unsigned>(parameters_.key_dim))),
      embedding_(static_cast<std::size_t>(parameters_.embedding)),
      query_width_(product(parameters_.heads, parameters_.key_dim)),
      key_width_(product(parameters_.kv_heads, parameters_.key_dim)),
      value_width_(product(parameters_.kv_heads, parameters_.value_dim)),
      qkv_width_(query_width_ + key_width_ + value_width_),
      mixed_width_(product(parameters_.heads, parameters_.value_dim)),
      hidden_width_(static_cast<std::size_t>(parameters_.feed_forward)),
      normed_width_(std::max(embedding_, mixed_width_)),
      pairs_(std::max(parameters_.rope.frequencies.size(), parameters_.rope_sliding.frequencies.size())),
      next_task_(static_cast<std::size_t>(parameters_.layers)),
      workers_(static_cast<std::size_t>(pool.threads())) {
  auto rows = static_cast<std::size_t>(rows_max);
  scratch_.reserve(&residual_, rows * embedding_);
  scratch_.reserve(&normed_, rows * normed_width_);
  scratch_.reserve(&qkv_, rows * qkv_width_);
  scratch_.reserve(&mixed_, rows * mixed_width_);
  scratch_.reserve(&projected_, rows * embedding_);
  scratch_.reserve(&hidden_, rows * hidden_width_);
  for (int kind : {0, 1}) {
    scratch_.reserve(&cosines_[kind], rows * pairs_);
    scratch_.reserve(&sines_[kind], rows * pairs_);
  }
  scratch_.reserve(&partials_, kPartialFloats);
  for (Worker& worker : workers_) {
    scratch_.reserve(&worker.own_residual, kSmallBatchRows * embedding_);
    scratch_.reserve(&worker.own_normed, kSmallBatchRows * normed_width_);
    scratch_.reserve(&worker.state, 2 * AttentionPlan::state_floats(kAttentionTileRowsMax, parameters_.value_dim));
    scratch_.reserve(&worker.scratch, attention_scratch_floats(parameters_.key_dim, parameters_.value_dim));
  }
  scratch_.commit();
  rows_.reserve(rows_max);
}

Status Decoder::run(std::span<SequenceStep> batch) {
  RETURN_IF_ERROR(check(batch));
  prepare(batch);
  if (!all_cancelled_) {
    pool_.run([this](int worker) { forward(worker); });
  }
  embedding_rows_read_ += rows_.rows.size();
  if (embedding_rows_read_ > kEmbeddingRowsKept) {
    model_.file->drop_pages(model_.token_embedding->data);
    embedding_rows_read_ = 0;
  }
  batch_ = {};
  if (all_cancelled_) return fail(ErrorCode::kCancelled, "every sequence of the step was cancelled");
  return {};
}

// The model. Each line is one equation over all rows of the batch; x is the residual stream.
void Decoder::forward(int worker) {
  int threads = pool_.threads();
  Worker& own = workers_[static_cast<std::size_t>(worker)];

  embed(worker);  // x = E[token] · scale
  for (int layer = 0; layer < parameters_.layers; ++layer) {
    const LayerWeights& w = model_.layers[static_cast<std::size_t>(layer)];

    normalize(worker, w.attention_norm);  // n = norm(x)
    row_barrier(worker);
    project_qkv(worker, w);  // q, k, v = n·Wq, n·Wk, n·Wv
    pool_.barrier(worker);
    rotate_and_store(worker, layer);  // q, k = rope(q + b), rope(k + b); k, v → pages
    pool_.barrier(worker);
    attend(worker, layer);  // a = softmax(q·kᵀ)·v, over the pages
    pool_.barrier(worker);
    gather_attention(worker, layer);
    row_barrier(worker);
    matmul(w.output.weight, *own.mixed, projected_, embedding_, worker, threads);
    pool_.barrier(worker);
    add_to_residual(worker, w.output.bias, w.attention_post_norm);  // x = x + a·Wo + b

    normalize(worker, w.ffn_norm);  // n = norm(x)
    row_barrier(worker);
    matmul_gate_up(w.gate, w.up, parameters_.activation, *own.embedding, hidden_, hidden_width_, worker, threads);
    pool_.barrier(worker);
    quantize_hidden(worker);  // h = act(n·Wgate) ⊙ (n·Wup)
    row_barrier(worker);
    matmul(w.down, *own.hidden, projected_, embedding_, worker, threads);
    if (worker == 0) note_cancellations();
    pool_.barrier(worker);
    if (all_cancelled_) return;
    add_to_residual(worker, {}, w.ffn_post_norm);  // x = x + h·Wdown
  }
  output_.choose(worker, rows_, batch_, cancelled_, own.residual);  // token ~ norm(x)·Wout, where it is wanted
}

Status Decoder::check(std::span<const SequenceStep> batch) const {
  std::size_t rows = 0;
  for (const SequenceStep& step : batch) {
    CHECK(!step.tokens.empty() && step.position >= 0, "a sequence brings at least one token");
    CHECK(step.logits_wanted >= 0 && step.logits_wanted <= static_cast<int>(step.tokens.size()),
          "logits are wanted of tokens that the step runs");
    std::size_t end = static_cast<std::size_t>(step.position) + step.tokens.size();
    CHECK(step.pages.size() * kPageTokens >= end, "the page table covers every position of the step");
    for (PageId page : step.pages)
      CHECK(page >= 0 && page < pages_.pages_total(), "the table names pages of the store");
    if (end > static_cast<std::size_t>(parameters_.context_length)) {
      return fail(ErrorCode::kContextLengthExceeded,
                  fmt::format("position {} is beyond the model's {}", end - 1, parameters_.context_length));
    }
    for (TokenId token : step.tokens) {
      if (token < 0 || token >= parameters_.vocabulary) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("token id {} is outside the vocabulary of {}", token, parameters_.vocabulary));
      }
    }
    rows += step.tokens.size();
  }
  CHECK(rows <= static_cast<std::size_t>(rows_max_), "a step has at most tokens_per_step_max rows");
  return {};
}

void Decoder::prepare(std::span<SequenceStep> batch) {
  batch_ = batch;
  rows_.lay_out(batch);
  small_batch_ = rows_.size() <= kSmallBatchRows;
  AttentionGeometry geometry{parameters_.kv_heads, parameters_.heads / parameters_.kv_heads, parameters_.value_dim, 0,
                             pool_.threads()};
  global_plan_.build(batch, geometry, kPartialFloats);
  if (parameters_.window > 0) {
    geometry.window = parameters_.window;
    sliding_plan_.build(batch, geometry, kPartialFloats);
  }
  for (std::atomic<int>& next : next_task_) next.store(0, std::memory_order_relaxed);
  cancelled_.assign(batch.size(), 0);
  note_cancellations();

  auto rows = static_cast<std::size_t>(rows_.size());
  auto reserve = [&](QuantizedRows& embedding, QuantizedRows& mixed, QuantizedRows& hidden) {
    embedding.reserve(rows, embedding_, isa_, keep_floats_);
    mixed.reserve(rows, mixed_width_, isa_, keep_floats_);
    hidden.reserve(rows, hidden_width_, isa_, keep_floats_);
  };
  if (!small_batch_) reserve(quantized_embedding_, quantized_mixed_, quantized_hidden_);
  for (Worker& own : workers_) {
    if (small_batch_) reserve(own.own_embedding, own.own_mixed, own.own_hidden);
    own.residual = small_batch_ ? own.own_residual : residual_;
    own.normed = small_batch_ ? own.own_normed : normed_;
    own.embedding = small_batch_ ? &own.own_embedding : &quantized_embedding_;
    own.mixed = small_batch_ ? &own.own_mixed : &quantized_mixed_;
    own.hidden = small_batch_ ? &own.own_hidden : &quantized_hidden_;
  }
  output_.prepare(batch);
}

void Decoder::note_cancellations() {
  all_cancelled_ = !batch_.empty();
  for (std::size_t s = 0; s < batch_.size(); ++s) {
    const std::atomic<bool>* flag = batch_[s].cancelled;
    if (flag != nullptr && flag->load(std::memory_order_relaxed)) cancelled_[s] = 1;
    if (cancelled_[s] == 0) all_cancelled_ = false;
  }
}

Share Decoder::rows_of(int worker) const {
  auto rows = static_cast<std::size_t>(rows_.size());
  return small_batch_ ? Share{0, rows} : share_of(rows, 1, worker, pool_.threads());
}

void Decoder::row_barrier(int worker) {
  if (!small_batch_) pool_.barrier(worker);
}

void Decoder::quantize(int worker, const float* x, std::size_t stride, QuantizedRows& out) {
  if (small_batch_)
    quantize_rows(x, stride, out, 0, 1);
  else
    quantize_rows(x, stride, out, worker, pool_.threads());
}

void Decoder::embed(int worker) {
  Worker& own = workers_[static_cast<std::size_t>(worker)];
  const GgufTensor& table = *model_.token_embedding;
  std::size_t bytes_per_row = row_bytes(table.type, embedding_);
  Share share = rows_of(worker);
  for (std::size_t row = share.begin; row < share.end; ++row) {
    float* x = own.residual + row * embedding_;
    auto token = static_cast<std::size_t>(rows_.rows[row].token);
    dequantize_row(table.type, table.data.data() + token * bytes_per_row, x, embedding_);
    if (parameters_.embedding_scale != 1) elementwise_.scale(x, parameters_.embedding_scale, embedding_);
  }

  // The angles of this step's positions, shared by all layers; the barrier before attention covers them.
  Share angles = share_of(static_cast<std::size_t>(rows_.size()), 1, worker, pool_.threads());
  for (std::size_t row = angles.begin; row < angles.end; ++row) {
    for (int kind : {0, 1}) {
      const std::vector<double>& frequencies = (kind == 0 ? parameters_.rope : parameters_.rope_sliding).frequencies;
      for (std::size_t i = 0; i < frequencies.size(); ++i) {
        double angle = rows_.rows[row].position * frequencies[i];
        cosines_[kind][row * pairs_ + i] = static_cast<float>(std::cos(angle));
        sines_[kind][row * pairs_ + i] = static_cast<float>(std::sin(angle));
      }
    }
  }
}

void Decoder::normalize(int worker, const std::vector<float>& weight) {
  Worker& own = workers_[static_cast<std::size_t>(worker)];
  Share share = rows_of(worker);
  for (std::size_t row = share.begin; row < share.end; ++row) {
    elementwise_.rms_norm(own.residual + row * embedding_, weight.data(), parameters_.norm_epsilon,
                          own.normed + row * normed_width_, embedding_);
  }
  quantize(worker, own.normed, normed_width_, *own.embedding);
}

void Decoder::project_qkv(int worker, const LayerWeights& w) {
  const QuantizedRows& n = *workers_[static_cast<std::size_t>(worker)].embedding;
  int threads = pool_.threads();
  matmul(w.query.weight, n, qkv_, qkv_width_, worker, threads);
  matmul(w.key.weight, n, qkv_ + query_width_, qkv_width_, worker, threads);
  matmul(w.value.weight, n, qkv_ + query_width_ + key_width_, qkv_width_, worker, threads);
}

void Decoder::rotate_head(float* head, const std::vector<float>& norm, int row, bool sliding) const {
  auto key_dim = static_cast<std::size_t>(parameters_.key_dim);
  const Rope& rope = sliding ? parameters_.rope_sliding : parameters_.rope;
  std::size_t kind = sliding ? 1 : 0, offset = static_cast<std::size_t>(row) * pairs_;
  if (!norm.empty()) elementwise_.rms_norm(head, norm.data(), parameters_.norm_epsilon, head, key_dim);
  elementwise_.rope(head, cosines_[kind] + offset, sines_[kind] + offset, rope.frequencies.size(), rope.pairing);
  // Turning queries and keys alike leaves their products, and 8 bits hold what no single dimension dominates.
  if (spread_keys_) elementwise_.spread(head, key_dim);
}

void Decoder::rotate_and_store(int worker, int layer) {
  const LayerWeights& w = model_.layers[static_cast<std::size_t>(layer)];
  auto key_dim = static_cast<std::size_t>(parameters_.key_dim),
       value_dim = static_cast<std::size_t>(parameters_.value_dim);
  auto heads = static_cast<std::size_t>(parameters_.heads), kv_heads = static_cast<std::size_t>(parameters_.kv_heads);
  bool sliding = parameters_.is_sliding(layer);
  AttentionShape shape{parameters_.key_dim, parameters_.value_dim, pages_.kv_type() == KvType::kInt8, 0, 0};

  Share share = share_of(static_cast<std::size_t>(rows_.size()) * (heads + kv_heads), 1, worker, pool_.threads());
  for (std::size_t unit = share.begin; unit < share.end; ++unit) {
    std::size_t row = unit / (heads + kv_heads), head = unit % (heads + kv_heads);
    float* query = qkv_ + row * qkv_width_;
    if (head < heads) {
      float* q = query + head * key_dim;
      if (!w.query.bias.empty()) elementwise_.add(q, w.query.bias.data() + head * key_dim, key_dim);
      rotate_head(q, w.query_norm, static_cast<int>(row), sliding);
      elementwise_.scale(q, parameters_.attention_scale, key_dim);
      continue;
    }
    std::size_t kv_head = head - heads;
    float* k = query + query_width_ + kv_head * key_dim;
    float* v = query + query_width_ + key_width_ + kv_head * value_dim;
    if (!w.key.bias.empty()) elementwise_.add(k, w.key.bias.data() + kv_head * key_dim, key_dim);
    if (!w.value.bias.empty()) elementwise_.add(v, w.value.bias.data() + kv_head * value_dim, value_dim);
    rotate_head(k, w.key_norm, static_cast<int>(row), sliding);
    const BatchRows::Row& at = rows_.rows[row];
    PageId page =
        batch_[static_cast<std::size_t>(at.sequence)].pages[static_cast<std::size_t>(at.position / kPageTokens)];
    attention_.write_kv(shape, k, v, pages_.block(page, layer, static_cast<int>(kv_head)), at.position % kPageTokens);
  }
}

void Decoder::attend(int worker, int layer) {
  Worker& own = workers_[static_cast<std::size_t>(worker)];
  const AttentionPlan& plan = parameters_.is_sliding(layer) ? sliding_plan_ : global_plan_;
  std::atomic<int>& next = next_task_[static_cast<std::size_t>(layer)];
  int count = static_cast<int>(plan.tasks().size());
  for (int i = next.fetch_add(1, std::memory_order_relaxed); i < count;
       i = next.fetch_add(1, std::memory_order_relaxed)) {
    const AttentionPlan::Task& task = plan.tasks()[static_cast<std::size_t>(i)];
    if (cancelled_[static_cast<std::size_t>(plan.tile(task.tile).sequence)] == 0) attend_task(own, plan, task, layer);
  }
}

void Decoder::attend_task(Worker& own, const AttentionPlan& plan, const AttentionPlan::Task& task, int layer) {
  const AttentionPlan::Tile& tile = plan.tile(task.tile);
  const SequenceStep& step = batch_[static_cast<std::size_t>(tile.sequence)];
  int heads = parameters_.heads / parameters_.kv_heads, rows = tile.tokens * heads, value_dim = parameters_.value_dim;
  int window = parameters_.is_sliding(layer) ? parameters_.window : 0;
  AttentionShape shape{parameters_.key_dim, value_dim, pages_.kv_type() == KvType::kInt8, window,
                       parameters_.attention_soft_cap};
  const float* queries =
      qkv_ + static_cast<std::size_t>(tile.row) * qkv_width_ + product(task.kv_head * heads, parameters_.key_dim);
  AttentionTile queries_tile{queries, qkv_width_, tile.tokens, heads, tile.position};

  int oldest = window > 0 ? std::max(0, tile.position - window + 1) : 0;
  int first_page = oldest / kPageTokens, end_page = (tile.position + tile.tokens - 1) / kPageTokens + 1;
  auto block = [&](int page) { return pages_.block(step.pages[static_cast<std::size_t>(page)], layer, task.kv_head); };

  AttentionState total = AttentionPlan::state_at(own.state, rows);
  if (!tile.split) attention_.reset(total, rows, value_dim);
  for (int group = task.first_group; group < task.end_group; ++group) {
    int page = std::max(group * kGroupPages, first_page), end = std::min((group + 1) * kGroupPages, end_page);
    std::array<KvBlock, kGroupPages> pages;
    for (int i = page; i < end; ++i) pages[static_cast<std::size_t>(i - page)] = block(i);
    KvBlock next{};
    bool goes_on = end < end_page && group + 1 < task.end_group;
    if (goes_on) next = block(end);
    // A split tile leaves its groups where gather_attention looks for them.
    float* memory = tile.split ? partials_ + plan.partial_offset(tile, task.kv_head, group)
                               : own.state + AttentionPlan::state_floats(rows, value_dim);
    AttentionState seen = AttentionPlan::state_at(memory, rows);
    attention_.attend_group(shape, queries_tile, pages.data(), end - page, page * kPageTokens,
                            goes_on ? &next : nullptr, seen, own.scratch);
    if (!tile.split) attention_.merge(total, seen, rows, value_dim);
  }
  if (tile.split) return;
  for (int token = 0; token < tile.tokens; ++token) {
    AttentionState state{total.maximum + token * heads, total.sum + token * heads,
                         total.out + product(token * heads, value_dim)};
    float* out =
        mixed_ + static_cast<std::size_t>(tile.row + token) * mixed_width_ + product(task.kv_head * heads, value_dim);
    attention_.finish(state, heads, value_dim, out, static_cast<std::size_t>(value_dim));
  }
}

// Merges the groups of split tiles, in order, and quantises the rows for the output projection.
void Decoder::gather_attention(int worker, int layer) {
  Worker& own = workers_[static_cast<std::size_t>(worker)];
  const AttentionPlan& plan = parameters_.is_sliding(layer) ? sliding_plan_ : global_plan_;
  int heads = parameters_.heads / parameters_.kv_heads, value_dim = parameters_.value_dim;
  Share share = rows_of(worker);
  for (std::size_t row = share.begin; row < share.end; ++row) {
    const AttentionPlan::Tile& tile = plan.tile_of_row(static_cast<int>(row));
    float* out = own.normed + row * normed_width_;
    if (!tile.split) {
      std::memcpy(out, mixed_ + row * mixed_width_, mixed_width_ * sizeof(float));
      continue;
    }
    int first = (static_cast<int>(row) - tile.row) * heads;  // of this token's rows in the tile
    for (int kv_head = 0; kv_head < parameters_.kv_heads; ++kv_head) {
      AttentionState total = AttentionPlan::state_at(own.state, heads);
      attention_.reset(total, heads, value_dim);
      for (int group = tile.first_group; group < tile.end_group; ++group) {
        AttentionState part =
            AttentionPlan::state_at(partials_ + plan.partial_offset(tile, kv_head, group), tile.tokens * heads);
        attention_.merge(total, {part.maximum + first, part.sum + first, part.out + product(first, value_dim)}, heads,
                         value_dim);
      }
      attention_.finish(total, heads, value_dim, out + product(kv_head * heads, value_dim),
                        static_cast<std::size_t>(value_dim));
    }
  }
  quantize(worker, own.normed, normed_width_, *own.mixed);
}

void Decoder::add_to_residual(int worker, const std::vector<float>& bias, const std::vector<float>& post_norm) {
  Worker& own = workers_[static_cast<std::size_t>(worker)];
  Share share = rows_of(worker);
  for (std::size_t row = share.begin; row < share.end; ++row) {
    const float* y = projected_ + row * embedding_;
    float* scratch = own.normed + row * normed_width_;
    if (!bias.empty()) {
      std::memcpy(scratch, y, embedding_ * sizeof(float));
      elementwise_.add(scratch, bias.data(), embedding_);
      y = scratch;
    }
    if (!post_norm.empty()) {
      elementwise_.rms_norm(y, post_norm.data(), parameters_.norm_epsilon, scratch, embedding_);
      y = scratch;
    }
    elementwise_.add(own.residual + row * embedding_, y, embedding_);
  }
}

void Decoder::quantize_hidden(int worker) {
  quantize(worker, hidden_, hidden_width_, *workers_[static_cast<std::size_t>(worker)].hidden);
}

}  // namespace mnema
