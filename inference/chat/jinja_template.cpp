#include "inference/chat/jinja_template.hpp"

#include "inference/chat/jinja_filters.hpp"
#include "inference/chat/jinja_lexer.hpp"
#include "inference/chat/jinja_operators.hpp"

// A recursive-descent parser that builds closures: an expression is a function from the rendering to a value.

namespace mnema::jinja {
namespace {

constexpr int kNestingMax = 100;
constexpr int kLinksMax = 256;  // operators, members, filters and calls of one tag: each is a closure inside the next
constexpr int kMacroDepth = 8;  // a call holds up to kLinksMax closures on the stack, a block a few

void run(const Block& block, Rendering& r) {
  if (++r.depth > r.bounds.depth) r.exhaust("the template nests too deeply");
  for (const Statement& statement : block) {
    if (r.stopped()) break;
    statement(r);
  }
  --r.depth;
}

/// What `block` writes, as a text.
std::string captured(const Block& block, Rendering& r) {
  std::string before = std::move(r.out);
  r.out.clear();
  run(block, r);
  std::swap(before, r.out);
  return before;
}

struct Argument {
  std::string name;  // "" = by position
  Expression value;
};

void evaluate(const std::vector<Argument>& arguments, Rendering& r, List& positional, Dict& named) {
  for (const Argument& argument : arguments) {
    if (argument.name.empty())
      positional.push_back(argument.value(r));
    else
      named.set(argument.name, argument.value(r));
  }
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Result<Block> run_all() {
    Block block = statements({});
    if (error_.empty() && peek().type != TokenType::kEnd) unexpected("the end of the template");
    if (!error_.empty()) return mnema::fail(ErrorCode::kInvalidArgument, "chat template, " + error_);
    return block;
  }

 private:
  // --- tokens ---
  [[nodiscard]] const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  [[nodiscard]] bool is(TokenType type, std::string_view text) const {
    return peek().type == type && peek().text == text;
  }
  bool take(TokenType type, std::string_view text) {
    if (!is(type, text)) return false;
    ++at_;
    return true;
  }
  bool take_symbol(std::string_view text) { return take(TokenType::kSymbol, text); }
  bool take_name(std::string_view text) { return take(TokenType::kName, text); }
  void need_symbol(std::string_view text) {
    if (!take_symbol(text)) unexpected("'" + std::string(text) + "'");
  }
  void need(TokenType type, const char* what) {
    if (peek().type == type)
      ++at_;
    else
      unexpected(what);
  }
  std::string need_name() {
    if (peek().type != TokenType::kName) {
      unexpected("a name");
      return {};
    }
    return tokens_[at_++].text;
  }
  void unexpected(const std::string& wanted) { refuse("expected " + wanted + ", found '" + peek().text + "'"); }
  void refuse(const std::string& what) {
    if (error_.empty()) error_ = "line " + std::to_string(peek().line) + ": " + what;
    at_ = tokens_.size() - 1;
  }
  /// One more closure around those of this tag.
  void link() {
    if (++links_ > kLinksMax) refuse("the expression is too long");
  }
  bool deeper() {
    if (++nesting_ > kNestingMax) unexpected("less nesting");
    return error_.empty();
  }

  // --- statements ---
  /// Until a block tag that begins with one of `ends`, whose name is left to be read.
  Block statements(const std::vector<std::string_view>& ends) {
    Block block;
    if (!deeper()) return block;
    while (error_.empty() && peek().type != TokenType::kEnd) {
      if (peek().type == TokenType::kText) {
        block.push_back([text = tokens_[at_++].text](Rendering& r) { r.write(text); });
      } else if (peek().type == TokenType::kOutputBegin) {
        const int line = tokens_[at_++].line;
        links_ = 0;
        Expression value = expression();
        need(TokenType::kOutputEnd, "'}}'");
        block.push_back([value = std::move(value), line](Rendering& r) {
          r.line = line;
          if (r.step()) r.write(value(r).text());
        });
      } else if (peek().type == TokenType::kBlockBegin) {
        for (const std::string_view end : ends) {
          if (peek(1).type == TokenType::kName && peek(1).text == end) {
            ++at_;
            --nesting_;
            return block;
          }
        }
        ++at_;
        Statement made = statement();
        if (made) block.push_back(std::move(made));
      } else {
        unexpected("text or a tag");
      }
    }
    if (!ends.empty() && error_.empty()) unexpected("'" + std::string(ends.front()) + "'");
    --nesting_;
    return block;
  }

  void end_tag() { need(TokenType::kBlockEnd, "'%}'"); }

  Statement statement() {
    const int line = peek().line;
    links_ = 0;
    const std::string name = need_name();
    Statement made;
    if (name == "for")
      made = for_statement();
    else if (name == "if")
      made = if_statement();
    else if (name == "set")
      made = set_statement();
    else if (name == "macro")
      made = macro_statement();
    else if (name == "generation")
      made = plain_block("endgeneration");
    else if (name == "break" || name == "continue") {
      end_tag();
      made = [flow = name == "break" ? Flow::kBreak : Flow::kContinue](Rendering& r) { r.flow = flow; };
    } else if (error_.empty()) {
      --at_;
      unexpected("a known statement");
    }
    if (!made) return made;
    return [made = std::move(made), line](Rendering& r) {
      r.line = line;
      if (r.step()) made(r);
    };
  }

  Statement plain_block(std::string_view end) {
    end_tag();
    Block body = statements({end});
    take_name(end);
    end_tag();
    return [body = std::move(body)](Rendering& r) { run(body, r); };
  }

  Statement if_statement() {
    struct Branch {
      Expression condition;  // empty: else
      Block body;
    };
    auto branches = std::make_shared<std::vector<Branch>>();
    Expression condition = expression();
    end_tag();
    for (;;) {
      Block body = statements({"elif", "else", "endif"});
      branches->push_back({std::move(condition), std::move(body)});
      if (take_name("elif")) {
        condition = expression();
        end_tag();
      } else if (take_name("else")) {
        condition = nullptr;
        end_tag();
      } else {
        take_name("endif");
        if (error_.empty()) end_tag();
        break;
      }
      if (!error_.empty()) break;
    }
    return [branches](Rendering& r) {
      for (const Branch& branch : *branches) {
        if (branch.condition && !branch.condition(r).truth()) continue;
        if (!r.stopped()) run(branch.body, r);
        return;
      }
    };
  }

  std::vector<std::string> targets() {
    std::vector<std::string> names;
    const bool parenthesis = take_symbol("(");
    do names.push_back(need_name());
    while (take_symbol(","));
    if (parenthesis) need_symbol(")");
    return names;
  }

  static void assign(Rendering& r, const std::vector<std::string>& names, const Value& value) {
    if (!r.step(r.scopes.back().members.size() / 16)) return;
    if (names.size() == 1) return r.scopes.back().set(names[0], value);
    const List parts = elements_of(r, value);
    if (parts.size() != names.size()) {
      r.fail("cannot unpack " + std::to_string(parts.size()) + " values into " + std::to_string(names.size()) +
             " names");
      return;
    }
    for (std::size_t i = 0; i < names.size(); ++i) r.scopes.back().set(names[i], parts[i]);
  }

  Statement for_statement() {
    std::vector<std::string> names = targets();
    if (!take_name("in")) unexpected("'in'");
    Expression over = either();  // a ternary would take the filter's "if"
    Expression filter;
    if (take_name("if")) filter = expression();
    if (is(TokenType::kName, "recursive")) refuse("loops cannot be recursive");
    end_tag();
    Block body = statements({"else", "endfor"});
    Block otherwise;
    if (take_name("else")) {
      end_tag();
      otherwise = statements({"endfor"});
    }
    take_name("endfor");
    if (error_.empty()) end_tag();
    return [names = std::move(names), over = std::move(over), filter = std::move(filter), body = std::move(body),
            otherwise = std::move(otherwise)](Rendering& r) {
      List elements = elements_of(r, over(r));
      r.scopes.emplace_back();
      if (filter) {
        List kept;
        for (Value& element : elements) {
          if (!r.step()) break;
          assign(r, names, element);
          if (filter(r).truth()) kept.push_back(std::move(element));
        }
        elements = std::move(kept);
      }
      for (std::size_t i = 0; i < elements.size() && r.step(); ++i) {
        r.scopes.back() = loop_scope(elements, i);
        assign(r, names, elements[i]);
        run(body, r);
        if (r.flow == Flow::kBreak) {
          r.flow = Flow::kOn;
          break;
        }
        r.flow = Flow::kOn;
      }
      r.scopes.pop_back();
      if (elements.empty() && !r.stopped()) run(otherwise, r);
    };
  }

  static Dict loop_scope(const List& elements, std::size_t i) {
    Dict loop;
    loop.members = {{"index", i + 1},
                    {"index0", i},
                    {"revindex", elements.size() - i},
                    {"revindex0", elements.size() - i - 1},
                    {"first", i == 0},
                    {"last", i + 1 == elements.size()},
                    {"length", elements.size()},
                    {"previtem", i > 0 ? elements[i - 1] : Value()},
                    {"nextitem", i + 1 < elements.size() ? elements[i + 1] : Value()}};
    Dict scope;
    scope.set("loop", std::move(loop));
    return scope;
  }

  Statement set_statement() {
    std::vector<std::string> names = targets();
    std::string member;
    if (take_symbol(".")) member = need_name();
    Expression value;
    if (take_symbol("=")) {
      value = tuple_expression();
      end_tag();
    } else {
      end_tag();
      auto body = std::make_shared<Block>(statements({"endset"}));
      take_name("endset");
      if (error_.empty()) end_tag();
      value = [body](Rendering& r) -> Value { return captured(*body, r); };
    }
    return [names = std::move(names), member = std::move(member), value = std::move(value)](Rendering& r) {
      const Value result = value(r);
      if (member.empty()) return assign(r, names, result);
      const Value target = r.look_up(names[0]);
      if (target.dict() == nullptr)
        r.fail("'" + names[0] + "' is no namespace");
      else if (may_hold(r, target, result))
        target.dict()->set(member, result);
    };
  }

  Statement macro_statement() {
    const std::string name = need_name();
    std::vector<std::pair<std::string, Expression>> parameters;
    need_symbol("(");
    while (error_.empty() && !is(TokenType::kSymbol, ")")) {
      std::string parameter = need_name();
      Expression otherwise;
      if (take_symbol("=")) otherwise = expression();
      parameters.emplace_back(std::move(parameter), std::move(otherwise));
      if (!take_symbol(",")) break;
    }
    need_symbol(")");
    end_tag();
    auto body = std::make_shared<Block>(statements({"endmacro"}));
    take_name("endmacro");
    if (error_.empty()) end_tag();
    Function function = [parameters = std::move(parameters), body](Rendering& r, const List& arguments,
                                                                   const Dict& named) -> Value {
      Dict scope;
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        const auto& [parameter, otherwise] = parameters[i];
        if (i < arguments.size())
          scope.set(parameter, arguments[i]);
        else if (const Value* given = named.find(parameter))
          scope.set(parameter, *given);
        else if (otherwise)
          scope.set(parameter, otherwise(r));
      }
      r.depth += kMacroDepth;
      if (r.depth > r.bounds.depth) return r.exhaust("macros call one another too deeply");
      r.scopes.push_back(std::move(scope));
      std::string text = captured(*body, r);
      r.scopes.pop_back();
      r.depth -= kMacroDepth;
      return text;
    };
    return [name, function = Value(std::move(function))](Rendering& r) { r.scopes.back().set(name, function); };
  }

