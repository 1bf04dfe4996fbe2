#include "inference/chat/jinja_statements.hpp"

#include <initializer_list>

#include "inference/chat/jinja_operators.hpp"

namespace mnema::jinja {
namespace {

class StatementParser {
 public:
  explicit StatementParser(TokenStream& tokens) : tokens_(tokens), expressions_(tokens) {}

  /// Until a block tag that begins with one of `ends`, whose name is left to be read.
  Block statements(std::initializer_list<std::string_view> ends) {
    Block block;
    if (!tokens_.enter()) return block;
    bool ended = false;
    while (tokens_.ok() && !ended && tokens_.peek().type != TokenType::kEnd) {
      const Token& token = tokens_.peek();
      if (token.type == TokenType::kText) {
        block.push_back([text = token.text](Rendering& r) { r.write(text); });
        tokens_.skip();
      } else if (token.type == TokenType::kOutputBegin) {
        tokens_.skip();
        tokens_.begin_tag();
        const int line = token.line;
        Expression value = expressions_.tuple();
        tokens_.need(TokenType::kOutputEnd, "'}}'");
        block.push_back(output(std::move(value), line));
      } else if (token.type == TokenType::kBlockBegin) {
        tokens_.skip();
        for (const std::string_view end : ends) ended = ended || tokens_.is_name(end);
        if (ended) break;
        if (Statement made = statement()) block.push_back(std::move(made));
      } else {
        tokens_.unexpected("text or a tag");
      }
    }
    if (!ended && ends.size() > 0 && tokens_.ok()) tokens_.unexpected("'" + std::string(*ends.begin()) + "'");
    tokens_.leave();
    return block;
  }

 private:
  void end_tag() { tokens_.need(TokenType::kBlockEnd, "'%}'"); }

  /// The end of the tag, statements until `{% end %}`, and that.
  Block body(std::string_view end) {
    end_tag();
    Block block = statements({end});
    tokens_.take_name(end);
    if (tokens_.ok()) end_tag();
    return block;
  }

  /// Each of several values by itself.
  Statement print_statement() {
    const int line = tokens_.peek().line;
    Block outputs;
    do outputs.push_back(output(expressions_.expression(), line));
    while (tokens_.ok() && tokens_.take_symbol(","));
    end_tag();
    return [outputs = std::move(outputs)](Rendering& r) { run(outputs, r); };
  }

  static Statement output(Expression value, int line) {
    return [value = std::move(value), line](Rendering& r) {
      r.line = line;
      if (!r.step()) return;
      const Value result = value(r);
      if (const std::string* text = result.string())
        r.write(*text);
      else
        r.write(r.text_of(result));
    };
  }

  Statement statement() {
    const int line = tokens_.peek().line;
    tokens_.begin_tag();
    const std::string name = tokens_.need_name();
    Statement made = named_statement(name);
    if (!made && tokens_.ok()) tokens_.refuse("expected a known statement, found '" + name + "'");
    if (!made) return made;
    return [made = std::move(made), line](Rendering& r) {
      r.line = line;
      if (r.step()) made(r);
    };
  }

  Statement named_statement(const std::string& name) {
    if (name == "for") return for_statement();
    if (name == "if") return if_statement();
    if (name == "set") return set_statement();
    if (name == "macro") return macro_statement();
    if (name == "call") return call_statement();
    if (name == "filter") return filter_statement();
    if (name == "with") return with_statement();
    if (name == "block") return block_statement();
    if (name == "autoescape") return autoescape_statement();
    if (name == "print") return print_statement();
    if (name == "generation") return scoped(body_outside_loops("endgeneration"));
    if (name == "break" || name == "continue") {
      if (loops_ == 0) tokens_.refuse("'" + name + "' stands outside of a loop");
      end_tag();
      return [flow = name == "break" ? Flow::kBreak : Flow::kContinue](Rendering& r) { r.flow = flow; };
    }
    if (name == "include" || name == "import" || name == "from" || name == "extends") {
      while (tokens_.ok() && tokens_.peek().type != TokenType::kBlockEnd) tokens_.skip();
      end_tag();
      return [name](Rendering& r) { r.fail("'" + name + "' needs another template, and there is none"); };
    }
    return nullptr;
  }

  static Statement scoped(Block block) {
    return [block = std::move(block)](Rendering& r) {
      const ScopeGuard own(r);
      run(block, r);
    };
  }

  /// A body that a loop around it cannot be left from.
  Block body_outside_loops(std::string_view end) {
    const int loops = std::exchange(loops_, 0);
    Block block = body(end);
    loops_ = loops;
    return block;
  }

