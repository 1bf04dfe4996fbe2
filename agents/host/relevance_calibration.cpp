#include "agents/host/relevance_calibration.hpp"

#include "memory/relevance.hpp"
#include "runtime/base/log.hpp"

namespace mnema {

void warn_unless_calibrated(std::string_view embedder) {
  if (relevance_is_calibrated(embedder)) return;
  log_warning("memory",
              "relevance is not calibrated for this encoder: recall may find everything relevant, or nothing; "
              "all-minilm-l6-v2 is calibrated, and docs/RECALL.md tells how another one is",
              {{"embedder", embedder}});
}

}  // namespace mnema
