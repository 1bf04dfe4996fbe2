// runtime/base/code_points.hpp
//
// Sets of Unicode code points as sorted ranges, as patterns and grammars need them.
//
// Threads: pure functions; the tables of Unicode properties are made once and guarded by a mutex.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mnema {

/// Inclusive range of code points.
struct CodePointRange {
  std::uint32_t first;
  std::uint32_t last;
  bool operator==(const CodePointRange&) const = default;
};
using CodePointRanges = std::vector<CodePointRange>;
inline constexpr std::uint32_t kCodePointMax = 0x10FFFF;

/// Sorted and merged.
[[nodiscard]] CodePointRanges normalised(CodePointRanges ranges);
/// Sorted, merged, and without what lies in `excluded`.
[[nodiscard]] CodePointRanges subtract(CodePointRanges ranges, CodePointRanges excluded);
/// All code points that are in none of `ranges` (surrogates left out).
[[nodiscard]] CodePointRanges all_code_points_but(CodePointRanges ranges);

/// The characters of `\p{property}` ("L", "Letter", "Script=Greek"); nullopt for a property that is not known. The
/// first call for a property takes some 20 ms.
[[nodiscard]] std::optional<CodePointRanges> unicode_property(std::string_view property);

/// The characters of a UTF-8 text; nullopt where it is none.
[[nodiscard]] std::optional<std::u32string> decode_utf8(std::string_view text);
void append_utf8(std::string& out, std::uint32_t code_point);

}  // namespace mnema
