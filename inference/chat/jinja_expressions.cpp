#include "inference/chat/jinja_expressions.hpp"

#include "inference/chat/jinja_filters.hpp"
#include "inference/chat/jinja_iteration.hpp"
#include "inference/chat/jinja_numbers.hpp"
#include "inference/chat/jinja_operators.hpp"
#include "inference/chat/jinja_tests.hpp"

namespace mnema::jinja {
namespace {

Expression constant(Value value) {
  return [value = std::move(value)](Rendering&) { return value; };
}
Expression nothing() { return constant({}); }

Expression sequence_of(SequenceKind kind, std::vector<Expression> parts) {
  return [kind, parts = std::move(parts)](Rendering& r) -> Value {
    Sequence sequence;
    sequence.kind = kind;
    if (!r.step(parts.size())) return {};
    for (const Expression& part : parts) sequence.elements.push_back(part(r));
    return sequence;
  };
}

Expression sliced_by(Expression value, std::vector<Expression> slice) {
  return [value = std::move(value), slice = std::move(slice)](Rendering& r) {
    const Value object = value(r);
    const Value from = slice[0](r), to = slice[1](r);
    return sliced(r, object, from, to, slice[2](r));
  };
}

}  // namespace

Arguments CallArguments::evaluate(Rendering& r) const {
  Arguments arguments;
  for (const One& one : all) {
    Value value = one.value(r);
    if (!r.error.empty()) break;
    if (one.kind == Kind::kPositional) {
      arguments.positional.push_back(std::move(value));
    } else if (one.kind == Kind::kNamed) {
      if (arguments.find(one.name) != nullptr) r.fail("'" + one.name + "' is given twice");
      arguments.named.emplace_back(one.name, std::move(value));
    } else if (one.kind == Kind::kAllPositional) {
      const List elements = elements_of(r, value);
      arguments.positional.insert(arguments.positional.end(), elements.begin(), elements.end());
    } else if (value.dict() == nullptr) {
      r.fail("** needs a mapping");
    } else {
      for (const auto& [name, member] : value.dict()->members) {
        if (name.string() == nullptr || !r.step(1 + arguments.named.size() / 16) ||
            arguments.find(*name.string()) != nullptr) {
          r.fail("** needs names that are not given yet");
          break;
        }
        arguments.named.emplace_back(*name.string(), member);
      }
    }
  }
  return arguments;
}

Expression ExpressionParser::tuple(bool without_condition, std::string_view end) {
  const auto ends = [&] {
    const TokenType type = tokens_.peek().type;
    return type == TokenType::kOutputEnd || type == TokenType::kBlockEnd || tokens_.is_symbol(")") ||
           (!end.empty() && tokens_.is_name(end));
  };
  if (ends()) {
    tokens_.unexpected("a value");
    return nothing();
  }
  Expression first = expression(without_condition);
  if (!tokens_.is_symbol(",")) return first;
  std::vector<Expression> parts;
  parts.push_back(std::move(first));
  while (tokens_.ok() && tokens_.take_symbol(",") && !ends()) parts.push_back(expression(without_condition));
  return sequence_of(SequenceKind::kTuple, std::move(parts));
}

CallParts ExpressionParser::call_parts() {
  const std::size_t begin = tokens_.position();
  static_cast<void>(expression());
  if (!tokens_.ok()) return {};
  if (!last_call_ || last_call_begin_ != begin || last_call_end_ != tokens_.position()) {
    tokens_.unexpected("a call");
    return {};
  }
  return std::move(*last_call_);
}

Expression ExpressionParser::expression(bool without_condition) {
  if (!tokens_.enter()) return nothing();
  Expression value = disjunction();
  while (!without_condition && tokens_.take_name("if")) {
    tokens_.link();
    Expression condition = disjunction();
    Expression otherwise;
    if (tokens_.take_name("else")) otherwise = expression();
    value = [value = std::move(value), condition = std::move(condition),
             otherwise = std::move(otherwise)](Rendering& r) -> Value {
      if (condition(r).truth()) return value(r);
      return otherwise ? otherwise(r) : Value::undefined("the condition is false, and there is no else");
    };
  }
  tokens_.leave();
  return value;
}

Expression ExpressionParser::disjunction() {
  Expression left = conjunction();
  while (tokens_.take_name("or")) {
    tokens_.link();
    left = [left = std::move(left), right = conjunction()](Rendering& r) {
      Value value = left(r);
      return value.truth() ? value : right(r);
    };
  }
  return left;
}

Expression ExpressionParser::conjunction() {
  Expression left = negation();
  while (tokens_.take_name("and")) {
    tokens_.link();
    left = [left = std::move(left), right = negation()](Rendering& r) {
      Value value = left(r);
      return value.truth() ? right(r) : value;
    };
  }
  return left;
}

Expression ExpressionParser::negation() {
  if (!tokens_.enter()) return nothing();
  Expression made;
  if (tokens_.take_name("not"))
    made = [value = negation()](Rendering& r) -> Value { return !value(r).truth(); };
  else
    made = comparison();
  tokens_.leave();
  return made;
}

/// The comparison that stands here, taken; "" if there is none.
std::string ExpressionParser::take_comparison() {
  for (const std::string_view symbol : {"==", "!=", "<=", ">=", "<", ">"}) {
    if (tokens_.take_symbol(symbol)) return std::string(symbol);
  }
  if (tokens_.take_name("in")) return "in";
  if (tokens_.is_name("not") && tokens_.peek(1).type == TokenType::kName && tokens_.peek(1).text == "in") {
    tokens_.skip(2);
    return "not in";
  }
  return "";
}

Expression ExpressionParser::comparison() {
  Expression first = sum();
  std::vector<std::pair<std::string, Expression>> links;
  for (std::string op = take_comparison(); !op.empty(); op = take_comparison()) {
    tokens_.link();
    links.emplace_back(std::move(op), sum());
  }
  if (links.empty()) return first;
  // a < b < c: as long as each holds, b is computed once.
  return [first = std::move(first), links = std::move(links)](Rendering& r) -> Value {
    Value left = first(r);
    for (const auto& [op, next] : links) {
      Value right = next(r);
      if (!r.error.empty() || !compared(r, op, left, right)) return false;
      left = std::move(right);
    }
    return true;
  };
}

Expression ExpressionParser::binary(Expression left, std::string op, Expression right) {
  tokens_.link();
  return [left = std::move(left), right = std::move(right), op = std::move(op)](Rendering& r) -> Value {
    const Value a = left(r), b = right(r);
    return r.step() ? arithmetic(r, op, a, b) : Value();
  };
}

Expression ExpressionParser::sum() {
  Expression left = concatenation();
  while (tokens_.is_symbol("+") || tokens_.is_symbol("-")) {
    std::string op = tokens_.peek().text;
    tokens_.skip();
    left = binary(std::move(left), std::move(op), concatenation());
  }
  return left;
}

Expression ExpressionParser::concatenation() {
  Expression left = product();
  while (tokens_.take_symbol("~")) left = binary(std::move(left), "~", product());
  return left;
}

Expression ExpressionParser::product() {
  Expression left = power();
  while (tokens_.is_symbol("*") || tokens_.is_symbol("/") || tokens_.is_symbol("//") || tokens_.is_symbol("%")) {
    std::string op = tokens_.peek().text;
    tokens_.skip();
    left = binary(std::move(left), std::move(op), power());
  }
  return left;
}

Expression ExpressionParser::power() {
  Expression left = unary(true);
  while (tokens_.take_symbol("**")) left = binary(std::move(left), "**", unary(true));
  return left;
}

Expression ExpressionParser::unary(bool with_filters) {
  if (!tokens_.enter()) return nothing();
  const std::size_t begin = tokens_.position();
  Expression made;
  if (tokens_.is_symbol("-") || tokens_.is_symbol("+")) {
    const bool negative = tokens_.take_symbol("-");
    if (!negative) tokens_.skip();
    made = [value = unary(false), negative](Rendering& r) { return signed_value(r, negative, value(r)); };
  } else {
    made = primary();
  }
  made = postfix(std::move(made), begin);
  if (with_filters) made = filters_and_tests(std::move(made), begin);
  tokens_.leave();
  return made;
}

Expression ExpressionParser::postfix(Expression value, std::size_t begin) {
  for (; tokens_.ok(); tokens_.link()) {
    if (tokens_.is_symbol(".") || tokens_.is_symbol("["))
      value = member(std::move(value));
    else if (tokens_.is_symbol("("))
      value = call(std::move(value), begin);
    else
      break;
  }
  return value;
}

Expression ExpressionParser::filters_and_tests(Expression value, std::size_t begin) {
  for (; tokens_.ok(); tokens_.link()) {
    if (tokens_.take_symbol("|"))
      value = filter(std::move(value));
    else if (tokens_.take_name("is"))
      value = test(std::move(value));
    else if (tokens_.is_symbol("("))  // calls are valid behind filters and tests too
      value = call(std::move(value), begin);
    else
      break;
  }
  return value;
}

Expression ExpressionParser::filters(Expression value, bool inline_first) {
  if (inline_first) value = filter(std::move(value));
  while (tokens_.ok() && tokens_.take_symbol("|")) {
    tokens_.link();
    value = filter(std::move(value));
  }
  return value;
}

std::string ExpressionParser::dotted_name() {
  std::string name = tokens_.need_name();
  while (tokens_.take_symbol(".")) name += "." + tokens_.need_name();
  return name;
}

Expression ExpressionParser::filter(Expression value) {
  std::string name = dotted_name();
  CallArguments given;
  if (tokens_.is_symbol("(")) given = call_arguments();
  return [value = std::move(value), name = std::move(name), given = std::move(given)](Rendering& r) -> Value {
    const Value input = value(r);
    return apply_filter(r, name, input, given.evaluate(r));
  };
}

Expression ExpressionParser::test(Expression value) {
  const bool negated = tokens_.take_name("not");
  std::string name = dotted_name();
  CallArguments given;
  const Token& next = tokens_.peek();
  const bool begins_value = next.type == TokenType::kName || next.type == TokenType::kString ||
                            next.type == TokenType::kInteger || next.type == TokenType::kFloat ||
                            tokens_.is_symbol("[") || tokens_.is_symbol("{");
  const bool goes_on = tokens_.is_name("else") || tokens_.is_name("or") || tokens_.is_name("and");
  if (tokens_.is_symbol("(")) {
    given = call_arguments();
  } else if (begins_value && !goes_on) {
    if (tokens_.is_name("is")) tokens_.refuse("tests cannot be chained with is");
    const std::size_t begin = tokens_.position();
    if (tokens_.enter()) given.all.push_back({CallArguments::Kind::kPositional, "", postfix(primary(), begin)});
    tokens_.leave();
  }
  return [value = std::move(value), name = std::move(name), given = std::move(given), negated](Rendering& r) -> Value {
    const Value subject = value(r);
    return apply_test(r, name, subject, given.evaluate(r)) != negated;
  };
}

CallArguments ExpressionParser::call_arguments() {
  using Kind = CallArguments::Kind;
  CallArguments arguments;
  tokens_.need_symbol("(");
  bool named = false, unpacked = false;
  while (tokens_.ok() && !tokens_.is_symbol(")")) {
    CallArguments::One one{Kind::kPositional, "", {}};
    if (tokens_.take_symbol("*")) {
      one.kind = Kind::kAllPositional;
    } else if (tokens_.take_symbol("**")) {
      one.kind = Kind::kAllNamed;
    } else if (tokens_.peek().type == TokenType::kName && tokens_.peek(1).type == TokenType::kSymbol &&
               tokens_.peek(1).text == "=") {
      one.kind = Kind::kNamed;
      one.name = tokens_.need_name();
      tokens_.skip();
    }
    if (one.kind == Kind::kPositional && (named || unpacked)) tokens_.refuse("an argument by position comes too late");
    named = named || one.kind == Kind::kNamed;
    unpacked = unpacked || one.kind == Kind::kAllPositional || one.kind == Kind::kAllNamed;
    one.value = expression();
    arguments.all.push_back(std::move(one));
    if (!tokens_.take_symbol(",")) break;
  }
  tokens_.need_symbol(")");
  return arguments;
}

Expression ExpressionParser::call(Expression callee, std::size_t begin) {
  CallArguments given = call_arguments();
  last_call_ = CallParts{callee, given};
  last_call_begin_ = begin;
  last_call_end_ = tokens_.position();
  return [callee = std::move(callee), given = std::move(given)](Rendering& r) -> Value {
    const Value function = callee(r);
    if (!r.error.empty()) return {};
    const Arguments arguments = given.evaluate(r);
    return jinja::call(r, function, arguments);
  };
}

Expression ExpressionParser::member(Expression value) {
  if (tokens_.take_symbol("[")) return subscript(std::move(value));
  tokens_.take_symbol(".");
  if (tokens_.peek().type == TokenType::kInteger) {
    const Value index = parse_integer(tokens_.peek().text, 0).value_or(Value(0));
    tokens_.skip();
    return [value = std::move(value), index](Rendering& r) { return item_of(r, value(r), index); };
  }
  return
      [value = std::move(value), name = tokens_.need_name()](Rendering& r) { return attribute_of(r, value(r), name); };
}

/// One part between brackets: an index, or the three parts of a slice.
Expression ExpressionParser::subscribed(bool& is_slice, std::vector<Expression>& slice) {
  const auto ends = [&] { return tokens_.is_symbol("]") || tokens_.is_symbol(",") || tokens_.is_symbol(":"); };
  Expression first = tokens_.is_symbol(":") ? constant(None{}) : expression();
  if (!tokens_.take_symbol(":")) return first;
  is_slice = true;
  slice = {std::move(first), constant(None{}), constant(None{})};
  if (!ends()) slice[1] = expression();
  if (tokens_.take_symbol(":") && !ends()) slice[2] = expression();
  return nothing();
}

Expression ExpressionParser::subscript(Expression value) {
  std::vector<Expression> indices;
  std::vector<Expression> slice;
  bool is_slice = false, several = false;
  while (tokens_.ok() && !tokens_.is_symbol("]")) {
    if (!indices.empty()) {
      tokens_.need_symbol(",");
      several = true;
      if (tokens_.is_symbol("]")) break;
    }
    indices.push_back(subscribed(is_slice, slice));
  }
  tokens_.need_symbol("]");
  if (indices.empty()) tokens_.refuse("an index is missing");
  if (!tokens_.ok()) return nothing();
  if (is_slice && several) tokens_.refuse("slices of several dimensions are not known");
  if (is_slice) return sliced_by(std::move(value), std::move(slice));
  Expression index =
      several && indices.size() > 1 ? sequence_of(SequenceKind::kTuple, std::move(indices)) : std::move(indices[0]);
  return [value = std::move(value), index = std::move(index)](Rendering& r) {
    const Value object = value(r);
    return item_of(r, object, index(r));
  };
}

Expression ExpressionParser::primary() {
  const Token token = tokens_.peek();
  switch (token.type) {
    case TokenType::kString: {
      std::string text;
      while (tokens_.peek().type == TokenType::kString) {
        text += tokens_.peek().text;
        tokens_.skip();
      }
      return constant(std::move(text));
    }
    case TokenType::kInteger:
      tokens_.skip();
      return constant(parse_integer(token.text, 0).value_or(Value(0)));
    case TokenType::kFloat:
      tokens_.skip();
      return constant(std::strtod(token.text.c_str(), nullptr));
    case TokenType::kName:
      tokens_.skip();
      if (token.text == "true" || token.text == "True") return constant(true);
      if (token.text == "false" || token.text == "False") return constant(false);
      if (token.text == "none" || token.text == "None") return constant(None{});
      return [name = token.text](Rendering& r) { return r.look_up(name); };
    case TokenType::kSymbol:
      if (tokens_.take_symbol("(")) return parenthesized();
      if (tokens_.take_symbol("[")) return list();
      if (tokens_.take_symbol("{")) return dictionary();
      break;
    default:
      break;
  }
  tokens_.unexpected("a value");
  return nothing();
}

Expression ExpressionParser::parenthesized() {
  if (tokens_.take_symbol(")")) return sequence_of(SequenceKind::kTuple, {});
  Expression inside = tuple();
  tokens_.need_symbol(")");
  return inside;
}

Expression ExpressionParser::list() {
  std::vector<Expression> parts;
  while (tokens_.ok() && !tokens_.is_symbol("]")) {
    parts.push_back(expression());
    if (!tokens_.take_symbol(",")) break;
  }
  tokens_.need_symbol("]");
  return sequence_of(SequenceKind::kList, std::move(parts));
}

Expression ExpressionParser::dictionary() {
  std::vector<std::pair<Expression, Expression>> members;
  while (tokens_.ok() && !tokens_.is_symbol("}")) {
    Expression name = expression();
    tokens_.need_symbol(":");
    members.emplace_back(std::move(name), expression());
    if (!tokens_.take_symbol(",")) break;
  }
  tokens_.need_symbol("}");
  return [members = std::move(members)](Rendering& r) -> Value {
    Dict dict;
    for (const auto& [name, value] : members) {
      const Value key = name(r);
      if (!r.step(1 + dict.members.size() / 16)) return {};
      if (!is_hashable(key)) return r.fail("a " + std::string(key.type_name()) + " cannot be a key");
      dict.set(key, value(r));
    }
    return dict;
  };
}

}  // namespace mnema::jinja
