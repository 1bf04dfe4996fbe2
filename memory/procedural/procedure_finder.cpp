#include "memory/procedural/procedure_finder.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "memory/documents/token_estimate.hpp"
#include "memory/procedural/procedure_rows_store.hpp"

namespace mnema {
namespace {

/// A procedure is shown to a task that has most of its words.
constexpr double kShowCoverage = 0.6, kShowCosine = 0.3;
/// Of the successes of an event type that is no chat: a procedure that so many of them share is shown whatever the
/// words.
constexpr double kUsualShare = 0.6;
/// Ways of doing a task whose words fit it that nearly alike cannot be told apart.
constexpr double kSameFit = 0.1;

struct Candidate {
  procedure_rows_store::Row row;
  TermProfile profile;

  [[nodiscard]] bool is_corrected() const { return !row.procedure.words.empty(); }
};

/// The one whose words fit the task best; an operator's before all others. None: none fits, or two ways that fit alike.
const Candidate* best_by_words(const std::vector<Candidate>& candidates, const TaskTerms& terms) {
  const Candidate* best = nullptr;
  double best_fit = 0, other_way_fit = 0;
  for (const bool corrected : {true, false}) {
    for (const Candidate& candidate : candidates) {
      const TermFit fit = fit_of(candidate.profile, terms);
      if (candidate.is_corrected() != corrected || fit.coverage < kShowCoverage || fit.cosine < kShowCosine) continue;
      const bool is_other_way =
          best != nullptr && signature_of(best->row.procedure.steps) != signature_of(candidate.row.procedure.steps);
      if (best == nullptr || fit.cosine > best_fit) {
        if (is_other_way) other_way_fit = best_fit;
        best = &candidate;
        best_fit = fit.cosine;
      } else if (is_other_way) {
        other_way_fit = std::max(other_way_fit, fit.cosine);
      }
    }
    if (best != nullptr) break;
  }
  if (best == nullptr || best->is_corrected() || best_fit - other_way_fit > kSameFit) return best;
  return nullptr;
}

/// What most successes of the event's type were.
const Candidate* usual(const std::vector<Candidate>& candidates, int successes_of_type) {
  for (const Candidate& candidate : candidates) {
    if (candidate.row.procedure.learned_from >= kUsualShare * successes_of_type) return &candidate;
  }
  return nullptr;
}

}  // namespace

Result<std::optional<Procedure>> find_procedure(Transaction& transaction, const ProcedureQuery& query,
                                                const TermMaker& maker, const ProcedureLimits& limits) {
  std::optional<Procedure> found;
  ASSIGN_OR_RETURN(const VisibleScopes visible,
                   scope_store::visible_to(transaction, Scope{query.owner.tenant, query.owner.agent, "", ""}));
  if (visible.nothing() || query.text.empty()) return found;
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare(std::string(procedure_rows_store::selecting()) +
                                       " WHERE event_type = ?9 AND scope_id IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
                                       " ORDER BY procedure_id"));
  const auto scopes = visible.padded();
  for (std::size_t i = 0; i < scopes.size(); ++i) select.bind(1 + static_cast<int>(i), scopes[i]);
  select.bind(9, std::string_view(query.event_type));
  ASSIGN_OR_RETURN(std::vector<procedure_rows_store::Row> rows, procedure_rows_store::rows_of(select));
  const std::string asker = procedure_rows_store::owner_name(query.owner.user, query.owner.session);
  std::vector<Candidate> candidates;
  int successes_of_type = 0;
  for (procedure_rows_store::Row& row : rows) {
    const Procedure& procedure = row.procedure;
    successes_of_type += procedure.learned_from;
    const bool is_corrected = !procedure.words.empty();
    if (procedure.state != ProcedureState::kActive || (!is_corrected && procedure.trust < query.trust)) continue;
    if (tokens_in(text_of(procedure)) > static_cast<std::size_t>(limits.tokens_max)) continue;
    ASSIGN_OR_RETURN(procedure_rows_store::Learned learned,
                     procedure_rows_store::read_learned(transaction, procedure.id));
    // What one person alone was done, or has taught, is nobody else's.
    if (!is_corrected && learned.owners.size() < 2 && !learned.owners.contains(asker)) continue;
    candidates.push_back({std::move(row), std::move(learned.profile)});
  }
  if (candidates.empty()) return found;
  const Candidate* best = best_by_words(candidates, task_terms(maker, query.text));
  if (best == nullptr && query.event_type != kChatEvent) best = usual(candidates, successes_of_type);
  if (best == nullptr) return found;
  found = best->row.procedure;
  ASSIGN_OR_RETURN(found->scope, scope_store::scope_of(transaction, best->row.scope));
  ASSIGN_OR_RETURN(found->evidence, procedure_rows_store::evidence_of(transaction, found->id));
  return found;
}

}  // namespace mnema
