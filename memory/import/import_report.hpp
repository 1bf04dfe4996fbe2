// memory/import/import_report.hpp
//
// What goes into an import, and what came of it.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace mnema {

struct ImportLine {
  std::int64_t number = 0;  // in its file, from 1
  std::string text;
};

struct ImportReport {
  std::map<std::string, std::int64_t> imported;  // lines, by type
  std::int64_t duplicates = 0;
  struct Refused {
    std::int64_t line = 0;
    std::string why;
  };
  std::vector<Refused> refused;
  std::int64_t refused_more = 0;  // beyond those
};

/// The tenant that an export is of. Errors: `kInvalidArgument` (it is no export), `kUnsupported` (a newer one).
[[nodiscard]] Result<std::string> read_export_head(std::string_view line);

}  // namespace mnema
