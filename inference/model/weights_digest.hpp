// inference/model/weights_digest.hpp
//
// Names a model by what it computes: a SHA-256 over its hyper-parameters and over every tensor's name, type, shape and
// bytes. Two files with the same digest give the same KV, whatever they are called; a changed weight changes it.
// Tensor bytes are hashed as a tree of 1 MiB leaves so that all cores help (0.5 GB take about 0.2 s on two).
//
// Threads: one thread; it lends the pool's workers for the leaves.
#pragma once

#include <string>
#include <vector>

#include "inference/formats/gguf.hpp"
#include "inference/kernels/thread_pool.hpp"
#include "inference/model/hyper_parameters.hpp"

namespace mnema {

class WeightsDigest {
 public:
  explicit WeightsDigest(ThreadPool& pool) : pool_(pool) {}

  void add(const HyperParameters& parameters);
  void add(const GgufTensor& tensor);

  /// The digest in hex. Order of the `add` calls counts.
  [[nodiscard]] std::string finish() const;

 private:
  ThreadPool& pool_;
  std::string record_;  // what was added, in a form where no two different models look alike
};

}  // namespace mnema
