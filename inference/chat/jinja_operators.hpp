// inference/chat/jinja_operators.hpp
//
// What the operators of a template do with values: members, slices, arithmetic, comparison. All of them pay for what
// they read and make (jinja_rendering.hpp). Source: the expressions of Jinja 3.1, its sandbox, and Python's.
//
// Threads: pure over their arguments.
#pragma once

#include <optional>
#include <string_view>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

/// `a op b`: + - * / // % ** ~
[[nodiscard]] Value arithmetic(Rendering& rendering, std::string_view op, const Value& a, const Value& b);
/// `-value` and `+value`
[[nodiscard]] Value signed_value(Rendering& rendering, bool negative, const Value& value);
/// `a op b`: == != < > <= >= in, not in
[[nodiscard]] bool compared(Rendering& rendering, std::string_view op, const Value& a, const Value& b);
/// `value[from:to:by]`; what is left out is none.
[[nodiscard]] Value sliced(Rendering& rendering, const Value& value, const Value& from, const Value& to,
                           const Value& by);
/// `value.name`: a method before a member of that name, as Python has it; undefined where there is neither.
[[nodiscard]] Value attribute_of(Rendering& rendering, const Value& value, const std::string& name);
/// Only what getattr() finds: a method, or an attribute of a namespace, a loop or a macro.
[[nodiscard]] std::optional<Value> own_attribute_of(Rendering& rendering, const Value& value, const std::string& name);
/// `value[index]`: a member before a method.
[[nodiscard]] Value item_of(Rendering& rendering, const Value& value, const Value& index);
/// `needle in haystack`
[[nodiscard]] bool contains(Rendering& rendering, const Value& haystack, const Value& needle);
/// `a == b`
[[nodiscard]] bool equal(Rendering& rendering, const Value& a, const Value& b);
/// `a < b`; an error of the template where the two have no order.
[[nodiscard]] bool less(Rendering& rendering, const Value& a, const Value& b);
/// `callee(arguments)`
[[nodiscard]] Value call(Rendering& rendering, const Value& callee, const Arguments& arguments);

}  // namespace mnema::jinja
