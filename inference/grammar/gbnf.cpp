#include "inference/grammar/gbnf.hpp"

#include <unordered_map>

namespace mnema::grammar {
namespace {

constexpr int kGroupDepthMax = 200;
constexpr int kRepeatMax = 100'000;
constexpr int kRepeatsOfOneMax = 16;  // x{2}{2}{2}...: each is an expression inside the next

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

class Parser {
 public:
  Parser(std::string_view text, Rules& rules) : text_(text), rules_(rules) {}

  Result<int> run() {
    skip_blanks(true);
    while (at_ < text_.size()) {
      const Status status = rule();
      if (!status.ok()) return status.error();
      skip_blanks(true);
    }
    const auto root = names_.find("root");
    if (root == names_.end() || !rules_.rules[static_cast<std::size_t>(root->second)].body) {
      return fail(ErrorCode::kInvalidArgument, "grammar: there is no rule 'root'",
                  "the rule to begin with is named root");
    }
    return root->second;
  }

 private:
  Error wrong(const std::string& what) const {
    std::size_t line = 1;
    std::size_t column = 1;
    for (std::size_t i = 0; i < at_ && i < text_.size(); ++i) {
      if (text_[i] == '\n') {
        ++line;
        column = 1;
      } else {
        ++column;
      }
    }
    return fail(ErrorCode::kInvalidArgument,
                "grammar, line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + what);
  }

  bool looking_at(std::string_view what) const { return text_.substr(at_, what.size()) == what; }

  void skip_blanks(bool newlines) {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\r' || (newlines && c == '\n')) {
        ++at_;
      } else if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else {
        return;
      }
    }
  }

  std::string name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_name_byte(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  int index_of(const std::string& rule_name) {
    const auto known = names_.find(rule_name);
    if (known != names_.end()) return known->second;
    return names_[rule_name] = rules_.declare(rule_name);
  }

  Status rule() {
    const std::string rule_name = name();
    if (rule_name.empty()) return wrong("expected the name of a rule");
    skip_blanks(false);
    if (!looking_at("::=")) return wrong("expected ::= after '" + rule_name + "'");
    at_ += 3;
    const int index = index_of(rule_name);
    if (rules_.rules[static_cast<std::size_t>(index)].body) return wrong("rule '" + rule_name + "' is defined twice");
    skip_blanks(true);
    Result<Expression> body = choices(0);
    if (!body.ok()) return body.error();
    rules_.rules[static_cast<std::size_t>(index)].body = std::move(*body);
    return {};
  }

  Result<Expression> choices(int depth) {
    if (depth > kGroupDepthMax) return wrong("groups are nested too deeply");
    std::vector<Expression> found;
    for (;;) {
      ASSIGN_OR_RETURN(Expression one, parts(depth));
      found.push_back(std::move(one));
      if (at_ >= text_.size() || text_[at_] != '|') break;
      ++at_;
      skip_blanks(true);
    }
    return alternatives(std::move(found));
  }

  /// Inside a group a line may end anywhere; outside, it ends the rule unless a | follows.
  Result<Expression> parts(int depth) {
    std::vector<Expression> found;
    for (;;) {
      skip_blanks(depth > 0);
      if (at_ >= text_.size()) break;
      const char c = text_[at_];
      if (c == '\n') {
        const std::size_t line_end = at_;
        skip_blanks(true);
        if (at_ < text_.size() && text_[at_] == '|') break;
        at_ = line_end;
        break;
      }
      if (c == '|' || c == ')') break;
      ASSIGN_OR_RETURN(Expression one, item(depth));
      ASSIGN_OR_RETURN(one, repeated(std::move(one)));
      found.push_back(std::move(one));
    }
    return sequence(std::move(found));
  }

  Result<Expression> item(int depth) {
    const char c = text_[at_];
    if (c == '"') return quoted();
    if (c == '[') return character_class();
    if (c == '.') {
      ++at_;
      return characters_except({});
    }
    if (c == '(') {
      ++at_;
      skip_blanks(true);
      ASSIGN_OR_RETURN(Expression group, choices(depth + 1));
      skip_blanks(true);
      if (at_ >= text_.size() || text_[at_] != ')') return wrong("expected ) at the end of a group");
      ++at_;
      return group;
    }
    const std::string rule_name = name();
    if (rule_name.empty()) return wrong(std::string("unexpected '") + c + "'");
    return reference(index_of(rule_name));
  }

  Result<Expression> repeated(Expression body) {
    for (int repeats = 0;; ++repeats) {
      if (at_ >= text_.size()) return body;
      if (repeats > kRepeatsOfOneMax) return wrong("repetitions are nested too deeply");
      const char c = text_[at_];
      if (c == '*' || c == '+' || c == '?') {
        ++at_;
        body = repeat(std::move(body), c == '+' ? 1 : 0, c == '?' ? 1 : -1);
      } else if (c == '{') {
        ++at_;
        ASSIGN_OR_RETURN(const int min, number());
        int max = min;
        if (at_ < text_.size() && text_[at_] == ',') {
          ++at_;
          max = -1;
          if (at_ < text_.size() && text_[at_] != '}') {
            ASSIGN_OR_RETURN(max, number());
          }
        }
        if (at_ >= text_.size() || text_[at_] != '}') return wrong("expected } at the end of a repetition");
        if (max >= 0 && max < min) return wrong("a repetition's upper bound is below its lower one");
        ++at_;
        body = repeat(std::move(body), min, max);
      } else {
        return body;
      }
    }
  }

  Result<int> number() {
    int value = 0;
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      value = value * 10 + (text_[at_++] - '0');
      if (value > kRepeatMax) return wrong("a repetition above " + std::to_string(kRepeatMax));
    }
    if (begin == at_) return wrong("expected a number");
    return value;
  }

