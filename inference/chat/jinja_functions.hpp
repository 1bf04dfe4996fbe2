// inference/chat/jinja_functions.hpp
//
// What every template may call: range, dict, namespace, cycler, joiner, and from transformers raise_exception and
// strftime_now. (lipsum is not there: a prompt has no use for random text.)
//
// Source: the list of global functions of Jinja 3.1, and transformers' chat templates.
//
// Threads: pure over their arguments.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

/// Elements that `range` makes at most, as in Jinja's sandbox.
inline constexpr std::int64_t kRangeMax = 100'000;

/// The function of that name. strftime_now only where the rendering has a time.
[[nodiscard]] std::optional<Value> global_function(const Rendering& rendering, std::string_view name);
[[nodiscard]] bool is_global_function(std::string_view name);

/// `{% set target.name = value %}`; an error of the template where `target` is no namespace.
void set_in_namespace(Rendering& rendering, const Value& target, const std::string& name, const Value& value);

}  // namespace mnema::jinja
