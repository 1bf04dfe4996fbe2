// mnema/inference.hpp
//
// The engine alone, for programs that generate text or embeddings without agents: `LocalEngine` and what it is made of.
// Link mnema::inference.
//
// Threads: as the headers below say.
#pragma once

#include "inference/catalogue.hpp"
#include "inference/engine.hpp"
#include "inference/local_engine.hpp"
#include "inference/model_loader.hpp"
#include "runtime/clock.hpp"
#include "runtime/random.hpp"
#include "runtime/thread_pool_executor.hpp"