  // --- expressions, loosest first ---
  Expression tuple_expression() {
    Expression first = expression();
    if (!is(TokenType::kSymbol, ",")) return first;
    auto parts = std::make_shared<std::vector<Expression>>();
    parts->push_back(std::move(first));
    while (take_symbol(",")) {
      if (peek().type == TokenType::kBlockEnd) break;
      parts->push_back(expression());
    }
    return [parts](Rendering& r) -> Value {
      List list;
      if (!r.step(parts->size())) return {};
      for (const Expression& part : *parts) list.push_back(part(r));
      return list;
    };
  }

  Expression expression() {
    if (!deeper()) return nothing();
    Expression value = either();
    while (take_name("if")) {
      link();
      Expression condition = either();
      Expression otherwise = nothing();
      if (take_name("else")) otherwise = expression();
      value = [value = std::move(value), condition = std::move(condition), otherwise = std::move(otherwise)](
                  Rendering& r) { return condition(r).truth() ? value(r) : otherwise(r); };
    }
    --nesting_;
    return value;
  }

  static Expression nothing() {
    return [](Rendering&) { return Value(); };
  }

  Expression either() {
    Expression left = both();
    while (take_name("or")) {
      link();
      left = [left = std::move(left), right = both()](Rendering& r) {
        Value value = left(r);
        return value.truth() ? value : right(r);
      };
    }
    return left;
  }

