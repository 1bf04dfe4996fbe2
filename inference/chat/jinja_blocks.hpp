// inference/chat/jinja_blocks.hpp
//
// Statements while they run: blocks, the targets of an assignment, loops, macros.
//
// Threads: a block is immutable once it is parsed; run by any rendering.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "inference/chat/jinja_expressions.hpp"
#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

using Statement = std::function<void(Rendering&)>;
using Block = std::vector<Statement>;

/// A macro call holds up to kLinksMax closures on the stack, a block a few.
inline constexpr int kMacroDepth = 8;

void run(const Block& block, Rendering& rendering);
/// What `block` writes, as a text.
[[nodiscard]] std::string captured(const Block& block, Rendering& rendering);

/// What is assigned to: a name, the member of a namespace, or several in parentheses.
struct Target {
  std::string name;
  std::string member;         // of the namespace `name`
  std::vector<Target> parts;  // instead of a name

  void assign(Rendering& rendering, const Value& value) const;
};

/// `for target in over if filter`, its parts.
struct Loop {
  Target target;
  Expression over;
  Expression filter;  // empty: all
  Block body, otherwise;
  bool recursive = false;
};
/// Runs `loop` over `elements`; `depth` counts from 0 in a recursive one.
void run_loop(const std::shared_ptr<const Loop>& loop, Rendering& rendering, const Value& elements, std::int64_t depth);

/// The parameters and the body of a macro or a call block.
struct MacroParts {
  std::string name;                                            // "" for call blocks
  std::vector<std::pair<std::string, Expression>> parameters;  // an empty expression: no default
  Block body;
  bool uses_caller = false, uses_varargs = false, uses_kwargs = false;
};
/// The macro as a value. It keeps the present scope.
[[nodiscard]] Value make_macro(const std::shared_ptr<const MacroParts>& parts, Rendering& rendering);

}  // namespace mnema::jinja
