// memory/record.hpp
//
// The nouns of memory: what is remembered (episodes, documents and their chunks), where it is from, what is asked
// (RecallQuery) and what is answered (Recalled).
//
// Everything that can be recalled is an *entry* with one id. An episode is an entry that happened; a chunk is an entry
// cut from a document.
//
// Visibility, the one rule: an entry is seen by a query of the same tenant whose agent, user and session equal those
// of the entry wherever the entry names one. So {tenant} is for everybody in the tenant, {tenant, agent} for that
// agent in all its conversations, {tenant, user} for that user with every agent, {tenant, agent, "", session} for one
// conversation of nobody known. A query without a user never sees what belongs to a user.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/scope.hpp"

namespace mnema {

/// The rule above. Rows are judged by memory/scope_store.hpp; this is for what has no row yet.
[[nodiscard]] inline bool may_see(const Scope& asker, const Scope& owner) {
  return asker.tenant == owner.tenant && (owner.agent.empty() || owner.agent == asker.agent) &&
         (owner.user.empty() || owner.user == asker.user) && (owner.session.empty() || owner.session == asker.session);
}

/// Counted from 1 over the whole file, never reused.
using EntryId = std::int64_t;
using EpisodeId = EntryId;
using DocumentId = std::int64_t;

/// Persisted: append only, never renumber.
enum class EpisodeKind : int { kTurn = 0, kEvent = 1, kToolResult = 2, kOutcome = 3 };

/// One immutable piece of what happened.
struct Episode {
  Scope scope;         // who may see it (the rule above)
  std::string thread;  // the conversation or case it is part of: order, neighbours, hash chain. Empty: scope.session
  EpisodeKind kind = EpisodeKind::kTurn;
  std::string role;  // who speaks: "user", "assistant", "tool", a person's name; put before the text when embedded
  std::string text;
  Time time{};  // when it happened, not when it was stored
  Trust trust = Trust::kExternal;
  std::map<std::string, std::string> attributes;  // "event_id", "turn", "tool", ...; kept, not searched
};

/// An episode as it stands in the log.
struct StoredEpisode {
  EpisodeId id = 0;
  std::int64_t sequence = 0;  // from 1 within (tenant, thread)
  Episode episode;
};

/// Persisted: append only, never renumber.
enum class MediaType : int {
  kPlainText = 0,
  kMarkdown = 1,
  kHtml = 2,
  kTable = 3,  // CSV, TSV
  kJson = 4,   // and JSON Lines
  kCode = 5,
  kPdf = 6,   // `bytes` are its text, as a tool made it
  kDocx = 7,  // likewise, as Markdown
};

/// A text from outside, named by its `uri` within its scope.
struct Document {
  Scope scope;
  std::string uri;         // "docs/ARCHITECTURE.md", "https://…"; the same uri again is a new version of the document
  std::string collection;  // what it was ingested with, e.g. a folder's name; empty = alone
  std::string title;       // empty: its first heading, else the uri
  MediaType media_type = MediaType::kPlainText;
  std::string bytes;  // in any encoding (memory/documents/decode.hpp); what is broken becomes U+FFFD
  Time modified{};    // by its source's word
  Trust trust = Trust::kOperator;
};

/// Where in its document a chunk stands. Lines count from 1, bytes from 0; `_end` is one past the last.
struct TextRange {
  std::int64_t byte_begin = 0;
  std::int64_t byte_end = 0;
  int line_begin = 1;
  int line_end = 1;
};

/// A piece of a document, cut at its structure.
struct Chunk {
  std::string heading_path;  // "Runtime › Threads"; empty above the first heading
  std::string text;
  TextRange range;
};

/// Which entries a query is about. Persisted as `memory_entries.kind`: append only, never renumber.
enum class EntryKind : int { kEpisode = 0, kChunk = 1 };

/// Where a recalled text is from.
struct Provenance {
  EntryKind kind = EntryKind::kEpisode;
  // of a chunk
  DocumentId document = 0;
  std::string uri;
  std::string title;
  std::string heading_path;
  TextRange range;    // all zero where there is no place to tell, as in a PDF
  std::string stale;  // why this is not the file as it is today, e.g. "the file cannot be read"; empty: it is, or was
                      // when it was last looked at
  // of an episode
  EpisodeKind episode_kind = EpisodeKind::kTurn;
  std::string thread;
  std::int64_t sequence = 0;
  std::string role;
  // of both
  Time time{};
  Trust trust = Trust::kExternal;
  Scope scope;

  /// "ARCHITECTURE.md › Runtime › Threads, lines 12–40" or "conversation 42, user, 2023-05-08". A line whatever the
  /// names hold. A stale document's ends with "(stale: the file cannot be read)".
  [[nodiscard]] std::string citation() const;
  /// "docs/ARCHITECTURE.md#L12-L40"; empty for an episode.
  [[nodiscard]] std::string address() const;
};

struct RecallQuery {
  Scope scope;       // who asks
  std::string text;  // what for
  int hits_max = 10;
  std::optional<Time> from;  // when it happened, both ends included
  std::optional<Time> to;
  std::optional<EntryKind> kind;           // only episodes, or only chunks
  std::string collection;                  // only documents of this collection; empty = any
  std::vector<std::string> uris_excluded;  // these documents not
  std::string thread_excluded;             // episodes of this thread not: its history is in the prompt already
  std::vector<EntryId> excluded;           // these not
  std::vector<Episode> uncommitted;        // what this turn has written and not committed yet; recalled like the rest
  std::optional<double> relevance_min;     // instead of the embedder's calibrated cut; 0 = everything found
  bool explain = false;                    // also say what each feature adds to a hit's score
  bool explain_dropped = false;            // also return what was found and left out
};

/// What one feature of a candidate adds to its score (memory/ranker.hpp).
struct FeatureShare {
  std::string name;
  double value = 0;
  double share = 0;
};

/// How a hit came to its place. Ranks count from 1; 0 = not found on that way.
struct HitExplanation {
  int vector_rank = 0;
  int text_rank = 0;
  int time_rank = 0;
  double cosine = 0;                   // of the better of its vectors; 0 while its vector is pending
  double text_score = 0;               // BM25, the larger the better
  double words_share = 0;              // weight of the question's terms that it has, of that of all of them
  double score = 0;                    // what hits are ordered by
  std::vector<FeatureShare> features;  // with `explain`: the largest shares first
  std::string verdict;  // "kept", "below the relevance cut 0.30", "says the same as entry 17", "beyond hits_max"
};

struct RecallHit {
  EntryId id = 0;  // 0 = one of the query's own `uncommitted`
  std::string text;
  double relevance = 0;  // calibrated, 0..1: how likely the text bears on the question
  Provenance source;
  HitExplanation explanation;
};

/// What a recall did, for traces and for `mnema memory explain`.
struct RecallStatistics {
  int vector_candidates = 0;
  int text_candidates = 0;
  int time_candidates = 0;
  bool exact = true;  // vectors were compared with all that is visible, not through the graph
  double relevance_cut = 0;
  std::int64_t embed_us = 0;  // 0 when the query's vector was there already
  std::int64_t search_us = 0;
  std::string without_vectors_because;  // empty = vectors took part
};

struct Recalled {
  std::vector<RecallHit> hits;     // best first; empty is an answer: nothing relevant
  std::vector<RecallHit> dropped;  // only with explain_dropped
  RecallStatistics statistics;
};

}  // namespace mnema
