// inference/chat/jinja_filters.hpp
//
// The filters and tests that chat templates use. Unknown ones are an error of the template.
// Source: the lists of built-in filters and tests of Jinja 3.1; `tojson` as Hugging Face's transformers has it.
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

}  // namespace mnema::jinja
