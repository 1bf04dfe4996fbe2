#include "inference/sampling/repetition_watch.hpp"

#include <algorithm>

namespace mnema {

RepetitionWatch::RepetitionWatch(int tokens_max)
    : tokens_max_(static_cast<std::size_t>(std::max(tokens_max, 0))), newest_(tokens_max_), equal_(tokens_max_) {}

bool RepetitionWatch::push(TokenId token) {
  bool is_loop = false;
  for (std::size_t p = 1; p <= std::min(count_, tokens_max_); ++p) {
    std::size_t& equal = equal_[p - 1];
    equal = newest_[(count_ - p) % tokens_max_] == token ? equal + 1 : 0;
    is_loop |= equal >= std::max(tokens_max_, 2 * p);  // the first cycle, and two more
  }
  if (tokens_max_ > 0) newest_[count_ % tokens_max_] = token;
  ++count_;
  return is_loop;
}

void RepetitionWatch::reset() {
  count_ = 0;
  std::fill(equal_.begin(), equal_.end(), 0);
}

}  // namespace mnema
