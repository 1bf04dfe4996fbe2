#include "memory/semantic/fact_store.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "memory/semantic/derive.hpp"
#include "memory/semantic/predicates.hpp"

namespace mnema::fact_store {
namespace {

constexpr int kRowsReadMax = 20'000;  // of one query

/// Columns: entry_id, ordinal, kind, subject, object, valid_from_us, valid_to_us, is_dated, corrects, corrected,
/// known_from_us, trust, by_assistant, confidence, predicate, scope_id, subject_key.
constexpr std::string_view kClaims =
    "SELECT c.entry_id, c.ordinal, c.kind, c.subject, c.object, c.valid_from_us, c.valid_to_us, c.is_dated, c.corrects,"
    " c.corrected, c.known_from_us, c.trust, c.by_assistant, c.confidence, c.predicate, c.scope_id, c.subject_key"
    " FROM memory_claims c WHERE NOT EXISTS (SELECT 1 FROM memory_abandoned a WHERE a.entry_id = c.entry_id)";

constexpr std::int64_t kOrdinalsMax = 1'000;  // of an episode

Claim claim_of(Statement& row) {
  Claim claim;
  claim.episode = row.integer(0);
  claim.id = claim.episode * kOrdinalsMax + row.integer(1);
  claim.kind = static_cast<ClaimKind>(row.integer(2));
  claim.subject = row.text(3);
  claim.object = row.text(4);
  claim.valid_from = from_micros(row.integer(5));
  claim.valid_to = from_micros(row.integer(6));
  claim.is_dated = row.integer(7) != 0;
  claim.corrects = row.integer(8) != 0;
  claim.corrects_lately = row.integer(8) == 2;
  claim.corrected = row.text(9);
  claim.known_from = from_micros(row.integer(10));
  claim.trust = static_cast<Trust>(row.integer(11));
  claim.by_assistant = row.integer(12) != 0;
  claim.confidence = row.number(13);
  claim.predicate = row.text(14);
  return claim;
}

Result<std::vector<Claim>> claims_of(Transaction& transaction, const FactKey& key, int count_max) {
  ASSIGN_OR_RETURN(
      Statement select,
      transaction.prepare(std::string(kClaims) + " AND c.scope_id = ?1 AND c.subject_key = ?2 AND c.predicate = ?3"
                                                 " ORDER BY c.known_from_us DESC, c.entry_id DESC, c.ordinal DESC"
                                                 " LIMIT ?4"));
  select.bind(1, key.scope).bind(2, std::string_view(key.subject)).bind(3, std::string_view(key.predicate));
  select.bind(4, count_max);
  std::vector<Claim> claims;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return claims;
    claims.push_back(claim_of(select));
  }
}

std::string list_of(const std::vector<EpisodeId>& ids) {
  std::string text;
  for (const EpisodeId id : ids) text += (text.empty() ? "" : ",") + std::to_string(id);
  return text;
}

std::vector<EpisodeId> ids_of(std::string_view text) {
  std::vector<EpisodeId> ids;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  while (at < end) {
    EpisodeId id = 0;
    const auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc()) break;
    ids.push_back(id);
    at = next < end ? next + 1 : end;
  }
  return ids;
}

std::optional<std::int64_t> micros_of(const std::optional<Time>& time) {
  if (!time) return {};
  return to_micros(*time);
}

/// Columns: ordinal, subject, object, negated, contested, valid_from_us, valid_to_us, known_from_us, trust, confidence,
/// evidence, predicate, scope_id.
constexpr std::string_view kFacts =
    "SELECT ordinal, subject, object, negated, contested, valid_from_us, valid_to_us, known_from_us, trust, confidence,"
    " evidence, predicate, scope_id FROM memory_facts";

