// inference/chat/jinja_template.hpp
//
// A chat template, parsed: the part of Jinja that the templates of published models use. Statements: for (with filter,
// else, break, continue), if, set (also of blocks and namespaces), macro, generation. Everything is bounded, because a
// template comes with a model file that a stranger made.
//
// Threads: immutable once parsed; `render` from any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "inference/chat/jinja_rendering.hpp"
#include "runtime/base/result.hpp"

namespace mnema::jinja {

using Expression = std::function<Value(Rendering&)>;
using Statement = std::function<void(Rendering&)>;
using Block = std::vector<Statement>;

class Template {
 public:
  /// Errors: `kInvalidArgument` with the line: what was expected, or which statement, filter, test or method is
  /// lacking; `kResourceExhausted` for a source longer than its limit.
  [[nodiscard]] static Result<Template> parse(std::string_view source);

  /// Errors: `kInvalidArgument` when the template raises an error or uses what there is not; `kResourceExhausted`
  /// bounds.
  [[nodiscard]] Result<std::string> render(const Dict& context, const Bounds& bounds = {}) const;

 private:
  std::shared_ptr<const Block> block_;
};

}  // namespace mnema::jinja
