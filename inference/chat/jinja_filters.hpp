// inference/chat/jinja_filters.hpp
//
// The filters, tests and methods that chat templates use. Unknown ones are an error of the template.
// Source: the list of built-in filters and tests of Jinja 3.1, and Python's str, list and dict.
//
// Threads: pure over their arguments.
#pragma once

#include <string_view>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

/// `value | name(arguments, named...)`
[[nodiscard]] Value apply_filter(Rendering& rendering, std::string_view name, const Value& value, const List& arguments,
                                 const Dict& named);
/// `value is name(arguments)`
[[nodiscard]] bool apply_test(Rendering& rendering, std::string_view name, const Value& value, const List& arguments);
/// `value.name(arguments)`
[[nodiscard]] Value call_method(Rendering& rendering, std::string_view name, const Value& value, const List& arguments,
                                const Dict& named);
/// `value.name` and `value[index]`; undefined where there is none.
[[nodiscard]] Value member_of(Rendering& rendering, const Value& value, const Value& index);
/// `needle in haystack`
[[nodiscard]] bool contains(Rendering& rendering, const Value& haystack, const Value& needle);
/// What a `for` walks over: elements, characters or names.
[[nodiscard]] List elements_of(Rendering& rendering, const Value& value);

}  // namespace mnema::jinja
