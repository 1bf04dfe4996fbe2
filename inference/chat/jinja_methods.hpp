// inference/chat/jinja_methods.hpp
//
// The methods of Python's plain types, as values of their own: `param.items` is the method of a dictionary even where
// it has a member of that name. Methods that change their object are refused, as Jinja's immutable sandbox refuses
// them.
//
// Source: str, dict, list and tuple of Python's library reference; Jinja 3.1's ImmutableSandboxedEnvironment.
//
// Threads: pure over their arguments.
#pragma once

#include <optional>
#include <string>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

/// The method `name` of `value`, bound to it; undefined (with the reason) where it may not be called; nothing where the
/// type has no such method.
[[nodiscard]] std::optional<Value> method_of(const Value& value, const std::string& name);

/// (name, value) pairs as tuples, what `dict.items()` has.
[[nodiscard]] List items_of(Rendering& rendering, const Dict& dict);

}  // namespace mnema::jinja
