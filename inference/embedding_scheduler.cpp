#include "inference/embedding_scheduler.hpp"

#include <algorithm>
#include <iterator>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

/// How long encoding keeps the cores from others where no model computes: what a question waits for at most.
constexpr Duration kIdleSlice = std::chrono::milliseconds(4);
/// What a question's recall takes behind its vector (docs/RECALL.md), about.
constexpr Duration kQuiet = std::chrono::milliseconds(10);
/// A backlog has a slice at least this often.
constexpr Duration kHeldBackMax = std::chrono::milliseconds(25);
/// The smallest part: with fewer rows, reading the weights takes longer than computing.
constexpr std::size_t kRowsMin = 16;
/// More rows at once are no faster per row.
constexpr std::size_t kTextsAtOnce = 8;
/// How much of the newest measurement goes into the rate.
constexpr double kRateWeight = 0.3;
/// A text costs something however short it is.
constexpr std::size_t kBytesOfAnyText = 32;

std::size_t cost_bytes(const EmbeddingInput& input) {
  constexpr std::size_t kBytesOfToken = 4;
  if (const auto* text = std::get_if<std::string>(&input)) return kBytesOfAnyText + text->size();
  return kBytesOfAnyText + kBytesOfToken * std::get<std::vector<TokenId>>(input).size();
}

double blended(double old, double measured) { return old <= 0 ? measured : old + kRateWeight * (measured - old); }

double us_of(Duration time) { return std::chrono::duration<double, std::micro>(time).count(); }

std::size_t index_of(Priority priority) { return static_cast<std::size_t>(priority); }

}  // namespace

void EmbeddingScheduler::submit(EmbeddingJob job) {
  const int texts = static_cast<int>(job.texts.size());
  if (texts == 0) return job.reply_to->post([on_done = std::move(job.on_done)] { on_done(Embeddings{}); });
  if (texts > limits_.embeddings_waiting_max) {
    Error too_many = fail(ErrorCode::kResourceExhausted,
                          std::to_string(texts) + " texts at once; at most " +
                              std::to_string(limits_.embeddings_waiting_max) + " may wait",
                          "send them in smaller requests");
    return job.reply_to->post([on_done = std::move(job.on_done), too_many] { on_done(too_many); });
  }
  int before = 0;
  for (std::size_t i = 0; i <= index_of(job.priority); ++i) before += waiting_[i];
  if (before + texts > limits_.embeddings_waiting_max) {
    Error full = fail_retryable(ErrorCode::kResourceExhausted,
                                std::to_string(before) + " texts wait for their vectors already", "try again later");
    full.retry_after_ms = 1000;
    job.reply_to->post([on_done = std::move(job.on_done), full] { on_done(full); });
    return;
  }
  waiting_[index_of(job.priority)] += texts;
  if (jobs_.empty()) held_back_since_ = clock_.monotonic_now();
  Job& added = jobs_.emplace_back();
  added.request = std::move(job);
  added.waiting_since = clock_.monotonic_now();
  changed();
  wake();
}

int EmbeddingScheduler::waiting() const {
  int all = 0;
  for (const int texts : waiting_) all += texts;
  return all;
}

Duration EmbeddingScheduler::quiet_before(const Job& job) const {
  if (job.request.priority <= quiet_for_) return Duration{0};
  const MonotonicTime end = std::min(quiet_until_, held_back_since_ + kHeldBackMax);
  return std::max(Duration{0}, end - clock_.monotonic_now());
}

void EmbeddingScheduler::wake_after(Duration delay) {
  if (posted_later_) return;
  posted_later_ = true;
  compute_.post_after(delay, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->posted_later_ = false;
    self->wake();
  });
}

void EmbeddingScheduler::wake() {
  if (posted_ || jobs_.empty()) return;
  if (const Duration quiet = quiet_before(*next()); quiet > Duration{0}) return wake_after(quiet);
  posted_ = true;
  compute_.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->posted_ = false;
    self->run_posted();
  });
}

