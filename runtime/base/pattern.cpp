#include "runtime/base/pattern.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace mnema {
namespace {

constexpr std::uint32_t kMatchStepsMax = 200'000;
constexpr std::uint32_t kMatchKilobytesMax = 4'096;

PCRE2_SPTR bytes_of(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR>(text.data() == nullptr ? "" : text.data());
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
  int error = 0;
  PCRE2_SIZE place = 0;
  auto code = std::make_unique<Code>();
  // What differs between Perl and ECMA-262: \uXXXX escapes, [] and [^], '$' only at the very end.
  code->code = pcre2_compile(
      bytes_of(text), text.size(),
      PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF | PCRE2_DOLLAR_ENDONLY, &error,
      &place, nullptr);
  if (code->code == nullptr) {
    char message[200] = {};
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(message), sizeof message);
    return fail(ErrorCode::kInvalidArgument, "the pattern \"" + std::string(text.substr(0, 80)) +
                                                 "\" is wrong at character " + std::to_string(place) + ": " + message);
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
