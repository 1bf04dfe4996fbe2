#include "runtime/base/pattern.hpp"

#include <cstdio>

#include "runtime/base/pattern_syntax.hpp"
#include "runtime/base/utf8.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace mnema {
namespace {

constexpr std::uint32_t kMatchStepsMax = 200'000;
constexpr std::uint32_t kMatchKilobytesMax = 4'096;

PCRE2_SPTR bytes_of(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR>(text.data() == nullptr ? "" : text.data());
}

std::string shown(std::string_view text) { return std::string(text.substr(0, valid_utf8_prefix(text.substr(0, 80)))); }

void append_code_point(std::string& out, std::uint32_t code_point) {
  char hex[16];
  std::snprintf(hex, sizeof hex, "\\x{%x}", code_point);
  out += hex;
}

void append_characters(std::string& out, const CodePointRanges& ranges) {
  out += '[';
  for (const CodePointRange& range : subtract(ranges, {{0xD800, 0xDFFF}})) {
    append_code_point(out, range.first);
    if (range.last == range.first) continue;
    out += '-';
    append_code_point(out, range.last);
  }
  out += ']';
}

/// The tree in PCRE2's words; classes are spelt out, so that they are those of ECMA-262.
void append(std::string& out, const PatternNode& node) {
  using Kind = PatternNode::Kind;
  const auto in_group = [&](const char* open) {
    out += open;
    append(out, node.children.front());
    out += ')';
  };
  switch (node.kind) {
    case Kind::kCharacters:
      return append_characters(out, node.characters);
    case Kind::kSequence:
      for (const PatternNode& child : node.children) {
        const bool loose = child.kind == Kind::kAlternatives;
        if (loose) out += "(?:";
        append(out, child);
        if (loose) out += ')';
      }
      return;
    case Kind::kAlternatives:
      for (std::size_t i = 0; i < node.children.size(); ++i) {
        if (i > 0) out += '|';
        append(out, node.children[i]);
      }
      return;
    case Kind::kRepeat:
      in_group("(?:");
      out += '{' + std::to_string(node.repeat_min) + ',';
      if (node.repeat_max >= 0) out += std::to_string(node.repeat_max);
      out += '}';
      if (node.lazy) out += '?';
      return;
    case Kind::kGroup:
      return in_group("(");
    case Kind::kBackReference:
      out += "\\g{" + std::to_string(node.group) + '}';
      return;
    case Kind::kBegin:
      out += "\\A";
      return;
    case Kind::kEnd:
      out += "\\z";
      return;
    case Kind::kWordBoundary:
      out += node.negated ? "\\B" : "\\b";
      return;
    case Kind::kLookahead:
      return in_group(node.negated ? "(?!" : "(?=");
    case Kind::kLookbehind:
      return in_group(node.negated ? "(?<!" : "(?<=");
  }
}

}  // namespace

struct Pattern::Code {
  pcre2_code* code = nullptr;
  pcre2_match_context* bounds = nullptr;
  Code() = default;
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
  ~Code() {
    pcre2_match_context_free(bounds);
    pcre2_code_free(code);
  }
};

Pattern::Pattern(std::unique_ptr<Code> code) : code_(std::move(code)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

Result<Pattern> Pattern::compile(std::string_view text) {
  ASSIGN_OR_RETURN(const PatternNode tree, parse_pattern(text));
  std::string perl;
  append(perl, tree);
  int error = 0;
  PCRE2_SIZE place = 0;
  auto code = std::make_unique<Code>();
  // A reference to a group that has matched nothing matches the empty text, and [] matches nothing, as in ECMA-262.
  code->code = pcre2_compile(bytes_of(perl), perl.size(),
                             PCRE2_UTF | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF | PCRE2_DOLLAR_ENDONLY,
                             &error, &place, nullptr);
  if (code->code == nullptr) {
    char message[200] = {};
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(message), sizeof message);
    return fail(ErrorCode::kInvalidArgument, "the pattern \"" + shown(text) + "\" cannot be run: " + message);
  }
  code->bounds = pcre2_match_context_create(nullptr);
  pcre2_set_match_limit(code->bounds, kMatchStepsMax);
  pcre2_set_heap_limit(code->bounds, kMatchKilobytesMax);
  return Pattern(std::move(code));
}

Pattern::Outcome Pattern::search(std::string_view text) const {
  pcre2_match_data* match = pcre2_match_data_create(1, nullptr);
  const int found = pcre2_match(code_->code, bytes_of(text), text.size(), 0, 0, match, code_->bounds);
  pcre2_match_data_free(match);
  // 0 means that only the groups did not fit, which we do not ask for.
  if (found >= 0) return Outcome::kMatch;
  return found == PCRE2_ERROR_NOMATCH ? Outcome::kNoMatch : Outcome::kTooCostly;
}

}  // namespace mnema
