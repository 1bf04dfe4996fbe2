// memory/verify/verified_tenant.hpp
//
// What was found when a tenant's memory was looked through.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mnema {

struct VerifiedTenant {
  std::string name;
  std::int64_t entries = 0;
  std::int64_t threads = 0;            // whose chains were walked
  std::int64_t vectors = 0;            // of the present embedder
  std::int64_t vectors_of_others = 0;  // of embedders of before: not used any more
  std::int64_t waiting = 0;            // entries whose vector is still to be made
  std::int64_t refused = 0;            // likewise, and the embedder refuses their text
  bool words_waiting = false;          // not all words are there yet
  std::vector<std::string> wrong;      // a sentence each, with what to do; empty: all is right
};

}  // namespace mnema