  Statement if_statement() {
    struct Branch {
      Expression condition;  // empty: else
      Block body;
    };
    std::vector<Branch> branches;
    Expression condition = expressions_.tuple(true);
    for (bool more = true; more && tokens_.ok();) {
      end_tag();
      const bool is_else = !condition;
      Block block = is_else ? statements({"endif"}) : statements({"elif", "else", "endif"});
      branches.push_back({std::move(condition), std::move(block)});
      condition = nullptr;
      if (tokens_.take_name("elif")) {
        tokens_.begin_tag();
        condition = expressions_.tuple(true);
      } else if (!tokens_.take_name("else")) {
        more = false;
        tokens_.take_name("endif");
        if (tokens_.ok()) end_tag();
      }
    }
    return [branches = std::move(branches)](Rendering& r) {
      for (const Branch& branch : branches) {
        if (branch.condition && !branch.condition(r).truth()) continue;
        if (!r.stopped()) run(branch.body, r);
        return;
      }
    };
  }

  /// A name, a namespace's member if `with_members`, or several with commas or in parentheses.
  Target target(bool with_members, std::string_view end = {}) {
    std::vector<Target> parts;
    bool several = false;
    do {
      if (!parts.empty() && (tokens_.is_symbol(")") || tokens_.is_symbol("=") ||
                             (!end.empty() && tokens_.is_name(end)) || tokens_.peek().type == TokenType::kBlockEnd))
        break;
      parts.push_back(single_target(with_members));
      several = several || tokens_.is_symbol(",");
    } while (tokens_.ok() && tokens_.take_symbol(","));
    if (!several) return std::move(parts.front());
    Target all;
    all.parts = std::move(parts);
    return all;
  }

  Target single_target(bool with_members) {
    Target one;
    if (tokens_.take_symbol("(")) {
      if (!tokens_.enter()) return one;
      one = target(false);
      tokens_.leave();
      tokens_.need_symbol(")");
      return one;
    }
    one.name = target_name();
    if (with_members && tokens_.take_symbol(".")) one.member = tokens_.need_name();
    return one;
  }

  std::string target_name() {
    std::string name = tokens_.need_name();
    for (const char* constant : {"true", "True", "false", "False", "none", "None"}) {
      if (name == constant) tokens_.refuse("'" + name + "' cannot be assigned to");
    }
    return name;
  }

  Statement for_statement() {
    auto loop = std::make_shared<Loop>();
    loop->target = target(false, "in");
    if (loop->target.name == "loop") tokens_.refuse("'loop' cannot be the name of an element");
    if (!tokens_.take_name("in")) tokens_.unexpected("'in'");
    loop->over = expressions_.tuple(true, "recursive");
    if (tokens_.take_name("if")) loop->filter = expressions_.expression();
    loop->recursive = tokens_.take_name("recursive");
    end_tag();
    ++loops_;
    loop->body = statements({"endfor", "else"});
    --loops_;
    if (tokens_.take_name("else")) {
      end_tag();
      loop->otherwise = statements({"endfor"});
    }
    tokens_.take_name("endfor");
    if (tokens_.ok()) end_tag();
    return [loop = std::shared_ptr<const Loop>(std::move(loop))](Rendering& r) {
      const Value elements = loop->over(r);
      run_loop(loop, r, elements, 0);
    };
  }

  Statement set_statement() {
    Target to = target(true);
    if (tokens_.take_symbol("=")) {
      Expression value = expressions_.tuple();
      end_tag();
      return [to = std::move(to), value = std::move(value)](Rendering& r) { to.assign(r, value(r)); };
    }
    auto block = std::make_shared<Block>();
    Expression value = [block](Rendering& r) -> Value {
      const ScopeGuard own(r);
      return captured(*block, r);
    };
    value = expressions_.filters(std::move(value), false);
    *block = body("endset");
    return [to = std::move(to), value = std::move(value)](Rendering& r) {
      const Value text = value(r);
      if (!r.stopped()) to.assign(r, text);
    };
  }

  void parameters(MacroParts& parts) {
    tokens_.need_symbol("(");
    while (tokens_.ok() && !tokens_.is_symbol(")")) {
      std::string name = target_name();
      Expression otherwise;
      if (tokens_.take_symbol("="))
        otherwise = expressions_.expression();
      else if (!parts.parameters.empty() && parts.parameters.back().second)
        tokens_.refuse("a parameter without default follows one that has it");
      parts.parameters.emplace_back(std::move(name), std::move(otherwise));
      if (!tokens_.take_symbol(",")) break;
      if (tokens_.is_symbol(")")) tokens_.unexpected("a name");
    }
    tokens_.need_symbol(")");
  }