Fact fact_of(Statement& row) {
  Fact fact;
  fact.subject = row.text(1);
  fact.object = row.text(2);
  fact.negated = row.integer(3) != 0;
  fact.contested = row.integer(4) != 0;
  if (!row.is_null(5)) fact.valid_from = from_micros(row.integer(5));
  if (!row.is_null(6)) fact.valid_to = from_micros(row.integer(6));
  fact.known_from = from_micros(row.integer(7));
  fact.trust = static_cast<Trust>(row.integer(8));
  fact.confidence = row.number(9);
  fact.evidence = ids_of(row.text_view(10));
  fact.predicate = row.text(11);
  return fact;
}

Statement& bind_key(Statement& statement, const FactKey& key) {
  return statement.bind(1, key.scope).bind(2, std::string_view(key.subject)).bind(3, std::string_view(key.predicate));
}

Result<std::vector<Fact>> facts_of(Transaction& transaction, const FactKey& key) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare(std::string(kFacts) +
                                                         " WHERE scope_id = ?1 AND subject_key = ?2 AND predicate = ?3"
                                                         " ORDER BY ordinal"));
  bind_key(select, key);
  std::vector<Fact> facts;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return facts;
    facts.push_back(fact_of(select));
  }
}

Status write_fact(Transaction& transaction, const FactKey& key, std::size_t ordinal, const Fact& fact) {
  ASSIGN_OR_RETURN(
      Statement insert,
      transaction.prepare(
          "INSERT INTO memory_facts (scope_id, subject_key, predicate, ordinal, subject, object, negated,"
          " contested, valid_from_us, valid_to_us, known_from_us, trust, confidence, evidence)"
          " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
          " ON CONFLICT (scope_id, subject_key, predicate, ordinal) DO UPDATE SET subject = excluded.subject,"
          " object = excluded.object, negated = excluded.negated, contested = excluded.contested,"
          " valid_from_us = excluded.valid_from_us, valid_to_us = excluded.valid_to_us,"
          " known_from_us = excluded.known_from_us, trust = excluded.trust,"
          " confidence = excluded.confidence, evidence = excluded.evidence"));
  bind_key(insert, key).bind(4, static_cast<std::int64_t>(ordinal)).bind(5, std::string_view(fact.subject));
  insert.bind(6, std::string_view(fact.object)).bind(7, fact.negated ? 1 : 0).bind(8, fact.contested ? 1 : 0);
  insert.bind(9, micros_of(fact.valid_from)).bind(10, micros_of(fact.valid_to));
  insert.bind(11, static_cast<std::int64_t>(to_micros(fact.known_from))).bind(12, static_cast<int>(fact.trust));
  const std::string evidence = list_of(fact.evidence);
  insert.bind(13, fact.confidence).bind(14, std::string_view(evidence));
  return insert.run();
}

/// Columns: object, negated, valid_from_us, trust, entry_id of both sides, then subject, predicate, scope_id.
constexpr std::string_view kConflicts =
    "SELECT first_object, first_negated, first_from_us, first_trust, first_entry, second_object, second_negated,"
    " second_from_us, second_trust, second_entry, subject, predicate, scope_id FROM memory_fact_conflicts";

FactConflict::Side side_of(Statement& row, int first) {
  return {row.text(first), row.integer(first + 1) != 0, from_micros(row.integer(first + 2)),
          static_cast<Trust>(row.integer(first + 3)), row.integer(first + 4)};
}

FactConflict conflict_of(Statement& row) {
  FactConflict conflict;
  conflict.first = side_of(row, 0);
  conflict.second = side_of(row, 5);
  conflict.subject = row.text(10);
  conflict.predicate = row.text(11);
  return conflict;
}

Result<std::vector<FactConflict>> conflicts_of(Transaction& transaction, const FactKey& key) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare(std::string(kConflicts) +
                                                         " WHERE scope_id = ?1 AND subject_key = ?2 AND predicate = ?3"
                                                         " ORDER BY ordinal"));
  bind_key(select, key);
  std::vector<FactConflict> found;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return found;
    found.push_back(conflict_of(select));
  }
}

