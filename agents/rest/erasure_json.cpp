#include "agents/rest/erasure_json.hpp"

#include <boost/json/array.hpp>

#include "agents/rest/dead_letter_json.hpp"

namespace mnema {
namespace json = boost::json;

json::object counts_json(const EraseCounts& counts) {
  json::object object;
  for (const auto& [name, count] : counts) object[name] = count;
  return object;
}

json::object erasure_json(const Erasure& erasure) {
  const Scope& scope = erasure.target.scope;
  json::object target{
      {"tenant", scope.tenant}, {"agent", scope.agent}, {"user", scope.user}, {"session", scope.session}};
  if (erasure.target.entry != 0) target["entry"] = erasure.target.entry;
  return {{"id", erasure.id},
          {"object", "memory.erasure"},
          {"target", std::move(target)},
          {"requested", utc_text(erasure.requested)},
          {"finished", erasure.finished ? json::value(utc_text(*erasure.finished)) : json::value(nullptr)},
          {"at", erasure.part},
          {"counts", counts_json(erasure.counts)},
          {"pending", json::array(erasure.pending.begin(), erasure.pending.end())}};
}

}  // namespace mnema
