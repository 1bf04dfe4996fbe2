// memory/id_list.hpp
//
// Numbers of rows as one parameter of a statement: a JSON array, which SQL reads by json_each.
//
// Threads: pure function.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mnema {

[[nodiscard]] inline std::string id_list(const std::vector<std::int64_t>& ids) {
  std::string list = "[";
  for (const std::int64_t id : ids) list += (list.size() > 1 ? "," : "") + std::to_string(id);
  return list + "]";
}

}  // namespace mnema