void bind_side(Statement& statement, int first, const FactConflict::Side& side) {
  statement.bind(first, std::string_view(side.object)).bind(first + 1, side.negated ? 1 : 0);
  statement.bind(first + 2, static_cast<std::int64_t>(to_micros(side.valid_from)));
  statement.bind(first + 3, static_cast<int>(side.trust)).bind(first + 4, side.episode);
}

Status replace_conflicts(Transaction& transaction, const FactKey& key, const std::vector<FactConflict>& conflicts) {
  {
    ASSIGN_OR_RETURN(Statement remove, transaction.prepare("DELETE FROM memory_fact_conflicts WHERE scope_id = ?1"
                                                           " AND subject_key = ?2 AND predicate = ?3"));
    RETURN_IF_ERROR(bind_key(remove, key).run());
  }
  for (std::size_t i = 0; i < conflicts.size(); ++i) {
    ASSIGN_OR_RETURN(
        Statement insert,
        transaction.prepare("INSERT INTO memory_fact_conflicts (scope_id, subject_key, predicate, ordinal,"
                            " subject, first_object, first_negated, first_from_us, first_trust, first_entry,"
                            " second_object, second_negated, second_from_us, second_trust, second_entry)"
                            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"));
    bind_key(insert, key).bind(4, static_cast<std::int64_t>(i)).bind(5, std::string_view(conflicts[i].subject));
    bind_side(insert, 6, conflicts[i].first);
    bind_side(insert, 11, conflicts[i].second);
    RETURN_IF_ERROR(insert.run());
  }
  return {};
}

/// The one object that claims before `episode` tell of (subject, predicate); empty: none, or several.
Result<std::string> only_object(Transaction& transaction, ScopeId scope, const std::string& subject_key,
                                const std::string& predicate, EpisodeId episode) {
  ASSIGN_OR_RETURN(
      Statement select,
      transaction.prepare("SELECT object FROM memory_claims WHERE scope_id = ?1 AND subject_key = ?2"
                          " AND predicate = ?3 AND kind = 0 AND entry_id < ?4 ORDER BY entry_id, ordinal"));
  bind_key(select, {scope, subject_key, predicate}).bind(4, episode);
  std::string only;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return only;
    const std::string object = select.text(0);
    if (!only.empty() && fact_key(object) != fact_key(only)) return std::string();
    only = object;
  }
}

/// "user's sister" is Anna, if that is known.
Status resolve_subject(Transaction& transaction, ScopeId scope, EpisodeId episode, Claim& claim) {
  const std::size_t mark = claim.subject.find("'s ");
  if (mark == std::string::npos || mark == 0) return {};
  ASSIGN_OR_RETURN(const std::string name, only_object(transaction, scope, fact_key(claim.subject.substr(0, mark)),
                                                       claim.subject.substr(mark + 3), episode));
  if (!name.empty()) claim.subject = name;
  return {};
}

/// False: nobody said what it corrects.
Result<bool> resolve_correction(Transaction& transaction, ScopeId scope, EpisodeId episode, Claim& claim) {
  if (claim.predicate != "?") return true;
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT subject, predicate, object FROM memory_claims WHERE scope_id = ?1"
                                       " AND entry_id < ?2 AND entry_id >= ?2 - 200 AND kind = 0"
                                       " ORDER BY entry_id DESC, ordinal DESC LIMIT 50"));
  select.bind(1, scope).bind(2, episode);
  const std::string wrong = fact_key(claim.corrected);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return false;
    if (!wrong.empty() && fact_key(select.text(2)) != wrong) continue;
    claim.subject = select.text(0);
    claim.predicate = select.text(1);
    return true;
  }
}