  void macro_body(MacroParts& parts, std::string_view end) {
    const std::size_t begin = tokens_.position();
    parts.body = body_outside_loops(end);
    const auto uses = [&](std::string_view name) {
      return tokens_.names_since(begin, name) &&
             std::none_of(parts.parameters.begin(), parts.parameters.end(),
                          [&](const auto& parameter) { return parameter.first == name; });
    };
    parts.uses_caller = tokens_.names_since(begin, "caller");
    parts.uses_kwargs = uses("kwargs");
    parts.uses_varargs = uses("varargs");
  }

  Statement macro_statement() {
    auto parts = std::make_shared<MacroParts>();
    parts->name = target_name();
    parameters(*parts);
    macro_body(*parts, "endmacro");
    return [parts = std::shared_ptr<const MacroParts>(std::move(parts))](Rendering& r) {
      const Value macro = make_macro(parts, r);
      r.set(parts->name, macro);
    };
  }

  Statement call_statement() {
    auto parts = std::make_shared<MacroParts>();
    if (tokens_.is_symbol("(")) parameters(*parts);
    CallParts call = expressions_.call_parts();
    macro_body(*parts, "endcall");
    return [parts = std::shared_ptr<const MacroParts>(std::move(parts)), call = std::move(call)](Rendering& r) {
      const Value callee = call.callee(r);
      Arguments arguments = call.arguments.evaluate(r);
      if (!r.error.empty()) return;
      arguments.named.emplace_back("caller", make_macro(parts, r));
      const Value result = jinja::call(r, callee, arguments);
      r.write(r.text_of(result));
    };
  }

  Statement filter_statement() {
    auto block = std::make_shared<Block>();
    Expression value = [block](Rendering& r) -> Value {
      const ScopeGuard own(r);
      return captured(*block, r);
    };
    value = expressions_.filters(std::move(value), true);
    *block = body("endfilter");
    return [value = std::move(value)](Rendering& r) {
      const Value result = value(r);
      r.write(r.text_of(result));
    };
  }

  Statement with_statement() {
    std::vector<std::pair<Target, Expression>> values;
    while (tokens_.ok() && tokens_.peek().type != TokenType::kBlockEnd) {
      if (!values.empty()) tokens_.need_symbol(",");
      Target to = single_target(false);
      tokens_.need_symbol("=");
      values.emplace_back(std::move(to), expressions_.expression());
    }
    Block block = body("endwith");
    return [values = std::move(values), block = std::move(block)](Rendering& r) {
      List computed;
      for (const auto& [to, value] : values) computed.push_back(value(r));
      const ScopeGuard own(r);
      for (std::size_t i = 0; i < values.size(); ++i) values[i].first.assign(r, computed[i]);
      if (!r.stopped()) run(block, r);
    };
  }

  /// A block is never replaced, for there is no other template; it sees the template's own names only.
  Statement block_statement() {
    const std::string name = tokens_.need_name();
    const bool keeps_scope = tokens_.take_name("scoped");
    tokens_.take_name("required");
    end_tag();
    const int loops = std::exchange(loops_, 0);
    Block block = statements({"endblock"});
    loops_ = loops;
    tokens_.take_name("endblock");
    tokens_.take_name(name);
    if (tokens_.ok()) end_tag();
    return [block = std::move(block), keeps_scope](Rendering& r) {
      const ScopeGuard own(r, keeps_scope ? nullptr : &r.root);
      run(block, r);
    };
  }

  Statement autoescape_statement() {
    Expression on = expressions_.expression();
    Block block = body("endautoescape");
    return [on = std::move(on), block = std::move(block)](Rendering& r) {
      if (on(r).truth()) r.fail("autoescape is for HTML, not for prompts");
      const ScopeGuard own(r);
      if (!r.stopped()) run(block, r);
    };
  }

  TokenStream& tokens_;
  ExpressionParser expressions_;
  int loops_ = 0;  // around the statement, inside the same macro
};

}  // namespace

Block parse_template(TokenStream& tokens) {
  Block block = StatementParser(tokens).statements({});
  if (tokens.ok() && tokens.peek().type != TokenType::kEnd) tokens.unexpected("the end of the template");
  return block;
}

}  // namespace mnema::jinja
