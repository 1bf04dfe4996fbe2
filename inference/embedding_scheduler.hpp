// inference/embedding_scheduler.hpp
//
// Which texts become vectors next. Encoding shares the cores with decoding, so it is done in slices: between two steps
// of a model that computes, for as long as that model's scheduler grants; a few milliseconds where none does.
// Parts of a slice are as large as its time, by the measured rate, so that also one long text is cut. A stream's token
// thus waits for one slice at most, however many texts wait.
//
// The job that waits longest for its priority is next: priority, lifted by the time since its last slice, so that a
// backlog takes its turn and never holds up the query of somebody who waits. A batch that was begun is finished before
// another of its priority begins; only a better priority overtakes it.
//
// Who has asked for a vector goes on with it, on the same cores: for a few milliseconds after such a job nothing of a
// worse priority is computed, however often that happens not for long.
//
// Threads:   confined to the compute executor.
// Ownership: borrows models, executor, clock, options and limits, and goes with them: what it has posted holds it
//            weakly. `cancel_all` comes before.
// Invariant: waiting() == sum over jobs of their texts without a vector, and per priority ≤ embeddings_waiting_max;
//            one batch under way per priority at most (check_integrity).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "inference/engine_options.hpp"
#include "inference/loading/loaded_models.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

struct EmbeddingJob {
  std::string model;
  std::vector<EmbeddingInput> texts;  // ids: with their marks, and no more than the encoder takes
  Priority priority = Priority::kInteractive;
  EncodingOptions options;
  Executor* reply_to = nullptr;
  std::function<void(Result<Embeddings>)> on_done;  // exactly once, on `reply_to`
};

class EmbeddingScheduler : public std::enable_shared_from_this<EmbeddingScheduler> {
 public:
  EmbeddingScheduler(LoadedModels& models, Executor& compute, const Clock& clock, const EngineOptions& options,
                     const Limits& limits)
      : models_(models), compute_(compute), clock_(clock), options_(options), limits_(limits) {}

  /// All texts or none. Errors: `kResourceExhausted` (retryable: too many texts of this or a better priority wait; not
  /// where the job alone has too many), `kUnsupported` (the model makes text), `kCancelled`, the loader's and the
  /// encoder's.
  void submit(EmbeddingJob job);
  /// A model has finished a step, and begins its next one when this returns: after `budget`, or one smallest part.
  void between_steps(Duration budget);
  /// Ends every job with `kCancelled` (retryable).
  void cancel_all();
  /// Called whenever `waiting` or `texts_embedded` has changed.
  void on_change(std::function<void()> call) { on_change_ = std::move(call); }

  /// Texts without a vector.
  [[nodiscard]] int waiting() const;
  [[nodiscard]] std::uint64_t texts_embedded() const { return texts_embedded_; }
  void check_integrity() const;

 private:
  struct Job {
    EmbeddingJob request;
    Embeddings made;
    std::unique_ptr<Encoding> batch;          // under way
    std::shared_ptr<ModelCompute> computing;  // what `batch` borrows from
    std::size_t batch_texts = 0;
    Duration batch_time{0};
    MonotonicTime waiting_since{};

    [[nodiscard]] std::size_t texts_left() const { return request.texts.size() - made.vectors.size(); }
  };
  using JobPointer = std::list<Job>::iterator;

  void wake();
  void wake_after(Duration delay);
  void run_posted();
  /// For how long the job is held back.
  [[nodiscard]] Duration quiet_before(const Job& job) const;
  void run_for(Duration budget);
  [[nodiscard]] bool computing() const;
  /// One that is held back only where all are.
  [[nodiscard]] JobPointer next();
  [[nodiscard]] JobPointer next_of(bool held_back_too);
  /// Loads the model of the job that is next, where it is not loaded. False: the job has ended with the reason.
  bool load_for(JobPointer job);
  Status begin_batch(Job& job, Duration budget);
  void finish_batch(JobPointer job);
  void changed() const;
  void end(JobPointer job, Result<Embeddings> result);
  [[nodiscard]] std::size_t texts_within(const Job& job, Duration budget) const;
  [[nodiscard]] std::size_t rows_within(Duration budget) const;

  LoadedModels& models_;
  Executor& compute_;
  const Clock& clock_;
  const EngineOptions& options_;
  const Limits& limits_;
  std::function<void()> on_change_;
  std::list<Job> jobs_;
  std::array<int, 4> waiting_{};  // texts by priority
  double us_per_byte_ = 0;        // of whole texts, measured; 0 = not yet known
  double us_per_row_ = 0;         // of parts, likewise
  std::uint64_t texts_embedded_ = 0;
  bool posted_ = false;
  bool posted_later_ = false;
  MonotonicTime quiet_until_{};  // for what is worse than `quiet_for_`
  Priority quiet_for_ = Priority::kInteractive;
  MonotonicTime held_back_since_{};  // nothing that may be held back was computed since
};

}  // namespace mnema