  Expression both() {
    Expression left = negation();
    while (take_name("and")) {
      link();
      left = [left = std::move(left), right = negation()](Rendering& r) {
        Value value = left(r);
        return value.truth() ? right(r) : value;
      };
    }
    return left;
  }

  Expression negation() {
    if (!deeper()) return nothing();
    Expression made;
    if (take_name("not")) {
      made = [value = negation()](Rendering& r) -> Value { return !value(r).truth(); };
    } else {
      made = comparison();
    }
    --nesting_;
    return made;
  }

  /// The comparison that stands here, taken; "" if there is none.
  std::string take_comparison() {
    for (const std::string_view symbol : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (take_symbol(symbol)) return std::string(symbol);
    }
    if (take_name("in")) return "in";
    if (is(TokenType::kName, "not") && peek(1).type == TokenType::kName && peek(1).text == "in") {
      at_ += 2;
      return "not in";
    }
    return "";
  }

  Expression comparison() {
    Expression left = sum();
    const std::string op = take_comparison();
    if (op.empty()) return left;
    link();
    Expression right = sum();
    if (!take_comparison().empty()) refuse("comparisons cannot be chained");
    return [left = std::move(left), right = std::move(right), op](Rendering& r) -> Value {
      const Value a = left(r);
      return compared(r, op, a, right(r));
    };
  }

