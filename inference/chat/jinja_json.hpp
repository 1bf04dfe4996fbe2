// inference/chat/jinja_json.hpp
//
// JSON as Python's json module reads and writes it: integers keep all their digits, member names of any key, NaN.
//
// Source: RFC 8259 and https://docs.python.org/3/library/json.html.
//
// Threads: pure over their arguments.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

struct JsonStyle {
  bool ascii_only = false;
  std::optional<std::string> indent;  // of one level; absent: all on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sorts_keys = false;
};

/// Python's json.dumps. Fails on what JSON has no form for (undefined, ranges, functions), as Python does.
[[nodiscard]] std::string json_text(Rendering& rendering, const Value& value, const JsonStyle& style);

/// Python's json.loads; nothing where `text` is no JSON or is nested deeper than 100 levels. A name that is there twice
/// has its last value. `map_text`, if any, is what each string and name becomes.
[[nodiscard]] std::optional<Value> value_from_json(std::string_view text,
                                                   std::string (*map_text)(std::string_view, const void*) = nullptr,
                                                   const void* map_context = nullptr);

}  // namespace mnema::jinja
