// inference/chat/jinja_methods.hpp
//
// The methods of Python's str, list and dict that chat templates call. Unknown ones are an error of the template.
//
// Threads: pure over their arguments.
#pragma once

#include <string_view>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

/// `value.name(arguments, named...)`
[[nodiscard]] Value call_method(Rendering& rendering, std::string_view name, const Value& value, const List& arguments,
                                const Dict& named);
/// `[name, value]` of each member, as `items()` and `| items` give them.
[[nodiscard]] List items_of(const Dict& dict);
/// What `list.name(arguments)` leaves behind in the list (append, extend, insert, pop), or undefined for other methods.
/// Lists do not change (jinja_value.hpp): the parser stores it where the list was found.
[[nodiscard]] Value changed_list(Rendering& rendering, std::string_view name, const List& list, const List& arguments);

}  // namespace mnema::jinja
