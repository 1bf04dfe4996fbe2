// inference/chat/jinja_operators.hpp
//
// What the operators of a template do with values: members, slices, arithmetic, comparison, walking. All of them pay
// for what they read and make (jinja_rendering.hpp). Source: the expressions of Jinja 3.1, and Python's.
//
// Threads: pure over their arguments.
#pragma once

#include <cstdint>
#include <string_view>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

/// `a op b`: + - * / // % ** ~
[[nodiscard]] Value arithmetic(Rendering& rendering, std::string_view op, const Value& a, const Value& b);
/// `a op b`: == != < > <= >= in, not in
[[nodiscard]] bool compared(Rendering& rendering, std::string_view op, const Value& a, const Value& b);
/// `value[from:to:by]`; what is left out is undefined.
[[nodiscard]] Value sliced(Rendering& rendering, const Value& value, const Value& from, const Value& to,
                           const Value& by);
/// `value.name` and `value[index]`; undefined where there is none.
[[nodiscard]] Value member_of(Rendering& rendering, const Value& value, const Value& index);
/// `needle in haystack`
[[nodiscard]] bool contains(Rendering& rendering, const Value& haystack, const Value& needle);
/// `a == b` and `a < b` as Python has them; numbers by size, texts by bytes; what has no order is never less.
[[nodiscard]] bool equal(Rendering& rendering, const Value& a, const Value& b);
[[nodiscard]] bool less(Rendering& rendering, const Value& a, const Value& b);
/// Whether `container` may be given `value`: never what already holds the container. An error of the template if not.
[[nodiscard]] bool may_hold(Rendering& rendering, const Value& container, const Value& value);
/// `text[begin:end]` in characters, in order.
[[nodiscard]] std::string_view characters_between(std::string_view text, std::int64_t begin, std::int64_t end);
[[nodiscard]] std::size_t characters_in(std::string_view text);
/// What a `for` walks over: elements, characters or names.
[[nodiscard]] List elements_of(Rendering& rendering, const Value& value);

}  // namespace mnema::jinja