  Expression binary(Expression left, std::string op, Expression right) {
    link();
    return [left = std::move(left), right = std::move(right), op = std::move(op)](Rendering& r) -> Value {
      const Value a = left(r), b = right(r);
      return r.step() ? arithmetic(r, op, a, b) : Value();
    };
  }

  Expression sum() {
    Expression left = product();
    for (;;) {
      const std::string op = peek().type == TokenType::kSymbol ? peek().text : "";
      if (op != "+" && op != "-" && op != "~") return left;
      ++at_;
      left = binary(std::move(left), op, product());
    }
  }

  Expression product() {
    Expression left = power();
    for (;;) {
      const std::string op = peek().type == TokenType::kSymbol ? peek().text : "";
      if (op != "*" && op != "/" && op != "//" && op != "%") return left;
      ++at_;
      left = binary(std::move(left), op, power());
    }
  }

  Expression power() {
    Expression left = unary();
    while (take_symbol("**")) left = binary(std::move(left), "**", unary());
    return left;
  }

  Expression unary() {
    if (!deeper()) return nothing();
    Expression made;
    if (take_symbol("-")) {
      made = [value = unary()](Rendering& r) -> Value { return arithmetic(r, "-", 0, value(r)); };
    } else if (take_symbol("+")) {
      made = unary();
    } else {
      made = postfix(primary());
    }
    --nesting_;
    return made;
  }

  std::vector<Argument> arguments() {
    std::vector<Argument> list;
    while (error_.empty() && !is(TokenType::kSymbol, ")")) {
      Argument argument;
      if (peek().type == TokenType::kName && peek(1).type == TokenType::kSymbol && peek(1).text == "=") {
        argument.name = need_name();
        ++at_;
      }
      argument.value = expression();
      list.push_back(std::move(argument));
      if (!take_symbol(",")) break;
    }
    need_symbol(")");
    return list;
  }

  Expression postfix(Expression value) {
    for (;; link()) {
      if (!error_.empty()) return value;
      if (take_symbol(".")) {
        const std::string name = peek().type == TokenType::kInteger ? tokens_[at_++].text : need_name();
        if (is(TokenType::kSymbol, "(") && !is_method(name)) refuse("unknown method '" + name + "'");
        if (take_symbol("(")) {
          value = [value = std::move(value), name, given = arguments()](Rendering& r) -> Value {
            const Value object = value(r);
            List positional;
            Dict named;
            evaluate(given, r, positional, named);
            return r.stopped() ? Value() : call_method(r, name, object, positional, named);
          };
        } else {
          value = [value = std::move(value), name](Rendering& r) { return member_of(r, value(r), Value(name)); };
        }
      } else if (take_symbol("[")) {
        value = subscript(std::move(value));
      } else if (take_symbol("(")) {
        value = [value = std::move(value), given = arguments()](Rendering& r) -> Value {
          const Value callee = value(r);
          List positional;
          Dict named;
          evaluate(given, r, positional, named);
          if (r.stopped() || !r.step()) return {};
          if (callee.function() == nullptr) return r.fail("a " + std::string(callee.type_name()) + " cannot be called");
          return (*callee.function())(r, positional, named);
        };
      } else if (take_symbol("|")) {
        const std::string name = need_name();
        if (!is_filter(name)) refuse("unknown filter '" + name + "'");
        std::vector<Argument> given;
        if (take_symbol("(")) {
          check_names_inside(name);
          given = arguments();
        }
        check_arguments(name, given);
        value = [value = std::move(value), name, given = std::move(given)](Rendering& r) -> Value {
          const Value input = value(r);
          List positional;
          Dict named;
          evaluate(given, r, positional, named);
          return r.stopped() ? Value() : apply_filter(r, name, input, positional, named);
        };
      } else if (take_name("is")) {
        value = test(std::move(value));
      } else {
        return value;
      }
    }
  }

