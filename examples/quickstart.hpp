// examples/quickstart.hpp                                                                START HERE
//
// The two agents that `mnema serve --config configs/quickstart.toml` runs: ordinary users of the SDK, each in one file.
//
//   assistant   answers a chat from the documents it has read, and says where it read it
//   triage      labels an issue from a webhook, remembering how earlier ones were labelled
//
// Threads: declare before the host opens.
#pragma once

#include "agents/host.hpp"

namespace mnema {

void declare_assistant(Host& host);
void declare_triage(Host& host);

}  // namespace mnema
