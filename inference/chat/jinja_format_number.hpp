// inference/chat/jinja_format_number.hpp
//
// One value by a format specification, as Python's format() writes it: fill, alignment, sign, grouping, precision.
//
// Source: "Format Specification Mini-Language" of Python's library reference.
//
// Threads: pure over their arguments.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

struct FormatSpecification {
  std::string fill = " ";
  char align = 0;  // < > ^ =; 0: the type's own
  char sign = 0;   // + - or blank; 0: not given
  bool alternate = false;
  bool zero_padded = false;
  int width = 0;
  char grouping = 0;  // , or _
  std::optional<int> precision;
  char type = 0;

  /// Nothing where `text` is none, or asks for too much.
  [[nodiscard]] static std::optional<FormatSpecification> parse(std::string_view text);
};

/// `value` as `specification` says; an error of the template where the two do not fit.
[[nodiscard]] std::string formatted(Rendering& rendering, const Value& value, const FormatSpecification& specification);
/// A text, a precision cut and padded to a width.
[[nodiscard]] std::string formatted_text(std::string_view text, const FormatSpecification& specification);

}  // namespace mnema::jinja
