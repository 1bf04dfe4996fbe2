// inference/chat/jinja_filters.hpp
//
// The filters of Jinja 3.1, and those that chat templates have beside them: tojson as transformers defines it, and
// from_json. Not among them, because no chat template has a use for them: pprint, random, striptags, urlize, wordwrap,
// xmlattr. A filter that there is not fails where it is reached.
//
// Source: the list of built-in filters of Jinja 3.1, https://jinja.palletsprojects.com/en/stable/templates/.
//
// Threads: pure over their arguments.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

using Filter = Value (*)(Rendering&, const Value&, const Arguments&);
using NamedFilter = std::pair<std::string_view, Filter>;

[[nodiscard]] bool is_filter(std::string_view name);
/// `value | name(arguments)`
[[nodiscard]] Value apply_filter(Rendering& rendering, std::string_view name, const Value& value,
                                 const Arguments& arguments);

/// The parts that the list is made of, one file each.
[[nodiscard]] std::span<const NamedFilter> text_filters();
[[nodiscard]] std::span<const NamedFilter> number_filters();
[[nodiscard]] std::span<const NamedFilter> sequence_filters();
[[nodiscard]] std::span<const NamedFilter> order_filters();
[[nodiscard]] std::span<const NamedFilter> json_filters();

/// What `attribute="a.b.0"` means for filters: members of members, and positions. None is the value itself.
[[nodiscard]] Value attribute_path(Rendering& rendering, const Value& value, const Value& path,
                                   const Value& otherwise = None{});
/// A text in lower case, anything else as it is: how filters compare unless `case_sensitive` is given.
[[nodiscard]] Value without_case(const Value& value);

}  // namespace mnema::jinja
