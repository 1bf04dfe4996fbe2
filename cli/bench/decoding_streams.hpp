// cli/bench/decoding_streams.hpp
//
// A real model that decodes several texts without end, as a loaded server does: what else is measured then shares its
// cores.
//
// Threads:   confined to one thread; the streams run on the engine's.
// Ownership: owns the engine. Ends its streams when it goes. Borrows clock and random.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "inference/local_engine.hpp"
#include "runtime/exec/thread_pool_executor.hpp"

namespace mnema {

class DecodingStreams {
 public:
  struct Options {
    std::string model;  // catalogue name or file
    int streams = 4;
  };
  /// Loads the model and waits until each stream has its first token. Errors: those of the engine.
  [[nodiscard]] static Result<std::unique_ptr<DecodingStreams>> start(const Options& options, const Clock& clock,
                                                                      Random& random);
  ~DecodingStreams();
  DecodingStreams(const DecodingStreams&) = delete;
  DecodingStreams& operator=(const DecodingStreams&) = delete;

  /// Tokens a second of all streams together, since they all run.
  [[nodiscard]] double tokens_per_s() const;
  /// The error of a stream that ended by one.
  [[nodiscard]] Status status() const;

 private:
  DecodingStreams(const Options& options, const Clock& clock, Random& random);
  void decode();
  void on_done(const Result<Completion>& done);

  const Options options_;
  const Clock& clock_;
  const Limits limits_;
  ThreadPoolExecutor compute_{"compute", 1};
  ThreadPoolExecutor prepare_{"prepare", 1};
  ThreadPoolExecutor reply_{"reply", 1};
  std::unique_ptr<LocalEngine> engine_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  int started_ = 0;
  int running_ = 0;
  bool stopping_ = false;
  long long tokens_ = 0;
  MonotonicTime began_{};
  Status status_;
};

}  // namespace mnema
