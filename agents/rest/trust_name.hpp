// agents/rest/trust_name.hpp
//
// How far a text is trusted, as JSON says it.
//
// Threads: pure function.
#pragma once

#include "runtime/base/scope.hpp"

namespace mnema {

[[nodiscard]] const char* name_of(Trust trust);

}  // namespace mnema
