#include "runtime/base/pattern_syntax.hpp"

#include <algorithm>
#include <map>

#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

constexpr int kGroupDepthMax = 100;
constexpr int kRepeatMax = 65'535;  // PCRE2's bound
constexpr std::size_t kBytesMax = 64 << 10;

using Kind = PatternNode::Kind;

const CodePointRanges& digits() {
  static const CodePointRanges ranges{{'0', '9'}};
  return ranges;
}
/// WhiteSpace and LineTerminator of ECMA-262.
const CodePointRanges& blanks() {
  static const CodePointRanges ranges{{9, 13},          {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680},
                                      {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
                                      {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
  return ranges;
}

PatternNode node_of(Kind kind) {
  PatternNode node;
  node.kind = kind;
  return node;
}

/// Both cases of the ASCII letters in `ranges`.
CodePointRanges in_both_cases(CodePointRanges ranges) {
  CodePointRanges more;
  for (const CodePointRange& range : ranges) {
    for (const auto& [first, last, other] : {std::tuple{'a', 'z', 'A'}, std::tuple{'A', 'Z', 'a'}}) {
      const auto low = std::max<std::uint32_t>(range.first, static_cast<std::uint32_t>(first));
      const auto high = std::min<std::uint32_t>(range.last, static_cast<std::uint32_t>(last));
      const std::uint32_t shift = static_cast<std::uint32_t>(other) - static_cast<std::uint32_t>(first);
      if (low <= high) more.push_back({low + shift, high + shift});
    }
  }
  ranges.insert(ranges.end(), more.begin(), more.end());
  return ranges;
}

class Parser {
 public:
  explicit Parser(std::string_view pattern) : pattern_(pattern) {}

  Result<PatternNode> run() {
    if (pattern_.size() > kBytesMax) return wrong("longer than 64 KiB");
    if (!is_valid_utf8(pattern_)) return wrong("invalid UTF-8");
    if (pattern_.substr(0, 4) == "(?i)") {
      ignore_case_ = true;
      at_ = 4;
    }
    ASSIGN_OR_RETURN(PatternNode found, alternatives(0));
    if (at_ != pattern_.size()) return wrong("unexpected )");
    for (const int group : referred_) {
      if (group > groups_) return wrong("a reference to a group that is not there");
    }
    RETURN_IF_ERROR(resolve_names(found));
    return found;
  }

 private:
  Error wrong(const std::string& what) const {
    const std::string shown = to_utf8(pattern_.substr(0, valid_utf8_prefix(pattern_.substr(0, 80))));
    return fail(ErrorCode::kInvalidArgument,
                "the pattern \"" + shown + "\" is wrong at character " + std::to_string(at_) + ": " + what);
  }
  [[nodiscard]] bool more() const { return at_ < pattern_.size(); }
  [[nodiscard]] char peek() const { return pattern_[at_]; }
  bool take(std::string_view text) {
    if (pattern_.substr(at_, text.size()) != text) return false;
    at_ += text.size();
    return true;
  }

  Result<PatternNode> alternatives(int depth) {
    if (depth > kGroupDepthMax) return wrong("groups are nested too deeply");
    PatternNode all = node_of(Kind::kAlternatives);
    do {
      PatternNode one = node_of(Kind::kSequence);
      while (more() && peek() != '|' && peek() != ')') {
        ASSIGN_OR_RETURN(PatternNode part, term(depth));
        one.children.push_back(std::move(part));
      }
      all.children.push_back(std::move(one));
    } while (take("|"));
    if (all.children.size() == 1) {
      PatternNode only = std::move(all.children.front());
      return only;
    }
    return all;
  }

  Result<PatternNode> term(int depth) {
    if (take("^")) return node_of(Kind::kBegin);
    if (take("$")) return node_of(Kind::kEnd);
    PatternNode negated_boundary = node_of(Kind::kWordBoundary);
    if (take("\\b")) return negated_boundary;
    if (take("\\B")) return negated_boundary.negated = true, negated_boundary;
    ASSIGN_OR_RETURN(PatternNode atom, this->atom(depth));
    const bool looks = atom.kind == Kind::kLookahead || atom.kind == Kind::kLookbehind;
    if (looks && more() && (peek() == '*' || peek() == '+' || peek() == '?')) return wrong("nothing to repeat");
    return repeated(std::move(atom));
  }

  PatternNode one_of(CodePointRanges ranges) const {
    PatternNode node = node_of(Kind::kCharacters);
    node.characters = normalised(ignore_case_ ? in_both_cases(std::move(ranges)) : std::move(ranges));
    return node;
  }

  Result<PatternNode> atom(int depth) {
    const char c = peek();
    if (c == '(') return group(depth);
    if (c == '[') return character_class();
    if (c == '.') {
      ++at_;
      return one_of(all_code_points_but({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}));
    }
    if (c == '*' || c == '+' || c == '?') return wrong("nothing to repeat");
    if (c == '{' && is_repetition()) return wrong("nothing to repeat");
    if (c == '\\') {
      if (at_ + 1 < pattern_.size() && pattern_[at_ + 1] >= '1' && pattern_[at_ + 1] <= '9') return back_reference();
      if (take("\\k<")) return named_reference();
      ASSIGN_OR_RETURN(CodePointRanges ranges, escape(false));
      return one_of(std::move(ranges));
    }
    const std::uint32_t value = code_point();
    return one_of({{value, value}});
  }

  Result<PatternNode> back_reference() {
    ++at_;
    ASSIGN_OR_RETURN(const int number, this->number());
    PatternNode node = node_of(Kind::kBackReference);
    node.group = number;
    referred_.push_back(number);
    return node;
  }

  Result<PatternNode> named_reference() {
    const std::size_t close = pattern_.find('>', at_);
    if (close == std::string_view::npos) return wrong("a group name without >");
    PatternNode node = node_of(Kind::kBackReference);
    node.group = -1 - static_cast<int>(names_referred_.size());
    names_referred_.emplace_back(pattern_.substr(at_, close - at_));
    at_ = close + 1;
    return node;
  }

  /// A name may be used before its group stands.
  Status resolve_names(PatternNode& node) {
    if (node.kind == Kind::kBackReference && node.group < 0) {
      const auto found = names_.find(names_referred_[static_cast<std::size_t>(-1 - node.group)]);
      if (found == names_.end()) return wrong("a reference to a group that is not there");
      node.group = found->second;
    }
    for (PatternNode& child : node.children) RETURN_IF_ERROR(resolve_names(child));
    return {};
  }

  Result<PatternNode> group(int depth) {
    ++at_;
    PatternNode node = node_of(Kind::kSequence);
    const bool outer_case = ignore_case_;
    if (take("?:")) {
    } else if (take("?i:")) {
      ignore_case_ = true;
    } else if (take("?=") || take("?!")) {
      node.kind = Kind::kLookahead;
      node.negated = pattern_[at_ - 1] == '!';
    } else if (take("?<=") || take("?<!")) {
      node.kind = Kind::kLookbehind;
      node.negated = pattern_[at_ - 1] == '!';
    } else if (take("?<") || take("?P<")) {
      const std::size_t close = pattern_.find('>', at_);
      if (close == std::string_view::npos || close == at_) return wrong("a group name without >");
      node.kind = Kind::kGroup;
      node.group = ++groups_;
      if (!names_.emplace(pattern_.substr(at_, close - at_), node.group).second) return wrong("a group name twice");
      at_ = close + 1;
    } else if (more() && peek() == '?') {
      return wrong("an unknown kind of group");
    } else {
      node.kind = Kind::kGroup;
      node.group = ++groups_;
    }
    ASSIGN_OR_RETURN(PatternNode inside, alternatives(depth + 1));
    if (!take(")")) return wrong("a group without )");
    ignore_case_ = outer_case;
    node.children.push_back(std::move(inside));
    return node;
  }

  /// Whether {n}, {n,} or {n,m} stands here; any other brace stands for itself.
  [[nodiscard]] bool is_repetition() const {
    std::size_t at = at_ + 1;
    const auto digits_from = [&] {
      const std::size_t begin = at;
      while (at < pattern_.size() && pattern_[at] >= '0' && pattern_[at] <= '9') ++at;
      return at > begin;
    };
    if (!digits_from()) return false;
    if (at < pattern_.size() && pattern_[at] == ',') {
      ++at;
      digits_from();
    }
    return at < pattern_.size() && pattern_[at] == '}';
  }

  Result<PatternNode> repeated(PatternNode body) {
    if (!more()) return body;
    PatternNode node = node_of(Kind::kRepeat);
    if (take("*")) {
    } else if (take("+")) {
      node.repeat_min = 1;
    } else if (take("?")) {
      node.repeat_max = 1;
    } else if (peek() == '{' && is_repetition()) {
      ++at_;
      ASSIGN_OR_RETURN(node.repeat_min, number());
      node.repeat_max = node.repeat_min;
      if (take(",")) {
        node.repeat_max = -1;
        if (peek() != '}') {
          ASSIGN_OR_RETURN(node.repeat_max, number());
        }
      }
      ++at_;
      if (node.repeat_max >= 0 && node.repeat_max < node.repeat_min)
        return wrong("a repetition's upper bound is below its lower one");
    } else {
      return body;
    }
    node.lazy = take("?");
    if (more() && (peek() == '*' || peek() == '+' || peek() == '?' || (peek() == '{' && is_repetition())))
      return wrong("nothing to repeat");
    node.children.push_back(std::move(body));
    return node;
  }

  Result<int> number() {
    int value = 0;
    while (more() && peek() >= '0' && peek() <= '9') {
      value = value * 10 + (pattern_[at_++] - '0');
      if (value > kRepeatMax) return wrong("a number above " + std::to_string(kRepeatMax));
    }
    return value;
  }

  /// The next character; the pattern is UTF-8.
  std::uint32_t code_point() {
    const auto first = static_cast<unsigned char>(peek());
    const std::size_t length = utf8_length(first);
    std::uint32_t value = length == 1 ? first : first & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i)
      value = value << 6 | (static_cast<unsigned char>(pattern_[at_ + i]) & 0x3f);
    at_ += length;
    return value;
  }

  /// What a backslash stands for: a class of characters, or one.
  Result<CodePointRanges> escape(bool in_class) {
    ++at_;
    if (!more()) return wrong("a backslash at the end");
    const char c = pattern_[at_++];
    const auto one = [](std::uint32_t value) { return CodePointRanges{{value, value}}; };
    switch (c) {
      case 'd':
        return digits();
      case 'D':
        return all_code_points_but(digits());
      case 'w':
        return word_characters();
      case 'W':
        return all_code_points_but(word_characters());
      case 's':
        return blanks();
      case 'S':
        return all_code_points_but(blanks());
      case 'n':
        return one('\n');
      case 'r':
        return one('\r');
      case 't':
        return one('\t');
      case 'f':
        return one('\f');
      case 'v':
        return one('\v');
      case 'b':
        if (in_class) return one('\b');
        break;
      case '0':
        if (!more() || peek() < '0' || peek() > '9') return one(0);
        return wrong("an octal escape");
      case 'c':
        if (more() && ((peek() >= 'a' && peek() <= 'z') || (peek() >= 'A' && peek() <= 'Z')))
          return one(static_cast<std::uint32_t>(pattern_[at_++]) & 31U);
        return wrong("\\c needs a letter");
      case 'x': {
        ASSIGN_OR_RETURN(const std::uint32_t value, hexadecimal(2));
        return one(value);
      }
      case 'u':
        return unicode_escape();
      case 'p':
      case 'P':
        return property(c == 'P');
      default:
        break;
    }
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '1' && c <= '9'))
      return wrong(std::string("unknown escape \\") + c);
    --at_;
    return one(code_point());
  }

  Result<CodePointRanges> property(bool negated) {
    std::string_view name;
    if (take("{")) {
      const std::size_t close = pattern_.find('}', at_);
      if (close == std::string_view::npos) return wrong("a property without }");
      name = pattern_.substr(at_, close - at_);
      at_ = close + 1;
    } else {
      return wrong("a property is written \\p{...}");
    }
    const std::optional<CodePointRanges> found = unicode_property(name);
    if (!found) return wrong("an unknown property '" + std::string(name) + "'");
    return negated ? all_code_points_but(*found) : *found;
  }

  Result<CodePointRanges> unicode_escape() {
    std::uint32_t value = 0;
    if (take("{")) {
      const std::size_t close = pattern_.find('}', at_);
      if (close == std::string_view::npos || close == at_ || close - at_ > 6) return wrong("expected \\u{...}");
      ASSIGN_OR_RETURN(value, hexadecimal(static_cast<int>(close - at_)));
      ++at_;
      if (value > kCodePointMax) return wrong("no code point");
    } else {
      ASSIGN_OR_RETURN(value, hexadecimal(4));
      const std::size_t after = at_;
      if (value >= 0xD800 && value <= 0xDBFF && take("\\u")) {
        const Result<std::uint32_t> low = hexadecimal(4);
        if (low.ok() && *low >= 0xDC00 && *low <= 0xDFFF) {
          value = 0x10000 + ((value - 0xD800) << 10) + (*low - 0xDC00);
        } else {
          at_ = after;
        }
      }
    }
    return CodePointRanges{{value, value}};
  }

  Result<std::uint32_t> hexadecimal(int count) {
    std::uint32_t value = 0;
    for (int i = 0; i < count; ++i, ++at_) {
      const char c = more() ? peek() : '\0';
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return wrong("expected hexadecimal digits");
      value = value << 4 | static_cast<std::uint32_t>(digit);
    }
    return value;
  }

  Result<PatternNode> character_class() {
    ++at_;
    const bool negated = take("^");
    CodePointRanges all;
    while (more() && peek() != ']') {
      ASSIGN_OR_RETURN(CodePointRanges one, class_item());
      const bool single = one.size() == 1 && one[0].first == one[0].last;
      if (single && at_ + 1 < pattern_.size() && peek() == '-' && pattern_[at_ + 1] != ']') {
        ++at_;
        ASSIGN_OR_RETURN(const CodePointRanges end, class_item());
        if (end.size() != 1 || end[0].first != end[0].last) {
          one.push_back({'-', '-'});  // [a-\d]: the hyphen stands for itself
          one.insert(one.end(), end.begin(), end.end());
        } else if (end[0].first < one[0].first) {
          return wrong("a range that ends before it begins");
        } else {
          one[0].last = end[0].last;
        }
      }
      all.insert(all.end(), one.begin(), one.end());
    }
    if (!take("]")) return wrong("a character class without ]");
    PatternNode node = one_of(std::move(all));
    if (negated) node.characters = all_code_points_but(std::move(node.characters));
    return node;
  }

  Result<CodePointRanges> class_item() {
    if (!more()) return wrong("a character class without ]");
    if (peek() == '\\') return escape(true);
    const std::uint32_t value = code_point();
    return CodePointRanges{{value, value}};
  }

  std::string_view pattern_;
  std::size_t at_ = 0;
  bool ignore_case_ = false;
  int groups_ = 0;
  std::vector<int> referred_;
  std::map<std::string, int, std::less<>> names_;
  std::vector<std::string> names_referred_;
};

}  // namespace

const CodePointRanges& word_characters() {
  static const CodePointRanges ranges{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
  return ranges;
}

Result<PatternNode> parse_pattern(std::string_view pattern) { return Parser(pattern).run(); }

}  // namespace mnema
