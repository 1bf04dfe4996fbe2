#include "inference/model/output_layer.hpp"

#include <algorithm>
#include <limits>

namespace mnema {
namespace {

// Logit rows made at a time: enough to share one pass over the output matrix, little enough to keep for 262k tokens.
constexpr std::size_t kLogitRows = 16;

// Screening reads half of the matrix, and the other half too of what it finds: beyond this share it does not pay, and
// is left off for a while.
constexpr double kReachingShareMax = 0.4;
constexpr int kPauseChunks = 64;

constexpr std::size_t kGroup = kMaximaWidth;  // rows of the matrix that are screened together
constexpr std::size_t kBlock = 32;            // columns with one scale
constexpr float kInfinity = std::numeric_limits<float>::infinity();

}  // namespace

OutputLayer::OutputLayer(const Model& model, InstructionSet isa, ThreadPool& pool)
    : model_(model),
      matrix_(model.output),
      pool_(pool),
      isa_(isa),
      elementwise_(elementwise_kernels(isa)),
      embedding_(static_cast<std::size_t>(model.parameters.embedding)),
      vocabulary_(static_cast<std::size_t>(model.parameters.vocabulary)),
      light_blocks_(matrix_.light.columns / kBlock),
      found_(static_cast<std::size_t>(pool.threads())) {
  scratch_.reserve(&normed_, kLogitRows * embedding_);
  scratch_.reserve(&energies_, kLogitRows * light_blocks_);
  scratch_.reserve(&logits_, kLogitRows * vocabulary_);
  scratch_.reserve(&light_, matrix_.is_screened() ? kLogitRows * vocabulary_ : 0);
  scratch_.commit();
  for (Found& found : found_) {
    found.floor.resize(kLogitRows);
    found.best.resize(kLogitRows);
  }
}

void OutputLayer::prepare(std::span<SequenceStep> batch) const {
  for (SequenceStep& step : batch) {
    step.chosen.clear();
    if (step.chooser != nullptr) step.chosen.reserve(static_cast<std::size_t>(step.logits_wanted));
    if (step.logits != nullptr) step.logits->resize(static_cast<std::size_t>(step.logits_wanted) * vocabulary_);
  }
}

void OutputLayer::choose(int worker, const BatchRows& rows, std::span<SequenceStep> batch,
                         const std::vector<char>& cancelled, const float* residual) {
  if (rows.wanted.empty()) return;
  pool_.barrier(worker);  // the wanted rows may be another worker's
  for (std::size_t begin = 0; begin < rows.wanted.size(); begin += kLogitRows) {
    const auto wanted = std::span(rows.wanted).subspan(begin, std::min(kLogitRows, rows.wanted.size() - begin));
    // Asked before any chooser of these rows is called, so that all workers find the same.
    const bool screened = pause_ == 0 && may_screen(wanted, batch);
    normalise(worker, wanted, residual);
    if (screened)
      choose_from_best(worker, wanted, batch, cancelled);
    else
      choose_from_all(worker, wanted, batch, cancelled);
    pool_.barrier(worker);
    if (worker == 0) decide_pause(screened);
    pool_.barrier(worker);
  }
}

// Either way gives the same tokens, so that this may depend on the past.
void OutputLayer::decide_pause(bool screened) {
  if (!screened) {
    pause_ = std::max(0, pause_ - 1);
    return;
  }
  std::size_t reaching = 0;
  for (const Found& found : found_) reaching += found.reaching;
  const double groups = static_cast<double>((vocabulary_ + kGroup - 1) / kGroup);
  if (static_cast<double>(reaching) > kReachingShareMax * groups) pause_ = kPauseChunks;
}

bool OutputLayer::may_screen(std::span<const BatchRows::Wanted> wanted, std::span<SequenceStep> batch) const {
  if (!matrix_.is_screened() || model_.parameters.logit_soft_cap > 0) return false;
  return std::all_of(wanted.begin(), wanted.end(), [&](const BatchRows::Wanted& row) {
    const SequenceStep& step = batch[static_cast<std::size_t>(row.sequence)];
    return step.logits == nullptr && step.chooser != nullptr && step.chooser->margin() < kInfinity;
  });
}

void OutputLayer::normalise(int worker, std::span<const BatchRows::Wanted> wanted, const float* residual) {
  const int threads = pool_.threads();
  const std::size_t heavy = matrix_.heavy.columns, light = matrix_.light.columns;
  if (worker == 0) {
    heavy_rows_.reserve(wanted.size(), heavy, isa_, matrix_.heavy.needs_floats());
    if (light > 0) light_rows_.reserve(wanted.size(), light, isa_);
  }
  const Share share = share_of(wanted.size(), 1, worker, threads);
  std::vector<float> ordered(matrix_.order.empty() ? 0 : embedding_);
  for (std::size_t i = share.begin; i < share.end; ++i) {
    float* row = normed_ + i * embedding_;
    elementwise_.rms_norm(residual + static_cast<std::size_t>(wanted[i].row) * embedding_, model_.output_norm.data(),
                          model_.parameters.norm_epsilon, row, embedding_);
    if (ordered.empty()) continue;
    for (std::size_t block = 0; block < matrix_.order.size(); ++block) {
      std::copy_n(row + matrix_.order[block] * kBlock, kBlock, ordered.begin() + static_cast<long>(block * kBlock));
    }
    std::copy(ordered.begin(), ordered.end(), row);
    for (std::size_t block = 0; block < light_blocks_; ++block) {
      float& energy = energies_[i * light_blocks_ + block] = 0;
      for (std::size_t k = heavy + block * kBlock; k < heavy + (block + 1) * kBlock; ++k) energy += row[k] * row[k];
    }
  }
  pool_.barrier(worker);
  quantize_rows(normed_, embedding_, heavy_rows_, worker, threads);
  if (light > 0) quantize_rows(normed_ + heavy, embedding_, light_rows_, worker, threads);
  pool_.barrier(worker);
}

void OutputLayer::compute_all(int worker, std::size_t rows) {
  const int threads = pool_.threads();
  matmul(matrix_.heavy, heavy_rows_, logits_, vocabulary_, worker, threads);
  if (!matrix_.is_screened()) return;
  matmul(matrix_.light, light_rows_, light_, vocabulary_, worker, threads);
  const Share share = share_of(vocabulary_, kGroup, worker, threads);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::size_t begin = i * vocabulary_ + share.begin;
    elementwise_.add(logits_ + begin, light_ + begin, share.end - share.begin);
  }
}