Status insert_claim(Transaction& transaction, ScopeId scope, EpisodeId episode, int ordinal, const Claim& claim) {
  ASSIGN_OR_RETURN(Statement insert,
                   transaction.prepare(
                       "INSERT INTO memory_claims (entry_id, ordinal, scope_id, subject_key, predicate, kind, subject,"
                       " object, valid_from_us, valid_to_us, is_dated, corrects, corrected, known_from_us, trust,"
                       " by_assistant, confidence)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"));
  const std::string key = fact_key(claim.subject);
  insert.bind(1, episode).bind(2, ordinal).bind(3, scope).bind(4, std::string_view(key));
  insert.bind(5, std::string_view(claim.predicate)).bind(6, static_cast<int>(claim.kind));
  insert.bind(7, std::string_view(claim.subject)).bind(8, std::string_view(claim.object));
  insert.bind(9, static_cast<std::int64_t>(to_micros(claim.valid_from)));
  insert.bind(10, static_cast<std::int64_t>(to_micros(claim.valid_to))).bind(11, claim.is_dated ? 1 : 0);
  insert.bind(12, claim.corrects ? (claim.corrects_lately ? 2 : 1) : 0).bind(13, std::string_view(claim.corrected));
  insert.bind(14, static_cast<std::int64_t>(to_micros(claim.known_from))).bind(15, static_cast<int>(claim.trust));
  return insert.bind(16, claim.by_assistant ? 1 : 0).bind(17, claim.confidence).run();
}

std::string where_visible(int first) {
  std::string text = "scope_id IN (";
  for (int i = 0; i < 8; ++i) text += (i == 0 ? "?" : ", ?") + std::to_string(first + i);
  return text + ")";
}

/// Calls `each` for eight of the scopes after the other.
Status each_eight(const VisibleScopes& visible, const std::function<Status(const std::array<ScopeId, 8>&)>& each) {
  for (std::size_t first = 0; first < visible.scopes.size(); first += 8) {
    VisibleScopes part;
    part.scopes.assign(
        visible.scopes.begin() + static_cast<std::ptrdiff_t>(first),
        visible.scopes.begin() + static_cast<std::ptrdiff_t>(std::min(first + 8, visible.scopes.size())));
    RETURN_IF_ERROR(each(part.padded()));
  }
  return {};
}

class Scopes {
 public:
  explicit Scopes(Transaction& transaction) : transaction_(transaction) {}
  Result<Scope> operator()(ScopeId id) {
    if (const auto known = known_.find(id); known != known_.end()) return known->second;
    ASSIGN_OR_RETURN(Scope scope, scope_store::scope_of(transaction_, id));
    return known_.emplace(id, std::move(scope)).first->second;
  }

 private:
  Transaction& transaction_;
  std::map<ScopeId, Scope> known_;
};

Result<std::vector<Fact>> believed_now(Transaction& transaction, const VisibleScopes& visible, Time valid) {
  std::vector<Fact> found;
  Scopes scopes(transaction);
  RETURN_IF_ERROR(each_eight(visible, [&](const std::array<ScopeId, 8>& eight) -> Status {
    ASSIGN_OR_RETURN(Statement select,
                     transaction.prepare(std::string(kFacts) + " WHERE " + where_visible(1) +
                                         " AND (valid_from_us IS NULL OR valid_from_us <= ?9)"
                                         " AND (valid_to_us IS NULL OR valid_to_us > ?9) ORDER BY known_from_us DESC,"
                                         " subject_key, predicate, ordinal LIMIT ?10"));
    for (std::size_t i = 0; i < eight.size(); ++i) select.bind(1 + static_cast<int>(i), eight[i]);
    select.bind(9, static_cast<std::int64_t>(to_micros(valid))).bind(10, kRowsReadMax);
    for (;;) {
      ASSIGN_OR_RETURN(const bool row, select.step());
      if (!row) return {};
      Fact fact = fact_of(select);
      ASSIGN_OR_RETURN(fact.scope, scopes(select.integer(12)));
      found.push_back(std::move(fact));
    }
  }));
  return found;
}

