// runtime/base/pattern.hpp
//
// Regular expressions of JSON Schema (ECMA-262 with the flag u, see pattern_syntax.hpp), run by PCRE2 with a bound on
// the work of one match, so that no pattern can hold a thread.
//
// Threads: a compiled pattern is immutable and may be shared.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace mnema {

class Pattern {
 public:
  /// Errors: `kInvalidArgument`, with the place in the pattern.
  [[nodiscard]] static Result<Pattern> compile(std::string_view text);
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  enum class Outcome { kMatch, kNoMatch, kTooCostly };
  /// Whether `text` (UTF-8) has a match anywhere.
  [[nodiscard]] Outcome search(std::string_view text) const;

 private:
  struct Code;
  explicit Pattern(std::unique_ptr<Code> code);
  std::unique_ptr<Code> code_;
};

}  // namespace mnema
