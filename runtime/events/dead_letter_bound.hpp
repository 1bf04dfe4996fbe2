// runtime/events/dead_letter_bound.hpp
//
// Dead letters stay until a person decides or their retention ends, so what makes more of them has to stop somewhere: a
// tenant that has as many as it may sends nothing new until some are redriven or dropped. Nothing that was accepted is
// dropped for the bound; it may be passed by what is already on its way.
//
// When all tenants together have too many, those with at least the mean share are refused: somebody else's dead letters
// never stop a tenant that has few.
//
// Threads: pure function.
#pragma once

#include <string>

#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"
#include "runtime/events/tenant_counts.hpp"

namespace mnema {

/// Errors: `kResourceExhausted` (retryable), with the commands that help.
[[nodiscard]] Status check_dead_letter_bound(const TenantCounts& dead, const std::string& tenant, const Limits& limits);

}  // namespace mnema
