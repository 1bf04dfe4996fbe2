// agents/facts_json.hpp
//
// What memory knew, as JSON, for the turn's journal: a replay sees the same facts, whatever memory has learned since.
// Persisted: names are never changed.
//
// Threads: declarations only.
#pragma once

#include "agents/recall_json.hpp"
#include "memory/semantic/fact.hpp"

namespace mnema {

BOOST_DESCRIBE_STRUCT(Fact, (),
                      (scope, subject, predicate, object, negated, contested, valid_from, valid_to, known_from,
                       known_to, trust, confidence, evidence))
BOOST_DESCRIBE_STRUCT(Facts, (), (facts, left_out))

}  // namespace mnema
