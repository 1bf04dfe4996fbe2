#include "agents/rest/block_json.hpp"

#include "agents/rest/dead_letter_json.hpp"
#include "agents/rest/trust_name.hpp"

namespace mnema {

boost::json::object block_json(const Block& block) {
  return {{"name", block.name},
          {"agent", block.scope.agent},
          {"user", block.scope.user},
          {"key", block.scope.session},
          {"text", block.text},
          {"version", block.version},
          {"trust", name_of(block.trust)},
          {"changed", utc_text(block.changed)},
          {"changed_by", block.changed_by}};
}

}  // namespace mnema
