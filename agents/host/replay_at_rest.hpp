// agents/host/replay_at_rest.hpp
//
// `Source::replay` on a data folder that no program has in use: the next start takes it up.
//
// Threads: one, which waits for the broker and the disk.
#pragma once

#include <string>

#include "connectors/connector.hpp"
#include "runtime/base/result.hpp"
#include "runtime/config/config.hpp"

namespace mnema {

/// Of the source of this name in the configuration. Errors: `kNotFound` (no such source, or no data), `kUnsupported`
/// (its kind keeps nothing), those of the database (`kFailedPrecondition`: the folder is in use) and of
/// `replay_kafka_at_rest`.
[[nodiscard]] Result<ReplayReport> replay_at_rest(const Config& config, const std::string& source,
                                                  const ReplayRequest& request);

}  // namespace mnema