void OutputLayer::choose_from_all(int worker, std::span<const BatchRows::Wanted> wanted, std::span<SequenceStep> batch,
                                  const std::vector<char>& cancelled) {
  const int threads = pool_.threads();
  compute_all(worker, wanted.size());
  pool_.barrier(worker);
  if (model_.parameters.logit_soft_cap > 0) {
    const Share values = share_of(wanted.size() * vocabulary_, 16, worker, threads);
    elementwise_.soft_cap(logits_ + values.begin, model_.parameters.logit_soft_cap, values.end - values.begin);
    pool_.barrier(worker);
  }
  // One worker serves all rows of a sequence, so that its chooser sees them in order.
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto sequence = static_cast<std::size_t>(wanted[i].sequence);
    if (wanted[i].sequence % threads != worker || cancelled[sequence] != 0) continue;
    SequenceStep& step = batch[sequence];
    const std::span<float> logits(logits_ + i * vocabulary_, vocabulary_);
    if (step.logits != nullptr) {
      std::copy(logits.begin(), logits.end(),
                step.logits->begin() + static_cast<std::ptrdiff_t>(wanted[i].index) * model_.parameters.vocabulary);
    }
    if (step.chooser != nullptr) step.chosen.push_back(step.chooser->choose(logits));
  }
}

// Coarse logits of this worker's share of the vocabulary; from them the floor under the highest logit; and whole logits
// of the groups that reach up to it.
void OutputLayer::screen(int worker, std::span<const BatchRows::Wanted> wanted, std::span<SequenceStep> batch) {
  const int threads = pool_.threads();
  Found& own = found_[static_cast<std::size_t>(worker)];
  matmul(matrix_.heavy, heavy_rows_, logits_, vocabulary_, worker, threads);
  matmul(matrix_.light_coarse, light_rows_, light_, vocabulary_, worker, threads);
  const Share groups = share_of((vocabulary_ + kGroup - 1) / kGroup, 1, worker, threads);
  const std::size_t count = groups.end - groups.begin;
  const std::size_t first = groups.begin * kGroup, end = std::min(groups.end * kGroup, vocabulary_);
  own.maxima.resize(wanted.size() * count);
  own.radii.resize(wanted.size() * count);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    float* maxima = own.maxima.data() + i * count;
    elementwise_.add(light_ + i * vocabulary_ + first, logits_ + i * vocabulary_ + first, end - first);
    elementwise_.maxima(light_ + i * vocabulary_ + first, end - first, maxima);
    float* radii = own.radii.data() + i * count;
    screening_radii(matrix_, groups.begin, groups.end, energies_ + i * light_blocks_, radii);
    own.floor[i] = -kInfinity;
    for (std::size_t g = 0; g < count; ++g) {
      own.floor[i] = std::max(own.floor[i], maxima[g] - radii[g]);
    }
    own.best[i].clear();
  }
  pool_.barrier(worker);

  own.reaching = 0;
  float needed[kLogitRows];  // logits below do not matter
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    float floor = -kInfinity;
    for (const Found& found : found_) floor = std::max(floor, found.floor[i]);
    needed[i] = floor - batch[static_cast<std::size_t>(wanted[i].sequence)].chooser->margin();
  }
  for (std::size_t g = 0; g < count; ++g) {
    const std::size_t group = groups.begin + g;
    bool reaches = false;
    for (std::size_t i = 0; i < wanted.size() && !reaches; ++i) {
      reaches = own.maxima[i * count + g] + own.radii[i * count + g] >= needed[i];
    }
    if (!reaches) continue;
    ++own.reaching;
    matmul_groups(matrix_.light, light_rows_, light_, vocabulary_, group, group + 1);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      for (std::size_t id = group * kGroup; id < std::min((group + 1) * kGroup, vocabulary_); ++id) {
        const float logit = logits_[i * vocabulary_ + id] + light_[i * vocabulary_ + id];
        if (logit >= needed[i]) own.best[i].push_back({static_cast<TokenId>(id), logit});
      }
    }
  }
}

void OutputLayer::choose_from_best(int worker, std::span<const BatchRows::Wanted> wanted, std::span<SequenceStep> batch,
                                   const std::vector<char>& cancelled) {
  screen(worker, wanted, batch);
  pool_.barrier(worker);
  std::vector<TokenLogit> best;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto sequence = static_cast<std::size_t>(wanted[i].sequence);
    if (wanted[i].sequence % pool_.threads() != worker || cancelled[sequence] != 0) continue;
    best.clear();
    for (const Found& found : found_) best.insert(best.end(), found.best[i].begin(), found.best[i].end());
    SequenceStep& step = batch[sequence];
    step.chosen.push_back(step.chooser->choose_among(best));
  }
}

}  // namespace mnema