  void check_arguments(const std::string& filter, const std::vector<Argument>& given) {
    std::size_t by_position = 0;
    for (const Argument& argument : given) by_position += argument.name.empty() ? 1U : 0U;
    if (!is_filter(filter, by_position)) refuse("filter '" + filter + "' with so many arguments is not known");
    for (const Argument& argument : given) {
      if (!is_filter(filter, by_position, argument.name))
        refuse("filter '" + filter + "' has no argument '" + argument.name + "'");
    }
  }

  /// map('name'), select('name'), selectattr('member', 'name'): filters and tests that are named by a text.
  void check_names_inside(std::string_view filter) {
    const bool is_attribute = filter == "selectattr" || filter == "rejectattr";
    const Token& token = peek(is_attribute ? 2 : 0);
    if (token.type != TokenType::kString) return;
    if (filter == "map" && !is_filter(token.text)) refuse("unknown filter '" + token.text + "'");
    if ((is_attribute || filter == "select" || filter == "reject") && !is_test(token.text))
      refuse("unknown test '" + token.text + "'");
  }

  Expression subscript(Expression value) {
    Expression from = nothing(), to = nothing(), by = nothing();
    if (!is(TokenType::kSymbol, ":")) from = expression();
    if (take_symbol("]")) {
      return [value = std::move(value), from = std::move(from)](Rendering& r) {
        const Value object = value(r);
        return member_of(r, object, from(r));
      };
    }
    need_symbol(":");
    const auto ends = [&] { return is(TokenType::kSymbol, "]") || is(TokenType::kSymbol, ":"); };
    if (!ends()) to = expression();
    if (take_symbol(":") && !ends()) by = expression();
    need_symbol("]");
    return [value = std::move(value), from = std::move(from), to = std::move(to), by = std::move(by)](Rendering& r) {
      const Value object = value(r);
      return sliced(r, object, from(r), to(r), by(r));
    };
  }

  Expression test(Expression value) {
    const bool negated = take_name("not");
    const std::string name = need_name();
    if (!is_test(name)) refuse("unknown test '" + name + "'");
    std::vector<Argument> given;
    if (take_symbol("(")) {
      given = arguments();
    } else if (peek().type == TokenType::kString || peek().type == TokenType::kInteger ||
               (peek().type == TokenType::kName &&
                (name == "equalto" || name == "eq" || name == "in" || name == "divisibleby"))) {
      given.push_back({"", primary()});
    }
    return [value = std::move(value), name, given = std::move(given), negated](Rendering& r) -> Value {
      const Value subject = value(r);
      List positional;
      Dict named;
      evaluate(given, r, positional, named);
      return apply_test(r, name, subject, positional) != negated;
    };
  }

  Expression constant(Value value) {
    return [value = std::move(value)](Rendering&) { return value; };
  }

  Expression primary() {
    const Token token = peek();
    switch (token.type) {
      case TokenType::kString: {
        std::string text;
        while (peek().type == TokenType::kString) text += tokens_[at_++].text;
        return constant(std::move(text));
      }
      case TokenType::kInteger:
        ++at_;
        return constant(static_cast<std::int64_t>(std::stoll(token.text)));
      case TokenType::kFloat:
        ++at_;
        return constant(std::strtod(token.text.c_str(), nullptr));
      case TokenType::kName:
        ++at_;
        if (token.text == "true" || token.text == "True") return constant(true);
        if (token.text == "false" || token.text == "False") return constant(false);
        if (token.text == "none" || token.text == "None") return constant(None{});
        return [name = token.text](Rendering& r) { return r.look_up(name); };
      case TokenType::kSymbol:
        break;
      default:
        unexpected("a value");
        return nothing();
    }
    if (take_symbol("(")) {
      if (take_symbol(")")) return list_of({});
      Expression first = expression();
      if (is(TokenType::kSymbol, ",")) {
        std::vector<Expression> parts{std::move(first)};
        while (take_symbol(",") && !is(TokenType::kSymbol, ")")) parts.push_back(expression());
        need_symbol(")");
        return list_of(std::move(parts));
      }
      need_symbol(")");
      return first;
    }
    if (take_symbol("[")) {
      std::vector<Expression> parts;
      while (error_.empty() && !is(TokenType::kSymbol, "]")) {
        parts.push_back(expression());
        if (!take_symbol(",")) break;
      }
      need_symbol("]");
      return list_of(std::move(parts));
    }
    if (take_symbol("{")) return dictionary();
    unexpected("a value");
    return nothing();
  }

