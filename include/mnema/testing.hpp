// mnema/testing.hpp
//
// For the tests of a program with agents: `HostHarness` runs the program with a real data folder, server and outbox,
// `ScriptedEngine` answers in place of a model, and `VirtualClock` moves by hand.
//
// Threads: as the headers below say.
#pragma once

#include "agents/host_harness.hpp"
#include "agents/testing.hpp"
