// inference/chat/jinja_expression.hpp
//
// The expressions of the template language: read by recursive descent, loosest binding first, into closures from the
// rendering to a value. How deeply closures call one another is bounded while reading, so that a hostile template
// cannot use up the stack later on.
//
// Threads: an expression is immutable; the parser is confined to one parse.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "inference/chat/jinja_rendering.hpp"
#include "inference/chat/jinja_token_reader.hpp"

namespace mnema::jinja {

struct Expression {
  std::function<Value(Rendering&)> evaluate;
  std::function<void(Rendering&, const Value&)> store;  // empty where nothing can be stored: not a name, not a member
  int depth = 1;                                        // closures inside closures

  explicit operator bool() const { return static_cast<bool>(evaluate); }
  Value operator()(Rendering& rendering) const { return evaluate(rendering); }
};

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenReader& tokens) : tokens_(tokens) {}

  [[nodiscard]] Expression expression();
  /// As `expression`, and `a, b` is a list.
  [[nodiscard]] Expression tuple();
  /// Without "a if b": what a `for` walks over, because its own "if" comes after.
  [[nodiscard]] Expression either();

 private:
  struct Argument {
    std::string name;  // "" = by position
    Expression value;
  };
  struct Arguments {
    std::vector<Argument> list;
    int depth = 0;
    void evaluate(Rendering& rendering, List& positional, Dict& named) const;
  };
  bool enter();
  void leave() { --nesting_; }
  [[nodiscard]] Expression made(int depth_inside, std::function<Value(Rendering&)> evaluate);
  [[nodiscard]] Expression binary(Expression left, std::string op, Expression right);
  [[nodiscard]] Expression both();
  [[nodiscard]] Expression negation();
  [[nodiscard]] Expression comparison();
  [[nodiscard]] Expression sum();
  [[nodiscard]] Expression concatenation();
  [[nodiscard]] Expression product();
  [[nodiscard]] Expression unary();
  [[nodiscard]] Expression power();
  [[nodiscard]] Expression postfix(Expression value);
  [[nodiscard]] Expression member(Expression value);
  [[nodiscard]] Expression method(Expression object, std::string name);
  [[nodiscard]] Expression call(Expression callee);
  [[nodiscard]] Expression filter(Expression value);
  [[nodiscard]] Expression test(Expression value);
  [[nodiscard]] Expression subscript(Expression value);
  [[nodiscard]] Expression primary();
  [[nodiscard]] Expression name(std::string name);
  [[nodiscard]] Expression list(const char* end);
  [[nodiscard]] Expression list_of(std::vector<Expression> parts);
  [[nodiscard]] Expression dictionary();
  [[nodiscard]] Arguments arguments();

  TokenReader& tokens_;
  int nesting_ = 0;
};

}  // namespace mnema::jinja
