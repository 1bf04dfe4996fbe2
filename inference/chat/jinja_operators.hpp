// inference/chat/jinja_operators.hpp
//
// What the signs of the template language do: arithmetic, comparison, membership, indexing and slicing, as Python has
// them.
//
// Threads: pure over their arguments.
#pragma once

#include <string_view>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

/// `a op b` for + - * / // % ** ~
[[nodiscard]] Value arithmetic(Rendering& rendering, std::string_view op, const Value& a, const Value& b);
/// `a op b` for == != < > <= >= in, not in
[[nodiscard]] bool compared(Rendering& rendering, std::string_view op, const Value& a, const Value& b);
/// `needle in haystack`
[[nodiscard]] bool contains(Rendering& rendering, const Value& haystack, const Value& needle);
/// `value.name` and `value[index]`; undefined where there is none.
[[nodiscard]] Value member_of(Rendering& rendering, const Value& value, const Value& index);
/// `value[from:to:by]`, each of which may be undefined
[[nodiscard]] Value sliced(Rendering& rendering, const Value& value, const Value& from, const Value& to,
                           const Value& by);
/// What a `for` walks over: elements, characters or names.
[[nodiscard]] List elements_of(Rendering& rendering, const Value& value);

}  // namespace mnema::jinja
