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
#include "runtime/base/clock.hpp"
#include "runtime/base/random.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "runtime/store/database.hpp"
