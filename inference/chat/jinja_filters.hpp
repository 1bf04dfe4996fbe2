// inference/chat/jinja_filters.hpp
//
// The filters, tests and methods that chat templates use. What is not among them is refused when a template is parsed.
// Source: the list of built-in filters and tests of Jinja 3.1, and Python's str, list and dict.
//
// Threads: pure over their arguments.
#pragma once

#include <string_view>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

/// Whether there is such a filter, and whether it takes that many arguments by position and one of that name ("" =
/// none).
[[nodiscard]] bool is_filter(std::string_view name, std::size_t arguments = 0, std::string_view named = {});
[[nodiscard]] bool is_test(std::string_view name);
[[nodiscard]] bool is_method(std::string_view name);

/// `value | name(arguments, named...)`
[[nodiscard]] Value apply_filter(Rendering& rendering, std::string_view name, const Value& value, const List& arguments,
                                 const Dict& named);
/// `value is name(arguments)`
[[nodiscard]] bool apply_test(Rendering& rendering, std::string_view name, const Value& value, const List& arguments);
/// `value.name(arguments)`
[[nodiscard]] Value call_method(Rendering& rendering, std::string_view name, const Value& value, const List& arguments,
                                const Dict& named);

}  // namespace mnema::jinja