Result<std::vector<Fact>> believed_then(Transaction& transaction, const VisibleScopes& visible, Time valid, Time known,
                                        const FactLimits& limits) {
  std::map<FactKey, std::vector<Claim>> keys;
  RETURN_IF_ERROR(each_eight(visible, [&](const std::array<ScopeId, 8>& eight) -> Status {
    ASSIGN_OR_RETURN(Statement select, transaction.prepare(std::string(kClaims) + " AND c." + where_visible(1) +
                                                           " ORDER BY c.known_from_us DESC, c.entry_id DESC,"
                                                           " c.ordinal DESC LIMIT ?9"));
    for (std::size_t i = 0; i < eight.size(); ++i) select.bind(1 + static_cast<int>(i), eight[i]);
    select.bind(9, kRowsReadMax);
    for (;;) {
      ASSIGN_OR_RETURN(const bool row, select.step());
      if (!row) return {};
      std::vector<Claim>& claims = keys[{select.integer(15), select.text(16), select.text(14)}];
      if (static_cast<int>(claims.size()) < limits.claims_per_key_max) claims.push_back(claim_of(select));
    }
  }));
  std::vector<Fact> found;
  Scopes scopes(transaction);
  for (const auto& [key, claims] : keys) {
    for (Fact& fact : derive_facts_of_past(claims, is_single_valued(key.predicate), known).facts) {
      if (fact.valid_from.value_or(Time::min()) > valid || fact.valid_to.value_or(Time::max()) <= valid) continue;
      ASSIGN_OR_RETURN(fact.scope, scopes(key.scope));
      found.push_back(std::move(fact));
    }
  }
  return found;
}

std::set<std::string> words_of(std::string_view text) {
  std::set<std::string> words;
  std::string word;
  const auto add = [&] {
    const std::string key = fact_key(word);
    if (key.size() > 2) words.insert(key);
    word.clear();
  };
  for (const char c : text) {
    const bool is_part = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c & 0x80) != 0;
    if (is_part) {
      word += c;
    } else if (!word.empty()) {
      add();
    }
  }
  if (!word.empty()) add();
  return words;
}

/// Those that fit the question best, in an order that does not depend on it.
Facts choose(std::vector<Fact> found, const FactQuery& query) {
  const std::string subject = fact_key(query.subject);
  std::erase_if(found, [&](const Fact& fact) {
    return fact.contested || (fact.negated && !query.negated) || fact.confidence < query.confidence_min ||
           (!subject.empty() && fact_key(fact.subject) != subject) ||
           (!query.predicate.empty() && fact.predicate != query.predicate);
  });
  Facts chosen;
  const std::set<std::string> asked = words_of(query.text);
  const auto words_in = [&](const std::string& text) {
    int words = 0;
    for (const std::string& word : words_of(text)) words += asked.contains(word) ? 1 : 0;
    return words;
  };
  const auto fit = [&](const Fact& fact) {
    return 3 * words_in(fact.subject + " " + fact.object) + words_in(fact.predicate) + (fact.subject == "user" ? 1 : 0);
  };
  std::stable_sort(found.begin(), found.end(), [&](const Fact& a, const Fact& b) {
    const int fit_a = fit(a), fit_b = fit(b);
    return fit_a != fit_b ? fit_a > fit_b : a.known_from > b.known_from;
  });
  std::size_t kept = 0;
  for (int bytes = 0; kept < found.size() && static_cast<int>(kept) < query.facts_max; ++kept) {
    bytes += static_cast<int>(line_of(found[kept]).size()) + 3;
    if (query.bytes_max > 0 && bytes > query.bytes_max) break;
  }
  chosen.left_out = static_cast<int>(found.size() - kept);
  found.resize(kept);
  std::stable_sort(found.begin(), found.end(), [](const Fact& a, const Fact& b) {
    return std::tie(a.subject, a.predicate, a.object, a.known_from) <
           std::tie(b.subject, b.predicate, b.object, b.known_from);
  });
  chosen.facts = std::move(found);
  return chosen;
}

}  // namespace