bool EmbeddingScheduler::computing() const {
  return std::any_of(models_.all().begin(), models_.all().end(), [](const auto& entry) {
    return entry.second.scheduler != nullptr && !entry.second.scheduler->idle();
  });
}

/// A model is loaded here, never between steps: it may take the place of the very one that is ending its last sequence.
void EmbeddingScheduler::run_posted() {
  while (!jobs_.empty() && !load_for(next())) {
  }
  // Without jobs there is nothing to do, and after `cancel_all` perhaps no models to ask either.
  if (jobs_.empty() || computing()) return;  // each step of a model calls, and its last one wakes
  run_for(kIdleSlice);
  wake();
}

void EmbeddingScheduler::between_steps(Duration budget) {
  run_for(budget);
  wake();
}

/// Parts until the next one would be beyond the budget, one at least.
void EmbeddingScheduler::run_for(Duration budget) {
  const MonotonicTime begin = clock_.monotonic_now();
  MonotonicTime now = begin;
  while (!jobs_.empty()) {
    const JobPointer job = next();
    if (quiet_before(*job) > Duration{0}) return;
    if (job->request.priority > quiet_for_) held_back_since_ = now;
    if (job->batch == nullptr) {
      if (!models_.is_loaded(job->request.model)) return;
      if (const Status begun = begin_batch(*job, budget); !begun.ok()) {
        end(job, begun.error());
        continue;
      }
      const MonotonicTime tokenized = clock_.monotonic_now();
      job->batch_time = tokenized - now;
      now = tokenized;
    }
    const std::size_t rows = job->batch->advance(rows_within(budget - (now - begin)));
    const MonotonicTime after = clock_.monotonic_now();
    const Duration part = after - now;
    now = after;
    job->batch_time += part;
    if (part > Duration{0} && rows > 0) us_per_row_ = blended(us_per_row_, us_of(part) / static_cast<double>(rows));
    const bool whole = job->batch->done();
    if (whole) finish_batch(job);
    // A clock that stands still measures nothing: then one batch is enough.
    if (whole && now == begin) return;
    if (us_of(now - begin) + us_per_row_ * static_cast<double>(kRowsMin) > us_of(budget)) return;
  }
}

std::size_t EmbeddingScheduler::rows_within(Duration budget) const {
  if (us_per_row_ <= 0) return kRowsMin;
  return std::max(kRowsMin, static_cast<std::size_t>(std::max(0.0, us_of(budget)) / us_per_row_));
}

EmbeddingScheduler::JobPointer EmbeddingScheduler::next() {
  const JobPointer job = next_of(false);
  return job != jobs_.end() ? job : next_of(true);
}

EmbeddingScheduler::JobPointer EmbeddingScheduler::next_of(bool held_back_too) {
  const MonotonicTime now = clock_.monotonic_now();
  const auto urgency = [&](const Job& job) {
    const double waited_ms = std::chrono::duration<double, std::milli>(now - job.waiting_since).count();
    return static_cast<double>(job.request.priority) - waited_ms / std::max(1, options_.ageing_ms);
  };
  JobPointer begun = jobs_.end(), best = jobs_.end();
  for (JobPointer job = jobs_.begin(); job != jobs_.end(); ++job) {
    if (!held_back_too && quiet_before(*job) > Duration{0}) continue;
    if (job->batch != nullptr) {
      if (begun == jobs_.end() || job->request.priority < begun->request.priority) begun = job;
    } else if (best == jobs_.end() || urgency(*job) < urgency(*best)) {
      best = job;
    }
  }
  if (begun == jobs_.end()) return best;
  return best != jobs_.end() && best->request.priority < begun->request.priority ? best : begun;
}

std::size_t EmbeddingScheduler::texts_within(const Job& job, Duration budget) const {
  if (us_per_byte_ <= 0) return 1;
  double left_us = us_of(budget);
  std::size_t count = 0;
  while (count < std::min(kTextsAtOnce, job.texts_left())) {
    left_us -= us_per_byte_ * static_cast<double>(cost_bytes(job.request.texts[job.made.vectors.size() + count]));
    if (left_us < 0) break;
    ++count;
  }
  return std::max<std::size_t>(1, count);
}

