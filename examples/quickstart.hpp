// examples/quickstart.hpp                                                                START HERE
//
// The agents of the quickstart and of `mnema demo`: ordinary users of the SDK, each in one file.
//
//   assistant   answers a chat from the documents it has read, and says where it read it
//   triage      labels an issue from a webhook, remembering how earlier ones were labelled
//   refunds     pays a failed order back through a connector, once, whatever crashes (the demo's)
//
// Threads: declare before the host opens.
#pragma once

#include "agents/host.hpp"

namespace mnema {

void declare_assistant(Host& host);
void declare_triage(Host& host);
void declare_refunds(Host& host);

}  // namespace mnema