Result<std::set<FactKey>> keys_of(Transaction& transaction, EpisodeId episode) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT scope_id, subject_key, predicate FROM memory_claims"
                                                         " WHERE entry_id = ?1"));
  select.bind(1, episode);
  std::set<FactKey> keys;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return keys;
    keys.insert({select.integer(0), select.text(1), select.text(2)});
  }
}

Result<std::set<EpisodeId>> with_claims(Transaction& transaction, EpisodeId first, EpisodeId last) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT DISTINCT entry_id FROM memory_claims"
                                                         " WHERE entry_id BETWEEN ?1 AND ?2"));
  ASSIGN_OR_RETURN(const std::vector<std::int64_t> found, select.bind(1, first).bind(2, last).integers());
  return std::set<EpisodeId>(found.begin(), found.end());
}

Result<std::set<FactKey>> remove_claims(Transaction& transaction, EpisodeId episode) {
  ASSIGN_OR_RETURN(std::set<FactKey> keys, keys_of(transaction, episode));
  ASSIGN_OR_RETURN(Statement remove, transaction.prepare("DELETE FROM memory_claims WHERE entry_id = ?1"));
  RETURN_IF_ERROR(remove.bind(1, episode).run());
  return keys;
}

Result<std::set<FactKey>> put_claims(Transaction& transaction, ScopeId scope, EpisodeId episode,
                                     std::vector<Claim> claims) {
  ASSIGN_OR_RETURN(std::set<FactKey> keys, remove_claims(transaction, episode));
  int ordinal = 0;
  for (Claim& claim : claims) {
    ASSIGN_OR_RETURN(const bool is_known, resolve_correction(transaction, scope, episode, claim));
    if (!is_known) continue;
    RETURN_IF_ERROR(resolve_subject(transaction, scope, episode, claim));
    RETURN_IF_ERROR(insert_claim(transaction, scope, episode, ordinal++, claim));
    keys.insert({scope, fact_key(claim.subject), claim.predicate});
  }
  return keys;
}

Result<int> derive(Transaction& transaction, const std::set<FactKey>& keys, const FactLimits& limits) {
  int rows = 0;
  for (const FactKey& key : keys) {
    ASSIGN_OR_RETURN(std::vector<Claim> claims, claims_of(transaction, key, limits.claims_per_key_max));
    rows += static_cast<int>(claims.size());
    const Derived derived = derive_facts(std::move(claims), is_single_valued(key.predicate));
    ASSIGN_OR_RETURN(const std::vector<Fact> before, facts_of(transaction, key));
    rows += static_cast<int>(before.size());
    for (std::size_t i = 0; i < derived.facts.size(); ++i) {
      if (i < before.size() && before[i] == derived.facts[i]) continue;
      RETURN_IF_ERROR(write_fact(transaction, key, i, derived.facts[i]));
      ++rows;
    }
    if (before.size() > derived.facts.size()) {
      ASSIGN_OR_RETURN(Statement remove,
                       transaction.prepare("DELETE FROM memory_facts WHERE scope_id = ?1 AND subject_key"
                                           " = ?2 AND predicate = ?3 AND ordinal >= ?4"));
      RETURN_IF_ERROR(bind_key(remove, key).bind(4, static_cast<std::int64_t>(derived.facts.size())).run());
      rows += static_cast<int>(before.size() - derived.facts.size());
    }
    ASSIGN_OR_RETURN(const std::vector<FactConflict> undecided, conflicts_of(transaction, key));
    if (undecided == derived.conflicts) continue;
    RETURN_IF_ERROR(replace_conflicts(transaction, key, derived.conflicts));
    rows += static_cast<int>(undecided.size() + derived.conflicts.size());
  }
  return rows;
}

