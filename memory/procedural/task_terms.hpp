// memory/procedural/task_terms.hpp
//
// What tells one kind of task from another by its words: hashes of the stemmed words of a task's text, without those
// that have digits in them. The words that the runs of a procedure share are its profile; what differs from run to run,
// names and other values, weighs little there.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "memory/text_terms.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// Sorted, each once. At most kTaskTermsMax, the first ones of the text.
using TaskTerms = std::vector<std::uint64_t>;
inline constexpr std::size_t kTaskTermsMax = 64;

[[nodiscard]] TaskTerms task_terms(const TermMaker& maker, std::string_view text);

/// How often each term comes in the runs of a procedure.
struct TermProfile {
  int runs = 0;
  std::map<std::uint64_t, int> counts;

  void add(const TaskTerms& terms);
};

/// How well a text fits a profile.
struct TermFit {
  double coverage = 0;  // of the profile's weight, how much the text has: 0..1
  double cosine = 0;    // 0..1
};
[[nodiscard]] TermFit fit_of(const TermProfile& profile, const TaskTerms& terms);

/// As bytes of a row. Errors of reading: `kCorrupt`.
[[nodiscard]] std::string terms_to_bytes(const TaskTerms& terms);
[[nodiscard]] Result<TaskTerms> terms_from_bytes(std::string_view bytes);

}  // namespace mnema
