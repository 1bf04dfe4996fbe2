// agents/host/configured_engine.hpp
//
// [inference] as options of the engine, for the models that a program needs.
//
// Threads: pure function.
#pragma once

#include "agents/host/model_needs.hpp"
#include "inference/engine.hpp"
#include "inference/local_engine.hpp"
#include "runtime/config/config.hpp"

namespace mnema {

[[nodiscard]] EngineOptions engine_options_of(const InferenceConfig& config, const ModelNeeds& needs);

}  // namespace mnema
