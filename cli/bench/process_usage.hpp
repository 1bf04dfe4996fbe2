// cli/bench/process_usage.hpp
//
// What this process takes from the machine, by the kernel's word (/proc/self).
//
// Threads: any.
#pragma once

#include <map>
#include <string>

namespace mnema {

/// Resident bytes; 0 where the kernel does not tell.
[[nodiscard]] long long resident_bytes();

/// Nanoseconds of CPU that the threads alive have had, by name; those of a pool ("turns-0", "turns-1") together.
[[nodiscard]] std::map<std::string, long long> cpu_ns_by_thread();

/// Microseconds that they have had since `before`, an earlier answer.
[[nodiscard]] std::map<std::string, double> cpu_us_since(const std::map<std::string, long long>& before);

}  // namespace mnema
