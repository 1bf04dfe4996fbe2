// mnema/inference.hpp
//
// The engine alone, for programs that generate text or embeddings without agents: `LocalEngine` and what it is made of.
// Link mnema::inference.
//
// Threads: as the headers below say.
#pragma once

#include "inference/engine.hpp"
#include "inference/loading/catalogue.hpp"
#include "inference/loading/model_loader.hpp"
#include "inference/local_engine.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/random.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
