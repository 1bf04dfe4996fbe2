#include "inference/model/batch_rows.hpp"

namespace mnema {

void BatchRows::reserve(int rows_max) {
  rows.reserve(static_cast<std::size_t>(rows_max));
  wanted.reserve(static_cast<std::size_t>(rows_max));
}

void BatchRows::lay_out(std::span<const SequenceStep> batch) {
  rows.clear();
  wanted.clear();
  for (std::size_t s = 0; s < batch.size(); ++s) {
    const SequenceStep& step = batch[s];
    int count = static_cast<int>(step.tokens.size()), sequence = static_cast<int>(s);
    for (int i = 0; i < count; ++i) {
      int first_wanted = count - step.logits_wanted;
      if (i >= first_wanted) wanted.push_back({size(), sequence, i - first_wanted});
      rows.push_back({step.tokens[static_cast<std::size_t>(i)], sequence, step.position + i});
    }
  }
}

}  // namespace mnema
