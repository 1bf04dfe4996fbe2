#include "inference/chat/jinja_expression.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "inference/chat/jinja_filters.hpp"
#include "inference/chat/jinja_methods.hpp"
#include "inference/chat/jinja_operators.hpp"

namespace mnema::jinja {
namespace {

constexpr int kNestingMax = 100;  // calls of the parser into itself
constexpr int kDepthMax = 100;    // closures inside closures

Expression constant(Value value) {
  return {[value = std::move(value)](Rendering&) { return value; }, nullptr, 1};
}

Expression nothing() { return constant({}); }

}  // namespace

bool ExpressionParser::enter() {
  if (++nesting_ > kNestingMax) tokens_.unexpected("less nesting");
  return tokens_.ok();
}

Expression ExpressionParser::made(int depth_inside, std::function<Value(Rendering&)> evaluate) {
  if (depth_inside >= kDepthMax) {
    tokens_.unexpected("a shorter expression");
    return nothing();
  }
  return {std::move(evaluate), nullptr, depth_inside + 1};
}

void ExpressionParser::Arguments::evaluate(Rendering& r, List& positional, Dict& named) const {
  for (const Argument& argument : list) {
    if (argument.name.empty())
      positional.push_back(argument.value(r));
    else
      named.set(argument.name, argument.value(r));
  }
}

Expression ExpressionParser::tuple() {
  Expression first = expression();
  if (!tokens_.is_symbol(",")) return first;
  std::vector<Expression> parts{std::move(first)};
  while (tokens_.take_symbol(",") && !tokens_.is(TokenType::kBlockEnd)) parts.push_back(expression());
  return list_of(std::move(parts));
}

Expression ExpressionParser::expression() {
  if (!enter()) return nothing();
  Expression value = either();
  while (tokens_.take_name("if")) {
    Expression condition = either();
    Expression otherwise = tokens_.take_name("else") ? expression() : nothing();
    const int depth = std::max({value.depth, condition.depth, otherwise.depth});
    value = made(depth, [value = std::move(value), condition = std::move(condition), otherwise = std::move(otherwise)](
                            Rendering& r) { return condition(r).truth() ? value(r) : otherwise(r); });
  }
  leave();
  return value;
}

Expression ExpressionParser::either() {
  Expression left = both();
  while (tokens_.take_name("or")) {
    Expression right = both();
    const int depth = std::max(left.depth, right.depth);
    left = made(depth, [left = std::move(left), right = std::move(right)](Rendering& r) {
      Value value = left(r);
      return value.truth() ? value : right(r);
    });
  }
  return left;
}

Expression ExpressionParser::both() {
  Expression left = negation();
  while (tokens_.take_name("and")) {
    Expression right = negation();
    const int depth = std::max(left.depth, right.depth);
    left = made(depth, [left = std::move(left), right = std::move(right)](Rendering& r) {
      Value value = left(r);
      return value.truth() ? right(r) : value;
    });
  }
  return left;
}

Expression ExpressionParser::negation() {
  if (!enter()) return nothing();
  Expression result;
  if (tokens_.take_name("not")) {
    Expression value = negation();
    const int depth = value.depth;
    result = made(depth, [value = std::move(value)](Rendering& r) -> Value { return !value(r).truth(); });
  } else {
    result = comparison();
  }
  leave();
  return result;
}

Expression ExpressionParser::comparison() {
  Expression left = sum();
  for (;;) {
    std::string op;
    for (const std::string_view symbol : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (op.empty() && tokens_.take_symbol(symbol)) op = symbol;
    }
    if (op.empty() && tokens_.take_name("in")) op = "in";
    if (op.empty() && tokens_.is_name("not") && tokens_.peek(1).type == TokenType::kName &&
        tokens_.peek(1).text == "in") {
      tokens_.skip(2);
      op = "not in";
    }
    if (op.empty()) return left;
    Expression right = sum();
    const int depth = std::max(left.depth, right.depth);
    left = made(depth, [left = std::move(left), right = std::move(right), op](Rendering& r) -> Value {
      const Value a = left(r);
      return compared(r, op, a, right(r));
    });
  }
}

Expression ExpressionParser::binary(Expression left, std::string op, Expression right) {
  const int depth = std::max(left.depth, right.depth);
  return made(depth, [left = std::move(left), right = std::move(right), op = std::move(op)](Rendering& r) -> Value {
    const Value a = left(r), b = right(r);
    return r.step() ? r.made(arithmetic(r, op, a, b)) : Value();
  });
}

Expression ExpressionParser::sum() {
  Expression left = concatenation();
  while (tokens_.is_symbol("+") || tokens_.is_symbol("-")) {
    const std::string op = tokens_.next().text;
    left = binary(std::move(left), op, concatenation());
  }
  return left;
}

Expression ExpressionParser::concatenation() {
  Expression left = product();
  while (tokens_.take_symbol("~")) left = binary(std::move(left), "~", product());
  return left;
}

Expression ExpressionParser::product() {
  Expression left = unary();
  while (tokens_.is_symbol("*") || tokens_.is_symbol("/") || tokens_.is_symbol("//") || tokens_.is_symbol("%")) {
    const std::string op = tokens_.next().text;
    left = binary(std::move(left), op, unary());
  }
  return left;
}

Expression ExpressionParser::unary() {
  if (!enter()) return nothing();
  Expression result;
  if (tokens_.take_symbol("-")) {
    result = binary(constant(0), "-", unary());
  } else if (tokens_.take_symbol("+")) {
    result = unary();
  } else {
    result = power();
  }
  leave();
  return result;
}

Expression ExpressionParser::power() {
  Expression left = postfix(primary());
  while (tokens_.take_symbol("**")) left = binary(std::move(left), "**", unary());
  return left;
}

ExpressionParser::Arguments ExpressionParser::arguments() {
  Arguments given;
  while (tokens_.ok() && !tokens_.is_symbol(")")) {
    Argument argument;
    if (tokens_.is(TokenType::kName) && tokens_.peek(1).type == TokenType::kSymbol && tokens_.peek(1).text == "=") {
      argument.name = tokens_.next().text;
      tokens_.skip(1);
    }
    argument.value = expression();
    given.depth = std::max(given.depth, argument.value.depth);
    given.list.push_back(std::move(argument));
    if (!tokens_.take_symbol(",")) break;
  }
  tokens_.need_symbol(")");
  return given;
}

Expression ExpressionParser::postfix(Expression value) {
  while (tokens_.ok()) {
    if (tokens_.take_symbol("."))
      value = member(std::move(value));
    else if (tokens_.take_symbol("["))
      value = subscript(std::move(value));
    else if (tokens_.take_symbol("("))
      value = call(std::move(value));
    else if (tokens_.take_symbol("|"))
      value = filter(std::move(value));
    else if (tokens_.take_name("is"))
      value = test(std::move(value));
    else
      break;
  }
  return value;
}

Expression ExpressionParser::member(Expression value) {
  const bool by_number = tokens_.is(TokenType::kInteger);
  const std::string name = by_number ? tokens_.next().text : tokens_.need_name();
  if (tokens_.take_symbol("(")) return method(std::move(value), name);
  const int depth = value.depth;
  const Value index =
      by_number ? Value(static_cast<std::int64_t>(std::strtoll(name.c_str(), nullptr, 10))) : Value(name);
  Expression result = made(depth, [value, index](Rendering& r) { return member_of(r, value(r), index); });
  result.store = [value, name](Rendering& r, const Value& stored) {
    Namespace* space = value(r).name_space();
    if (space != nullptr && !stored.holds_namespace()) space->members.set(name, stored);
  };
  return result;
}

Expression ExpressionParser::method(Expression object, std::string name) {
  Arguments given = arguments();
  const int depth = std::max(object.depth, given.depth);
  return made(depth,
              [object = std::move(object), name = std::move(name), given = std::move(given)](Rendering& r) -> Value {
                const Value on = object(r);
                List positional;
                Dict named;
                given.evaluate(r, positional, named);
                if (r.stopped()) return {};
                Value result = call_method(r, name, on, positional, named);
                if (on.list() != nullptr && object.store && r.error.empty()) {
                  const Value changed = changed_list(r, name, *on.list(), positional);
                  if (!changed.is_undefined()) object.store(r, changed);
                }
                return result;
              });
}

Expression ExpressionParser::call(Expression callee) {
  Arguments given = arguments();
  const int depth = std::max(callee.depth, given.depth);
  return made(depth, [callee = std::move(callee), given = std::move(given)](Rendering& r) -> Value {
    const Value function = callee(r);
    List positional;
    Dict named;
    given.evaluate(r, positional, named);
    if (r.stopped() || !r.step()) return {};
    if (function.function() == nullptr) return r.fail("a " + std::string(function.type_name()) + " cannot be called");
    return r.made((*function.function())(r, positional, named));
  });
}

Expression ExpressionParser::filter(Expression value) {
  std::string name = tokens_.need_name();
  Arguments given;
  if (tokens_.take_symbol("(")) given = arguments();
  const int depth = std::max(value.depth, given.depth);
  return made(depth,
              [value = std::move(value), name = std::move(name), given = std::move(given)](Rendering& r) -> Value {
                const Value input = value(r);
                List positional;
                Dict named;
                given.evaluate(r, positional, named);
                return r.stopped() ? Value() : apply_filter(r, name, input, positional, named);
              });
}

Expression ExpressionParser::test(Expression value) {
  const bool negated = tokens_.take_name("not");
  std::string name = tokens_.need_name();
  Arguments given;
  const auto takes_bare_argument = [&] {
    if (tokens_.is(TokenType::kString) || tokens_.is(TokenType::kInteger) || tokens_.is(TokenType::kFloat)) return true;
    if (tokens_.is_symbol("[")) return true;
    if (!tokens_.is(TokenType::kName)) return false;
    for (const std::string_view word : {"and", "or", "not", "if", "else", "in", "is", "recursive"}) {
      if (tokens_.peek().text == word) return false;
    }
    return true;
  };
  if (tokens_.take_symbol("(")) {
    given = arguments();
  } else if (takes_bare_argument()) {
    Expression argument = postfix(primary());
    given.depth = argument.depth;
    given.list.push_back({"", std::move(argument)});
  }
  const int depth = std::max(value.depth, given.depth);
  return made(
      depth,
      [value = std::move(value), name = std::move(name), given = std::move(given), negated](Rendering& r) -> Value {
        const Value subject = value(r);
        List positional;
        Dict named;
        given.evaluate(r, positional, named);
        return r.stopped() ? Value() : Value(apply_test(r, name, subject, positional) != negated);
      });
}

Expression ExpressionParser::subscript(Expression value) {
  Expression from = nothing(), to = nothing(), by = nothing();
  if (!tokens_.is_symbol(":")) from = expression();
  if (tokens_.take_symbol("]")) {
    const int depth = std::max(value.depth, from.depth);
    return made(depth, [value = std::move(value), from = std::move(from)](Rendering& r) {
      const Value object = value(r);
      return member_of(r, object, from(r));
    });
  }
  tokens_.need_symbol(":");
  const auto ends = [&] { return tokens_.is_symbol("]") || tokens_.is_symbol(":"); };
  if (!ends()) to = expression();
  if (tokens_.take_symbol(":") && !ends()) by = expression();
  tokens_.need_symbol("]");
  const int depth = std::max({value.depth, from.depth, to.depth, by.depth});
  return made(depth,
              [value = std::move(value), from = std::move(from), to = std::move(to), by = std::move(by)](Rendering& r) {
                const Value object = value(r), first = from(r), last = to(r);
                return r.made(sliced(r, object, first, last, by(r)));
              });
}

Expression ExpressionParser::name(std::string name) {
  if (name == "true" || name == "True") return constant(true);
  if (name == "false" || name == "False") return constant(false);
  if (name == "none" || name == "None") return constant(None{});
  return {[name](Rendering& r) { return r.look_up(name); },
          [name](Rendering& r, const Value& value) { r.store(name, value); }, 1};
}

Expression ExpressionParser::primary() {
  if (tokens_.is(TokenType::kString)) {
    std::string text;
    while (tokens_.is(TokenType::kString)) text += tokens_.next().text;
    return constant(std::move(text));
  }
  if (tokens_.is(TokenType::kInteger))
    return constant(static_cast<std::int64_t>(std::strtoll(tokens_.next().text.c_str(), nullptr, 10)));
  if (tokens_.is(TokenType::kFloat)) return constant(std::strtod(tokens_.next().text.c_str(), nullptr));
  if (tokens_.is(TokenType::kName)) return name(tokens_.next().text);
  if (tokens_.take_symbol("[")) return list("]");
  if (tokens_.take_symbol("{")) return dictionary();
  if (tokens_.take_symbol("(")) {
    if (tokens_.is_symbol(")")) return list(")");
    Expression first = expression();
    if (tokens_.take_symbol(")")) return first;
    std::vector<Expression> parts{std::move(first)};
    while (tokens_.take_symbol(",") && !tokens_.is_symbol(")")) parts.push_back(expression());
    tokens_.need_symbol(")");
    return list_of(std::move(parts));
  }
  tokens_.unexpected("a value");
  return nothing();
}

Expression ExpressionParser::list(const char* end) {
  std::vector<Expression> parts;
  while (tokens_.ok() && !tokens_.is_symbol(end)) {
    parts.push_back(expression());
    if (!tokens_.take_symbol(",")) break;
  }
  tokens_.need_symbol(end);
  return list_of(std::move(parts));
}

Expression ExpressionParser::list_of(std::vector<Expression> parts) {
  int depth = 0;
  for (const Expression& part : parts) depth = std::max(depth, part.depth);
  return made(depth, [parts = std::move(parts)](Rendering& r) -> Value {
    List list;
    for (const Expression& part : parts) list.push_back(part(r));
    return r.made(std::move(list));
  });
}

Expression ExpressionParser::dictionary() {
  auto members = std::make_shared<std::vector<std::pair<Expression, Expression>>>();
  int depth = 0;
  while (tokens_.ok() && !tokens_.is_symbol("}")) {
    Expression key = expression();
    tokens_.need_symbol(":");
    Expression value = expression();
    depth = std::max({depth, key.depth, value.depth});
    members->emplace_back(std::move(key), std::move(value));
    if (!tokens_.take_symbol(",")) break;
  }
  tokens_.need_symbol("}");
  return made(depth, [members](Rendering& r) -> Value {
    Dict dict;
    for (const auto& [key, value] : *members) {
      const Value name = key(r);
      if (name.text() == nullptr) return r.fail("the names of a dictionary are strings");
      for (std::size_t i = 0; i < name.text()->size(); ++i) {
        if (name.text()->is_content(i)) dict.content_names = true;
      }
      dict.set(name.text()->bytes(), value(r));
    }
    return r.made(std::move(dict));
  });
}

}  // namespace mnema::jinja