  static Expression list_of(std::vector<Expression> parts) {
    return [parts = std::move(parts)](Rendering& r) -> Value {
      List list;
      if (!r.step(parts.size())) return {};
      for (const Expression& part : parts) list.push_back(part(r));
      return list;
    };
  }

  Expression dictionary() {
    std::vector<std::pair<Expression, Expression>> members;
    while (error_.empty() && !is(TokenType::kSymbol, "}")) {
      Expression name = expression();
      need_symbol(":");
      members.emplace_back(std::move(name), expression());
      if (!take_symbol(",")) break;
    }
    need_symbol("}");
    return [members = std::move(members)](Rendering& r) -> Value {
      Dict dict;
      if (!r.step(members.size())) return {};
      for (const auto& [name, value] : members) dict.set(r.text_of(name(r)), value(r));
      return dict;
    };
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int nesting_ = 0;
  int links_ = 0;
  std::string error_;
};

/// range, namespace, raise_exception, dict: what every template may call.
Dict built_in_functions() {
  Dict functions;
  functions.set("raise_exception", Function([](Rendering& r, const List& arguments, const Dict&) -> Value {
                  return r.fail(arguments.empty() ? "the template refuses these messages" : r.text_of(arguments[0]));
                }));
  const Function make_dict = [](Rendering& r, const List& arguments, const Dict& named) -> Value {
    const bool copies = !arguments.empty() && arguments[0].dict() != nullptr;
    if (copies && !r.step(arguments[0].dict()->members.size())) return {};
    Dict made = copies ? *arguments[0].dict() : Dict{};
    for (const auto& [name, value] : named.members) made.set(name, value);
    return made;
  };
  functions.set("namespace", make_dict);
  functions.set("dict", make_dict);
  functions.set("range", Function([](Rendering& r, const List& arguments, const Dict&) -> Value {
                  if (arguments.empty() || arguments.size() > 3) return r.fail("range needs one to three numbers");
                  std::int64_t numbers[3] = {0, 0, 1};  // begin, end, step
                  for (std::size_t i = 0; i < arguments.size(); ++i) {
                    const std::int64_t* number = arguments[i].integer();
                    if (number == nullptr) return r.fail("range needs whole numbers");
                    numbers[arguments.size() == 1 ? 1 : i] = *number;
                  }
                  const auto [begin, end, by] = numbers;
                  if (by == 0) return r.fail("range cannot go by steps of zero");
                  List list;
                  for (std::int64_t i = begin; (by > 0 ? i < end : i > end) && r.step();) {
                    list.emplace_back(i);
                    if (__builtin_add_overflow(i, by, &i)) break;
                  }
                  return list;
                }));
  return functions;
}

}  // namespace

Result<Template> Template::parse(std::string_view source) {
  const std::int64_t bytes_max = Limits{}.template_source_bytes_max;
  if (static_cast<std::int64_t>(source.size()) > bytes_max) {
    return mnema::fail(ErrorCode::kResourceExhausted,
                       "chat template: it is longer than " + std::to_string(bytes_max) + " bytes");
  }
  ASSIGN_OR_RETURN(std::vector<Token> tokens, tokenize(source));
  ASSIGN_OR_RETURN(Block block, Parser(std::move(tokens)).run_all());
  Template made;
  made.block_ = std::make_shared<const Block>(std::move(block));
  return made;
}

Result<std::string> Template::render(const Dict& context, const Bounds& bounds) const {
  Rendering rendering;
  rendering.bounds = bounds;
  rendering.scopes.push_back(built_in_functions());
  rendering.scopes.push_back(context);
  run(*block_, rendering);
  if (rendering.error.empty()) return std::move(rendering.out);
  return mnema::fail(rendering.exhausted ? ErrorCode::kResourceExhausted : ErrorCode::kInvalidArgument,
                     "chat template, " + rendering.error,
                     "check the messages against what this model's template allows");
}

}  // namespace mnema::jinja
