// agents/recall_json.hpp
//
// What a recall gave, as JSON, for the turn's journal: a replay sees the same passages, whatever memory has learned
// since. How each hit came to its place is not kept. Persisted: names are never changed.
//
// Threads: declarations only.
#pragma once

#include "agents/describe.hpp"
#include "agents/message_json.hpp"
#include "memory/record.hpp"

namespace mnema {

BOOST_DESCRIBE_ENUM(EntryKind, kEpisode, kChunk)
BOOST_DESCRIBE_ENUM(EpisodeKind, kTurn, kEvent, kToolResult, kOutcome)
BOOST_DESCRIBE_STRUCT(Scope, (), (tenant, agent, user, session))
BOOST_DESCRIBE_STRUCT(TextRange, (), (byte_begin, byte_end, line_begin, line_end))
BOOST_DESCRIBE_STRUCT(Provenance, (),
                      (kind, document, uri, title, heading_path, range, episode_kind, thread, sequence, role, time,
                       trust, scope))
BOOST_DESCRIBE_STRUCT(RecallHit, (), (id, text, relevance, source))
BOOST_DESCRIBE_STRUCT(RecallStatistics, (),
                      (vector_candidates, text_candidates, time_candidates, exact, relevance_cut, embed_us, search_us,
                       without_vectors_because))
BOOST_DESCRIBE_STRUCT(Recalled, (), (hits, statistics))

}  // namespace mnema