Result<Facts> find(Transaction& transaction, const VisibleScopes& visible, const FactQuery& query, Time now,
                   const FactLimits& limits) {
  if (visible.nothing()) return Facts{};
  const Time valid = query.valid.value_or(now);
  if (query.known) {
    ASSIGN_OR_RETURN(std::vector<Fact> then, believed_then(transaction, visible, valid, *query.known, limits));
    return choose(std::move(then), query);
  }
  ASSIGN_OR_RETURN(std::vector<Fact> found, believed_now(transaction, visible, valid));
  return choose(std::move(found), query);
}

Result<std::vector<FactConflict>> conflicts(Transaction& transaction, const VisibleScopes& visible, int count_max) {
  std::vector<FactConflict> found;
  Scopes scopes(transaction);
  RETURN_IF_ERROR(each_eight(visible, [&](const std::array<ScopeId, 8>& eight) -> Status {
    ASSIGN_OR_RETURN(Statement select, transaction.prepare(std::string(kConflicts) + " WHERE " + where_visible(1) +
                                                           " ORDER BY subject, predicate, ordinal LIMIT ?9"));
    for (std::size_t i = 0; i < eight.size(); ++i) select.bind(1 + static_cast<int>(i), eight[i]);
    select.bind(9, count_max - static_cast<int>(found.size()));
    for (;;) {
      ASSIGN_OR_RETURN(const bool row, select.step());
      if (!row) return {};
      FactConflict conflict = conflict_of(select);
      ASSIGN_OR_RETURN(conflict.scope, scopes(select.integer(12)));
      found.push_back(std::move(conflict));
    }
  }));
  return found;
}

Result<VisibleScopes> scopes_of(Transaction& transaction, const std::string& tenant,
                                const std::optional<std::string>& user) {
  VisibleScopes all;
  ASSIGN_OR_RETURN(const std::optional<TenantId> id, scope_store::find_tenant(transaction, tenant));
  if (!id) return all;
  all.tenant = *id;
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT scope_id FROM memory_scopes WHERE tenant_id = ?1"
                                                         " AND (?2 = 0 OR user = ?3) ORDER BY scope_id"));
  select.bind(1, *id).bind(2, user ? 1 : 0);
  const std::string name = user.value_or("");
  ASSIGN_OR_RETURN(all.scopes, select.bind(3, std::string_view(name)).integers());
  return all;
}

Result<Counts> counts(Transaction& transaction) {
  ASSIGN_OR_RETURN(
      Statement select,
      transaction.prepare("SELECT (SELECT count(*) FROM memory_claims), (SELECT count(*) FROM memory_facts),"
                          " (SELECT count(*) FROM memory_fact_conflicts)"));
  ASSIGN_OR_RETURN(const bool row, select.step());
  if (!row) return Counts{};
  return Counts{select.integer(0), select.integer(1), select.integer(2)};
}

Status check_integrity(Transaction& transaction, const FactLimits& limits) {
  std::set<FactKey> keys;
  for (const char* table : {"memory_claims", "memory_facts", "memory_fact_conflicts"}) {
    ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT DISTINCT scope_id, subject_key, predicate FROM " +
                                                           std::string(table)));
    for (;;) {
      ASSIGN_OR_RETURN(const bool row, select.step());
      if (!row) break;
      keys.insert({select.integer(0), select.text(1), select.text(2)});
    }
  }
  for (const FactKey& key : keys) {
    ASSIGN_OR_RETURN(std::vector<Claim> claims, claims_of(transaction, key, limits.claims_per_key_max));
    const Derived derived = derive_facts(std::move(claims), is_single_valued(key.predicate));
    ASSIGN_OR_RETURN(const std::vector<Fact> facts, facts_of(transaction, key));
    ASSIGN_OR_RETURN(const std::vector<FactConflict> undecided, conflicts_of(transaction, key));
    if (facts == derived.facts && undecided == derived.conflicts) continue;
    return fail(ErrorCode::kCorrupt,
                "the facts of '" + key.subject + "', '" + key.predicate + "' are not what their evidence says",
                "delete the row 'facts' of memory_jobs: everything is then read again");
  }
  return {};
}

}  // namespace mnema::fact_store
