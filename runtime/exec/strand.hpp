// runtime/exec/strand.hpp
//
// Order on top of an executor that has none: what is posted on a strand runs one after the other, in order, on whatever
// thread the executor underneath gives. One turn is one strand on the turn pool.
//
// Threads:   `post`, `post_after` from any thread.
// Ownership: borrows the executor, which outlives it. Work posted before the strand goes still runs, in order.
#pragma once

#include <memory>

#include "runtime/exec/executor.hpp"

namespace mnema {

class Strand final : public Executor {
 public:
  explicit Strand(Executor& underneath);
  ~Strand() override;

  void post(std::function<void()> work) override;
  void post_after(Duration delay, std::function<void()> work) override;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mnema
