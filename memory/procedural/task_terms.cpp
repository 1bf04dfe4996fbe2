#include "memory/procedural/task_terms.hpp"

#include <algorithm>
#include <cmath>

namespace mnema {
namespace {

/// FNV-1a (Fowler, Noll, Vo): stable over builds and machines, which std::hash is not.
std::uint64_t hash_of(std::string_view word) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : word) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

bool has_digit(std::string_view word) {
  return std::any_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

TaskTerms task_terms(const TermMaker& maker, std::string_view text) {
  TaskTerms terms;
  for (const std::string& word : maker.distinct(text, kTaskTermsMax * 2)) {
    if (!has_digit(word) && terms.size() < kTaskTermsMax) terms.push_back(hash_of(word));
  }
  std::sort(terms.begin(), terms.end());
  terms.erase(std::unique(terms.begin(), terms.end()), terms.end());
  return terms;
}

void TermProfile::add(const TaskTerms& terms) {
  ++runs;
  for (const std::uint64_t term : terms) ++counts[term];
}

TermFit fit_of(const TermProfile& profile, const TaskTerms& terms) {
  if (profile.counts.empty() || terms.empty()) return {};
  double all = 0, common = 0, dot = 0;
  for (const auto& [term, count] : profile.counts) {
    const double weight = static_cast<double>(count) / profile.runs;
    all += weight * weight;
    if (!std::binary_search(terms.begin(), terms.end(), term)) continue;
    common += weight * weight;
    dot += weight;
  }
  return {common / all, dot / std::sqrt(all * static_cast<double>(terms.size()))};
}

std::string terms_to_bytes(const TaskTerms& terms) {
  std::string bytes;
  for (const std::uint64_t term : terms) {
    for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(term >> shift & 0xFF);
  }
  return bytes;
}

Result<TaskTerms> terms_from_bytes(std::string_view bytes) {
  TaskTerms terms(bytes.size() / 8);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    for (int k = 0; k < 8; ++k) {
      terms[i] |= std::uint64_t{static_cast<unsigned char>(bytes[8 * i + static_cast<std::size_t>(k)])} << (8 * k);
    }
  }
  if (bytes.size() % 8 == 0 && std::is_sorted(terms.begin(), terms.end())) return terms;
  return fail(ErrorCode::kCorrupt, "the words of a task are not as memory writes them");
}

}  // namespace mnema
