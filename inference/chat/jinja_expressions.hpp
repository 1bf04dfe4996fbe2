// inference/chat/jinja_expressions.hpp
//
// The parser of expressions: by recursive descent, to closures from the rendering to a value. Precedence, tuples,
// slices, tests and calls are those of Jinja 3.1's own parser.
//
// Threads: confined to the parser; an expression is immutable, and evaluated by any rendering.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "inference/chat/jinja_rendering.hpp"
#include "inference/chat/jinja_token_stream.hpp"

namespace mnema::jinja {

using Expression = std::function<Value(Rendering&)>;

/// What a call is written with.
struct CallArguments {
  enum class Kind { kPositional, kNamed, kAllPositional, kAllNamed };  // x, name=x, *x, **x
  struct One {
    Kind kind;
    std::string name;
    Expression value;
  };
  std::vector<One> all;

  [[nodiscard]] Arguments evaluate(Rendering& rendering) const;
};

/// `callee(arguments)`, its parts.
struct CallParts {
  Expression callee;
  CallArguments arguments;
};

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  /// `a if b else c` included, unless `without_condition`.
  [[nodiscard]] Expression expression(bool without_condition = false);
  /// An expression, or several with commas: a tuple. `end`: a name that also ends it.
  [[nodiscard]] Expression tuple(bool without_condition = false, std::string_view end = {});
  /// One expression that is a call, in its parts; an error if it is none.
  [[nodiscard]] CallParts call_parts();
  /// Filters around `value`: `name(arguments) | name ...`, the first without its `|` if `inline_first`.
  [[nodiscard]] Expression filters(Expression value, bool inline_first);
  [[nodiscard]] CallArguments call_arguments();

 private:
  Expression disjunction();
  Expression conjunction();
  Expression negation();
  Expression comparison();
  std::string take_comparison();
  Expression sum();
  Expression concatenation();
  Expression product();
  Expression power();
  Expression unary(bool with_filters);
  Expression primary();
  Expression postfix(Expression value, std::size_t begin);
  Expression filters_and_tests(Expression value, std::size_t begin);
  Expression filter(Expression value);
  Expression test(Expression value);
  Expression call(Expression callee, std::size_t begin);
  Expression member(Expression value);
  Expression subscript(Expression value);
  Expression subscribed(bool& is_slice, std::vector<Expression>& slice);
  Expression parenthesized();
  Expression list();
  Expression dictionary();
  Expression binary(Expression left, std::string op, Expression right);
  std::string dotted_name();

  TokenStream& tokens_;
  /// The call that was parsed last, and where it begins and ends.
  std::optional<CallParts> last_call_;
  std::size_t last_call_begin_ = 0, last_call_end_ = 0;
};

}  // namespace mnema::jinja
