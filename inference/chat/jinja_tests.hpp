// inference/chat/jinja_tests.hpp
//
// The tests of Jinja 3.1 (`value is name`). A test that there is not fails where it is reached.
//
// Source: the list of built-in tests of Jinja 3.1, https://jinja.palletsprojects.com/en/stable/templates/.
//
// Threads: pure over their arguments.
#pragma once

#include <string_view>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

[[nodiscard]] bool is_test(std::string_view name);
/// `value is name(arguments)`
[[nodiscard]] bool apply_test(Rendering& rendering, std::string_view name, const Value& value,
                              const Arguments& arguments);

}  // namespace mnema::jinja
