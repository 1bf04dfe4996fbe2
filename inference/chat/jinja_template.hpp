// inference/chat/jinja_template.hpp
//
// A chat template, parsed: Jinja 3.1 as transformers configures it (immutable sandbox, trim_blocks, lstrip_blocks, loop
// controls, its own tojson, raise_exception, strftime_now, generation blocks). A name, filter, test or method that
// there is not fails where it is reached, not before. Everything is bounded, because a template comes with a model file
// that a stranger made.
//
// Source: https://jinja.palletsprojects.com/en/stable/templates/ and transformers' utils/chat_template_utils.py.
//
// Threads: immutable once parsed; `render` from any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "inference/chat/jinja_blocks.hpp"
#include "inference/chat/jinja_rendering.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

namespace mnema::jinja {

class Template {
 public:
  /// Errors: `kInvalidArgument` with the line: what was expected; `kResourceExhausted` for a source longer than its
  /// limit.
  [[nodiscard]] static Result<Template> parse(std::string_view source);

  /// `now` is what strftime_now shows; without it there is no such function. Errors: `kInvalidArgument`, with the line,
  /// when the template raises an error or uses what there is not; `kResourceExhausted` for its bounds.
  [[nodiscard]] Result<std::string> render(const Dict& context, const Bounds& bounds = {},
                                           std::optional<Time> now = std::nullopt) const;

 private:
  std::shared_ptr<const Block> block_;
};

}  // namespace mnema::jinja
