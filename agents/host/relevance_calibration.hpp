// agents/host/relevance_calibration.hpp
//
// Says at start that with this encoder memory cannot tell what is relevant (memory/relevance.hpp): no error would.
//
// Threads: any.
#pragma once

#include <string_view>

namespace mnema {

/// A warning in the log where memory has no weights for the vectors of this id (`embedding_id`).
void warn_unless_calibrated(std::string_view embedder);

}  // namespace mnema
