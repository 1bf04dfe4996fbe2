// inference/model/batch_rows.hpp
//
// A batch of sequences laid out as the rows of one matrix: all tokens of the first sequence, then of the second, ...
// Prefill chunks and decode tokens stand side by side; every row knows its sequence and its position there.
//
// Threads: filled by the step's caller before the workers start, then read by all of them.
#pragma once

#include <span>
#include <vector>

#include "inference/backend.hpp"

namespace mnema {

struct BatchRows {
  struct Row {
    TokenId token;
    int sequence;  // index in the batch
    int position;  // in the sequence
  };
  struct Wanted {  // a row whose logits are asked for
    int row;
    int sequence;
    int index;  // 0-based among the sequence's wanted rows
  };

  std::vector<Row> rows;
  std::vector<Wanted> wanted;  // in batch order, oldest position first within a sequence

  void reserve(int rows_max);
  void lay_out(std::span<const SequenceStep> batch);
  [[nodiscard]] int size() const { return static_cast<int>(rows.size()); }
};

}  // namespace mnema
