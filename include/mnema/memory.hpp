// mnema/memory.hpp
//
// The memory alone, for programs that remember and recall without agents: `MemoryStore`, the `Database` it lives in,
// and the `Embedder` that it asks for vectors. Link mnema::memory.
//
// Threads: as the headers below say.
#pragma once

#include "memory/embedder.hpp"
#include "memory/no_embedder.hpp"
#include "memory/record.hpp"
#include "memory/store.hpp"
#include "runtime/clock.hpp"
#include "runtime/database.hpp"
#include "runtime/random.hpp"
#include "runtime/thread_pool_executor.hpp"
