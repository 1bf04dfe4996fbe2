// cli/bench/embedding_load.hpp
//
// Keeps so many long texts waiting for their vectors, in the background and in batches, as a folder of documents does
// that memory reads: who asks meanwhile must not wait behind them.
//
// Threads:   made and destroyed on one thread; the answers come on `replies`.
// Ownership: borrows all it is given, which outlive it. The destructor waits for what is in flight.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "memory/embedder.hpp"

namespace mnema {

class EmbeddingLoad {
 public:
  /// `texts`: that many wait, again and again.
  EmbeddingLoad(Embedder& embedder, Executor& replies, const std::vector<std::string>& texts);
  ~EmbeddingLoad();
  EmbeddingLoad(const EmbeddingLoad&) = delete;
  EmbeddingLoad& operator=(const EmbeddingLoad&) = delete;

 private:
  void ask(std::vector<std::string> batch);

  Embedder& embedder_;
  Executor& replies_;
  std::mutex mutex_;
  std::condition_variable answered_;
  int in_flight_ = 0;    // under mutex_
  bool ending_ = false;  // under mutex_
};

}  // namespace mnema