bool EmbeddingScheduler::load_for(JobPointer job) {
  if (job->batch != nullptr) return true;
  if (const Result<LoadedModel*> model = models_.use(job->request.model); !model.ok()) {
    end(job, model.error());
    return false;
  }
  return true;
}

Status EmbeddingScheduler::begin_batch(Job& job, Duration budget) {
  ASSIGN_OR_RETURN(LoadedModel* const model, models_.use(job.request.model));
  if (model->compute->encoder == nullptr) {
    return fail(ErrorCode::kUnsupported, "model '" + job.request.model + "' makes text, not vectors",
                "use an encoder, such as all-minilm-l6-v2; 'mnema models list' shows them");
  }
  job.batch_texts = texts_within(job, budget);
  job.computing = model->compute;
  const std::span<const EmbeddingInput> texts(job.request.texts);
  ASSIGN_OR_RETURN(job.batch, model->compute->encoder->begin(texts.subspan(job.made.vectors.size(), job.batch_texts),
                                                             job.request.options));
  return {};
}

void EmbeddingScheduler::finish_batch(JobPointer job) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < job->batch_texts; ++i)
    bytes += cost_bytes(job->request.texts[job->made.vectors.size() + i]);
  const double measured = us_of(job->batch_time) / static_cast<double>(bytes);
  if (measured > 0) us_per_byte_ = blended(us_per_byte_, measured);
  std::vector<std::vector<float>> vectors = job->batch->take_vectors();
  texts_embedded_ += vectors.size();
  waiting_[index_of(job->request.priority)] -= static_cast<int>(vectors.size());
  std::move(vectors.begin(), vectors.end(), std::back_inserter(job->made.vectors));
  std::vector<TokenVectors> of_tokens = job->batch->take_token_vectors();
  std::move(of_tokens.begin(), of_tokens.end(), std::back_inserter(job->made.token_vectors));
  job->made.tokens += job->batch->tokens();
  job->batch.reset();
  job->computing.reset();
  const MonotonicTime job_end = clock_.monotonic_now();
  job->waiting_since = job_end;
  changed();
  if (job->texts_left() > 0) return;
  const Priority priority = job->request.priority;
  end(job, std::move(job->made));
  if (priority > Priority::kEvent) return;  // nobody waits for it
  quiet_until_ = job_end + kQuiet;
  quiet_for_ = priority;
}

void EmbeddingScheduler::changed() const {
  if (on_change_) on_change_();
}

void EmbeddingScheduler::end(JobPointer job, Result<Embeddings> result) {
  if (!result.ok()) {
    waiting_[index_of(job->request.priority)] -= static_cast<int>(job->texts_left());
    changed();
  }
  job->request.reply_to->post(
      [on_done = std::move(job->request.on_done), result = std::move(result)] { on_done(result); });
  jobs_.erase(job);
}

void EmbeddingScheduler::cancel_all() {
  while (!jobs_.empty()) end(jobs_.begin(), fail_retryable(ErrorCode::kCancelled, "the engine is stopping"));
}

void EmbeddingScheduler::check_integrity() const {
  std::array<int, 4> texts{}, batches{};
  for (const Job& job : jobs_) {
    texts[index_of(job.request.priority)] += static_cast<int>(job.texts_left());
    batches[index_of(job.request.priority)] += job.batch != nullptr ? 1 : 0;
  }
  CHECK(texts == waiting_, "every text that waits belongs to a job");
  CHECK(*std::max_element(batches.begin(), batches.end()) <= 1, "a batch is finished before another of its priority");
  CHECK(*std::max_element(texts.begin(), texts.end()) <= limits_.embeddings_waiting_max, "the queue is bounded");
}

}  // namespace mnema
