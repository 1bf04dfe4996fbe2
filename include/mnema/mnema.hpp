// mnema/mnema.hpp                                                                        START HERE
//
// All that a program with agents includes: `Host`, the declaration of agents and tools, the context of their handlers,
// and the configuration. Its names keep their meaning within a minor version; what other headers of the package declare
// may change with any release.
//
//   #include <mnema/mnema.hpp>
//   mnema::task<mnema::Outcome> greet(mnema::Ctx& ctx, mnema::Event event) { co_return mnema::reply("Hello"); }
//
//   mnema/testing.hpp     a whole program under test, without a model and with a clock that is moved by hand
//   mnema/inference.hpp   the engine alone
//   mnema/memory.hpp      the memory alone
//
// Threads: as the headers below say.
#pragma once

#include "agents/agent.hpp"
#include "agents/context.hpp"
#include "agents/convert.hpp"
#include "agents/describe.hpp"
#include "agents/excerpts.hpp"
#include "agents/host.hpp"
#include "agents/outcome.hpp"
#include "agents/reply.hpp"
#include "agents/step.hpp"
#include "agents/task.hpp"
#include "agents/tool.hpp"
#include "runtime/config/config.hpp"
