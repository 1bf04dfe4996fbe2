// cli/bench/disk_limit.hpp
//
// What the disk under a folder can do when nothing else is asked of it: the bound that durable events are measured
// against. One loop of bare SQLite with the settings of runtime/store/database.cpp, and one of plain fdatasync.
//
// Threads: blocks the caller.
#pragma once

#include <string>
#include <vector>

#include "cli/bench/latency.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct DiskLimit {
  struct Group {
    int rows = 0;  // inserted in one transaction
    double rows_per_s = 0;
  };
  Latency fdatasync;  // of 4 KiB appended
  std::vector<Group> groups;
};

/// Measures for about `each` per kind, in files of its own that it removes. Errors: `kStorage`.
[[nodiscard]] Result<DiskLimit> measure_disk(const std::string& folder, Duration each, const Clock& clock);

}  // namespace mnema
