// memory/rank_features.hpp
//
// What is known of each candidate, as numbers for the ranker (ranker.hpp names them). Names of people and of roles that
// speak in what was found count apart from the other words of a question: they say who is asked about.
//
// Threads: pure function.
#pragma once

#include <string>
#include <vector>

#include "memory/candidates.hpp"
#include "memory/ranker.hpp"

namespace mnema {

/// One for each candidate, in order. `question`: what was searched for.
[[nodiscard]] std::vector<FeatureValues> rank_features(const CandidateSearch& search,
                                                       const std::vector<Candidate>& candidates,
                                                       const std::string& question, const TermMaker& terms);

}  // namespace mnema
