#include "agents/rest/recall_hit_json.hpp"

#include <boost/json/array.hpp>

#include "agents/rest/dead_letter_json.hpp"

namespace mnema {
namespace json = boost::json;

json::object recall_hit_json(const RecallHit& hit, bool explains) {
  const Provenance& source = hit.source;
  const Scope& scope = source.scope;
  json::object object{
      {"id", hit.id},
      {"text", hit.text},
      {"relevance", hit.relevance},
      {"source", source.citation()},
      {"time", utc_text(source.time)},
      {"scope",
       json::object{
           {"tenant", scope.tenant}, {"agent", scope.agent}, {"user", scope.user}, {"session", scope.session}}}};
  if (!source.thread.empty()) object["thread"] = source.thread;
  if (!source.uri.empty()) object["uri"] = source.uri;
  if (!explains) return object;
  const HitExplanation& how = hit.explanation;
  json::array features;
  for (const FeatureShare& feature : how.features) {
    features.push_back(json::object{{"name", feature.name}, {"value", feature.value}, {"share", feature.share}});
  }
  object["explanation"] = json::object{{"verdict", how.verdict},         {"score", how.score},
                                       {"cosine", how.cosine},           {"words_score", how.text_score},
                                       {"vector_rank", how.vector_rank}, {"text_rank", how.text_rank},
                                       {"time_rank", how.time_rank},     {"features", std::move(features)}};
  return object;
}

}  // namespace mnema