  /// One character of a literal or class, escapes resolved.
  Result<std::uint32_t> character() {
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (c == '\\') return escape();
    int length = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 0;
    if (length == 0 || at_ + static_cast<std::size_t>(length) > text_.size()) return wrong("invalid UTF-8");
    std::uint32_t value = length == 1 ? c : c & (0x7fU >> length);
    for (int i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(text_[at_ + static_cast<std::size_t>(i)]);
      if ((next & 0xc0) != 0x80) return wrong("invalid UTF-8");
      value = value << 6 | (next & 0x3f);
    }
    if (value > kCodePointMax) return wrong("invalid UTF-8");
    at_ += static_cast<std::size_t>(length);
    return value;
  }

  Result<std::uint32_t> escape() {
    ++at_;
    if (at_ >= text_.size()) return wrong("a backslash at the end");
    const char c = text_[at_++];
    switch (c) {
      case 'n':
        return std::uint32_t{'\n'};
      case 'r':
        return std::uint32_t{'\r'};
      case 't':
        return std::uint32_t{'\t'};
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^':
        return static_cast<std::uint32_t>(c);
      case 'x':
        return hexadecimal(2);
      case 'u':
        return hexadecimal(4);
      case 'U':
        return hexadecimal(8);
      default:
        return wrong(std::string("unknown escape \\") + c);
    }
  }

  Result<std::uint32_t> hexadecimal(int digits) {
    std::uint32_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const char c = at_ < text_.size() ? text_[at_] : '\0';
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return wrong("expected " + std::to_string(digits) + " hexadecimal digits");
      value = value << 4 | static_cast<std::uint32_t>(digit);
    }
    if (value > kCodePointMax) return wrong("a code point above 10FFFF");
    return value;
  }

  Result<Expression> quoted() {
    ++at_;
    std::vector<Expression> found;
    while (at_ < text_.size() && text_[at_] != '"') {
      ASSIGN_OR_RETURN(const std::uint32_t value, character());
      found.push_back(characters({{value, value}}));
    }
    if (at_ >= text_.size()) return wrong("a literal without its closing quote");
    ++at_;
    return sequence(std::move(found));
  }

  Result<Expression> character_class() {
    ++at_;
    const bool negated = at_ < text_.size() && text_[at_] == '^';
    if (negated) ++at_;
    std::vector<CodePointRange> ranges;
    while (at_ < text_.size() && text_[at_] != ']') {
      ASSIGN_OR_RETURN(const std::uint32_t first, character());
      std::uint32_t last = first;
      if (at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']') {
        ++at_;
        ASSIGN_OR_RETURN(last, character());
        if (last < first) return wrong("a range that ends before it begins");
      }
      ranges.push_back({first, last});
    }
    if (at_ >= text_.size()) return wrong("a character class without ]");
    ++at_;
    return negated ? characters_except(std::move(ranges)) : characters(std::move(ranges));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Rules& rules_;
  std::unordered_map<std::string, int> names_;
};

}  // namespace

Result<int> parse_gbnf(std::string_view text, Rules& rules) { return Parser(text, rules).run(); }

Result<Rules> parse_gbnf(std::string_view text) {
  Rules rules;
  ASSIGN_OR_RETURN(rules.root, parse_gbnf(text, rules));
  return rules;
}

}  // namespace mnema::grammar
