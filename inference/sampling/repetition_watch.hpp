// inference/sampling/repetition_watch.hpp
//
// Notices that a model goes round in circles: its newest tokens repeat one cycle. Small models at low temperature fall
// into such loops and never end them.
//
//   A cycle of p tokens is a loop once `tokens_max` tokens in a row equal those p places before, and it has stood there
//   three times. p is at most `tokens_max`.
//
// What repeats legitimately is not pushed here: constrained output, arguments of tool calls, benchmarks that ignore the
// end of the sequence (inference/text/answer.hpp). A free text that writes one and the same row of a table a hundred
// tokens long is taken for a loop; rows that differ, if only in their number, are not.
//
// Threads: confined to one generation. A token costs one comparison for each p.
#pragma once

#include <cstddef>
#include <vector>

#include "inference/request.hpp"

namespace mnema {

class RepetitionWatch {
 public:
  /// `tokens_max` of limits.repeated_tokens_max; 0 = never a loop.
  explicit RepetitionWatch(int tokens_max);

  /// One more token. True: the newest are a loop.
  [[nodiscard]] bool push(TokenId token);
  /// Something else stands between what came and what comes.
  void reset();

 private:
  std::size_t tokens_max_;
  std::vector<TokenId> newest_;     // a ring of `tokens_max_`
  std::vector<std::size_t> equal_;  // for each p - 1: how many in a row equal those p before
  std::size_t count_ = 0;
};

}  // namespace mnema
