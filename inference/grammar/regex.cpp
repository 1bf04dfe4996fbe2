#include "inference/grammar/regex.hpp"

namespace mnema::grammar {
namespace {

constexpr int kGroupDepthMax = 100;
constexpr int kRepeatMax = 10'000;

using Ranges = std::vector<CodePointRange>;

const Ranges& digit_ranges() {
  static const Ranges ranges{{'0', '9'}};
  return ranges;
}
const Ranges& word_ranges() {
  static const Ranges ranges{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
  return ranges;
}
const Ranges& space_ranges() {
  static const Ranges ranges{{9, 13},          {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
                             {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
  return ranges;
}
Ranges all_but(const Ranges& ranges) { return subtract({{0, 0xD7FF}, {0xE000, kCodePointMax}}, ranges); }

class Parser {
 public:
  /// `json`: null for characters as they are, and a pattern that is the whole text.
  Parser(std::string_view pattern, JsonGrammar* json) : pattern_(pattern), json_(json) {}

  Result<Expression> run() {
    ASSIGN_OR_RETURN(Expression found, choices(0));
    if (at_ != pattern_.size()) return wrong("unexpected )");
    return found;
  }

 private:
  Error wrong(const std::string& what, ErrorCode code = ErrorCode::kInvalidArgument) const {
    return fail(code, "pattern '" + std::string(pattern_) + "', position " + std::to_string(at_) + ": " + what);
  }
  Expression one_of(const Ranges& ranges) const {
    return json_ != nullptr ? JsonGrammar::escaped(ranges) : characters(ranges);
  }
  bool more() const { return at_ < pattern_.size(); }
  char peek() const { return pattern_[at_]; }

  /// One alternative of the whole pattern carries its own anchors; inside groups anchors are refused.
  Result<Expression> choices(int depth) {
    if (depth > kGroupDepthMax) return wrong("groups are nested too deeply");
    std::vector<Expression> found;
    for (;;) {
      bool anchored_begin = false;
      bool anchored_end = false;
      if (more() && peek() == '^') {
        if (depth > 0) return wrong("^ inside a group", ErrorCode::kUnsupported);
        anchored_begin = true;
        ++at_;
      }
      std::vector<Expression> parts;
      while (more() && peek() != '|' && peek() != ')') {
        if (peek() == '$') {
          ++at_;
          if (depth > 0 || (more() && peek() != '|')) return wrong("$ before the end", ErrorCode::kUnsupported);
          anchored_end = true;
          break;
        }
        ASSIGN_OR_RETURN(Expression part, atom(depth));
        ASSIGN_OR_RETURN(part, repeated(std::move(part)));
        parts.push_back(std::move(part));
      }
      if (depth == 0 && json_ != nullptr) {
        const Expression anything = repeat(json_->string_character(), 0, -1);
        if (!anchored_begin) parts.insert(parts.begin(), anything);
        if (!anchored_end) parts.push_back(anything);
      }
      found.push_back(sequence(std::move(parts)));
      if (!more() || peek() != '|') break;
      ++at_;
    }
    return alternatives(std::move(found));
  }

  Result<Expression> atom(int depth) {
    const char c = peek();
    if (c == '(') return group(depth);
    if (c == '[') return character_class();
    if (c == '.') {
      ++at_;
      return one_of(all_but({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}));
    }
    if (c == '*' || c == '+' || c == '?' || c == '{') return wrong("nothing to repeat");
    if (c == '^') return wrong("^ after the beginning", ErrorCode::kUnsupported);
    if (c == '\\') {
      ASSIGN_OR_RETURN(const Ranges ranges, escape(false));
      return one_of(ranges);
    }
    ASSIGN_OR_RETURN(const std::uint32_t value, code_point());
    return one_of({{value, value}});
  }

  Result<Expression> group(int depth) {
    ++at_;
    if (more() && peek() == '?') {
      if (pattern_.substr(at_, 2) == "?:") {
        at_ += 2;
      } else if (pattern_.substr(at_, 2) == "?<" && pattern_.substr(at_, 3) != "?<=" &&
                 pattern_.substr(at_, 3) != "?<!") {
        const auto close = pattern_.find('>', at_);
        if (close == std::string_view::npos) return wrong("a group name without >");
        at_ = close + 1;
      } else {
        return wrong("look-around is not supported", ErrorCode::kUnsupported);
      }
    }
    ASSIGN_OR_RETURN(Expression inside, choices(depth + 1));
    if (!more() || peek() != ')') return wrong("a group without )");
    ++at_;
    return inside;
  }

  Result<Expression> repeated(Expression body) {
    if (!more()) return body;
    int min = 0;
    int max = -1;
    const char c = peek();
    if (c == '*' || c == '+' || c == '?') {
      ++at_;
      min = c == '+' ? 1 : 0;
      max = c == '?' ? 1 : -1;
    } else if (c == '{') {
      ++at_;
      ASSIGN_OR_RETURN(min, number());
      max = min;
      if (more() && peek() == ',') {
        ++at_;
        max = -1;
        if (more() && peek() != '}') {
          ASSIGN_OR_RETURN(max, number());
        }
      }
      if (!more() || peek() != '}') return wrong("a repetition without }");
      if (max >= 0 && max < min) return wrong("a repetition's upper bound is below its lower one");
      ++at_;
    } else {
      return body;
    }
    if (more() && (peek() == '?' || peek() == '+')) ++at_;  // lazy or possessive: the same language
    return repeat(std::move(body), min, max);
  }

  Result<int> number() {
    int value = 0;
    const std::size_t begin = at_;
    while (more() && peek() >= '0' && peek() <= '9') {
      value = value * 10 + (pattern_[at_++] - '0');
      if (value > kRepeatMax) return wrong("a repetition above " + std::to_string(kRepeatMax), ErrorCode::kUnsupported);
    }
    if (begin == at_) return wrong("expected a number");
    return value;
  }

  Result<std::uint32_t> code_point() {
    const auto c = static_cast<unsigned char>(peek());
    const int length = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (at_ + static_cast<std::size_t>(length) > pattern_.size()) return wrong("invalid UTF-8");
    std::uint32_t value = length == 1 ? c : c & (0x7fU >> length);
    for (int i = 1; i < length; ++i) {
      value = value << 6 | (static_cast<unsigned char>(pattern_[at_ + static_cast<std::size_t>(i)]) & 0x3f);
    }
    if (value > kCodePointMax) return wrong("invalid UTF-8");
    at_ += static_cast<std::size_t>(length);
    return value;
  }

  /// What a backslash stands for: a class of characters, or one.
  Result<Ranges> escape(bool in_class) {
    ++at_;
    if (!more()) return wrong("a backslash at the end");
    const char c = pattern_[at_++];
    switch (c) {
      case 'd':
        return digit_ranges();
      case 'D':
        return all_but(digit_ranges());
      case 'w':
        return word_ranges();
      case 'W':
        return all_but(word_ranges());
      case 's':
        return space_ranges();
      case 'S':
        return all_but(space_ranges());
      case 'n':
        return Ranges{{'\n', '\n'}};
      case 'r':
        return Ranges{{'\r', '\r'}};
      case 't':
        return Ranges{{'\t', '\t'}};
      case 'f':
        return Ranges{{'\f', '\f'}};
      case 'v':
        return Ranges{{'\v', '\v'}};
      case '0':
        return Ranges{{0, 0}};
      case 'x':
        return hexadecimal(2);
      case 'u':
        return hexadecimal(4);
      case 'b':
        if (in_class) return Ranges{{'\b', '\b'}};
        return wrong("word boundaries are not supported", ErrorCode::kUnsupported);
      case 'B':
        return wrong("word boundaries are not supported", ErrorCode::kUnsupported);
      case 'p':
      case 'P':
        return wrong("Unicode properties are not supported", ErrorCode::kUnsupported);
      case 'k':
        return wrong("back-references are not supported", ErrorCode::kUnsupported);
      default:
        break;
    }
    if (c >= '1' && c <= '9') return wrong("back-references are not supported", ErrorCode::kUnsupported);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return wrong(std::string("unknown escape \\") + c);
    --at_;
    ASSIGN_OR_RETURN(const std::uint32_t value, code_point());
    return Ranges{{value, value}};
  }

  Result<Ranges> hexadecimal(int digits) {
    std::uint32_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const char c = more() ? peek() : '\0';
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return wrong("expected hexadecimal digits");
      value = value << 4 | static_cast<std::uint32_t>(digit);
    }
    return Ranges{{value, value}};
  }

  Result<Expression> character_class() {
    ++at_;
    const bool negated = more() && peek() == '^';
    if (negated) ++at_;
    Ranges all;
    while (more() && peek() != ']') {
      ASSIGN_OR_RETURN(Ranges one, class_item());
      if (one.size() == 1 && one[0].first == one[0].last && at_ + 1 < pattern_.size() && peek() == '-' &&
          pattern_[at_ + 1] != ']') {
        ++at_;
        ASSIGN_OR_RETURN(const Ranges end, class_item());
        if (end.size() != 1 || end[0].first != end[0].last || end[0].first < one[0].first) return wrong("a bad range");
        one[0].last = end[0].last;
      }
      all.insert(all.end(), one.begin(), one.end());
    }
    if (!more()) return wrong("a character class without ]");
    ++at_;
    return one_of(negated ? all_but(all) : all);
  }

  Result<Ranges> class_item() {
    if (!more()) return wrong("a character class without ]");
    if (peek() == '\\') return escape(true);
    ASSIGN_OR_RETURN(const std::uint32_t value, code_point());
    return Ranges{{value, value}};
  }

  std::string_view pattern_;
  JsonGrammar* const json_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Expression> expression_of_pattern(std::string_view pattern, JsonGrammar& json) {
  return Parser(pattern, &json).run();
}

Result<Expression> expression_of_regex(std::string_view pattern) { return Parser(pattern, nullptr).run(); }

}  // namespace mnema::grammar
