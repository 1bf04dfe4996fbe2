// tests/inference/chat/rendered.hpp
//
// A template rendered, for the tests of what the interpreter is made of. The expected texts were made by Jinja2 as
// transformers configures it.
#pragma once

#include <string>
#include <string_view>

#include "inference/chat/jinja_json.hpp"
#include "inference/chat/jinja_template.hpp"

namespace mnema::jinja {

/// What the templates of these tests see.
inline constexpr std::string_view kContext = R"({
  "s": "Hello wörld", "n": 5, "f": 2.5, "l": [3, 1, 2], "d": {"b": 1, "a": "x", "items": 7}, "e": [], "t": true,
  "nn": null, "big": 12345678901234567890123, "nested": {"a": {"b": [1, {"c": null}]}},
  "msgs": [{"role": "user", "content": "hi"}, {"role": "tool", "content": "x", "n": 2},
           {"role": "assistant", "content": "A b"}]})";

/// 2023-11-14T22:13:20.123456Z
inline constexpr Time kRenderedAt{Duration{1'700'000'000'123'456}};

inline Result<std::string> try_render(std::string_view source, std::string_view context = kContext,
                                      const Bounds& bounds = {}) {
  Result<Template> parsed = Template::parse(source);
  if (!parsed.ok()) return parsed.error();
  return parsed->render(*value_from_json(context)->dict(), bounds, kRenderedAt);
}

/// The text, or "parse: " or "render: " and the error's message.
inline std::string rendered(std::string_view source, std::string_view context = kContext) {
  Result<Template> parsed = Template::parse(source);
  if (!parsed.ok()) return "parse: " + parsed.error().message;
  Result<std::string> text = parsed->render(*value_from_json(context)->dict(), {}, kRenderedAt);
  return text.ok() ? *text : "render: " + text.error().message;
}

/// Whether it is refused, and the error says on which line.
inline bool fails(std::string_view source, std::string_view context = kContext) {
  const Result<std::string> text = try_render(source, context);
  return !text.ok() && text.error().message.find("line ") != std::string::npos;
}

}  // namespace mnema::jinja
