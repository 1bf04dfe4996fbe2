// agents/turn/segment_places.hpp
//
// Where the segments of a prompt stand in the text that a template made of it. They are looked for in their order, and
// without the blanks around them, which templates trim; what lies between them is the template's.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "inference/request.hpp"

namespace mnema {

struct SegmentPlace {
  std::size_t message = 0;  // of the prompt
  std::size_t segment = 0;  // of the message
  std::size_t begin = 0;    // bytes of the text
  std::size_t end = 0;
};

/// Blank segments, and those that the template changed, have no place and are left out.
[[nodiscard]] std::vector<SegmentPlace> segment_places(const Prompt& prompt, const std::string& text);

}  // namespace mnema
