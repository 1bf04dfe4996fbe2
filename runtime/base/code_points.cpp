#include "runtime/base/code_points.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

#include "runtime/base/utf8.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace mnema {
namespace {

/// PCRE2's own tables: what a pattern means here is what it means where PCRE2 runs it.
std::optional<CodePointRanges> find_property(const std::string& property) {
  const std::string pattern = "\\p{" + property + "}+";
  int error = 0;
  PCRE2_SIZE place = 0;
  const std::unique_ptr<pcre2_code, decltype(&pcre2_code_free)> code(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF | PCRE2_NO_AUTO_POSSESS,
                    &error, &place, nullptr),
      &pcre2_code_free);
  if (code == nullptr) return std::nullopt;
  (void)pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);  // only faster
  std::string all;
  all.reserve(4'500'000);
  for (std::uint32_t c = 0; c <= kCodePointMax; c = c == 0xD7FF ? 0xE000 : c + 1) append_utf8(all, c);
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(pcre2_match_data_create(1, nullptr),
                                                                                  &pcre2_match_data_free);
  const auto code_point_at = [&](std::size_t at) {
    const auto first = static_cast<unsigned char>(all[at]);
    const std::size_t length = utf8_length(first);
    std::uint32_t value = length == 1 ? first : first & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) value = value << 6 | (static_cast<unsigned char>(all[at + i]) & 0x3f);
    return value;
  };
  CodePointRanges ranges;
  for (std::size_t at = 0; at < all.size();) {
    const int found = pcre2_match(code.get(), reinterpret_cast<PCRE2_SPTR>(all.data()), all.size(), at,
                                  PCRE2_NO_UTF_CHECK, match.get(), nullptr);
    if (found < 0) break;
    const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(match.get());
    std::size_t last = ends[1] - 1;
    while ((static_cast<unsigned char>(all[last]) & 0xC0) == 0x80) --last;
    ranges.push_back({code_point_at(ends[0]), code_point_at(last)});
    at = ends[1];
  }
  // A run over the gap of the surrogates is two ranges.
  return subtract(std::move(ranges), {{0xD800, 0xDFFF}});
}

/// Long names of the general categories, as ECMA-262 knows them beside the short ones that PCRE2 knows.
std::string short_name(std::string_view property) {
  static const std::map<std::string, std::string, std::less<>> kShort = {{"Letter", "L"},
                                                                         {"Cased_Letter", "L&"},
                                                                         {"LC", "L&"},
                                                                         {"Uppercase_Letter", "Lu"},
                                                                         {"Lowercase_Letter", "Ll"},
                                                                         {"Titlecase_Letter", "Lt"},
                                                                         {"Modifier_Letter", "Lm"},
                                                                         {"Other_Letter", "Lo"},
                                                                         {"Mark", "M"},
                                                                         {"Combining_Mark", "M"},
                                                                         {"Nonspacing_Mark", "Mn"},
                                                                         {"Spacing_Mark", "Mc"},
                                                                         {"Enclosing_Mark", "Me"},
                                                                         {"Number", "N"},
                                                                         {"Decimal_Number", "Nd"},
                                                                         {"digit", "Nd"},
                                                                         {"Letter_Number", "Nl"},
                                                                         {"Other_Number", "No"},
                                                                         {"Punctuation", "P"},
                                                                         {"punct", "P"},
                                                                         {"Connector_Punctuation", "Pc"},
                                                                         {"Dash_Punctuation", "Pd"},
                                                                         {"Open_Punctuation", "Ps"},
                                                                         {"Close_Punctuation", "Pe"},
                                                                         {"Initial_Punctuation", "Pi"},
                                                                         {"Final_Punctuation", "Pf"},
                                                                         {"Other_Punctuation", "Po"},
                                                                         {"Symbol", "S"},
                                                                         {"Math_Symbol", "Sm"},
                                                                         {"Currency_Symbol", "Sc"},
                                                                         {"Modifier_Symbol", "Sk"},
                                                                         {"Other_Symbol", "So"},
                                                                         {"Separator", "Z"},
                                                                         {"Space_Separator", "Zs"},
                                                                         {"Line_Separator", "Zl"},
                                                                         {"Paragraph_Separator", "Zp"},
                                                                         {"Other", "C"},
                                                                         {"Control", "Cc"},
                                                                         {"cntrl", "Cc"},
                                                                         {"Format", "Cf"},
                                                                         {"Private_Use", "Co"},
                                                                         {"Unassigned", "Cn"}};
  for (const std::string_view prefix : {"General_Category=", "gc=", "Script=", "sc=", "Script_Extensions=", "scx="}) {
    if (property.substr(0, prefix.size()) == prefix) property.remove_prefix(prefix.size());
  }
  const auto found = kShort.find(property);
  return found != kShort.end() ? found->second : std::string(property);
}

}  // namespace

CodePointRanges normalised(CodePointRanges ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  CodePointRanges merged;
  for (const CodePointRange& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().last + 1) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

CodePointRanges subtract(CodePointRanges ranges, CodePointRanges excluded) {
  const CodePointRanges holes = normalised(std::move(excluded));
  CodePointRanges left;
  auto hole = holes.begin();
  for (CodePointRange range : normalised(std::move(ranges))) {
    while (hole != holes.end() && hole->last < range.first) ++hole;
    // The last hole that reaches into this range may reach into the next one too.
    for (auto at = hole; at != holes.end() && at->first <= range.last; ++at) {
      if (at->first > range.first) left.push_back({range.first, at->first - 1});
      range.first = at->last + 1;
      if (range.first > range.last || range.first == 0) break;
    }
    if (range.first <= range.last) left.push_back(range);
  }
  return left;
}

CodePointRanges all_code_points_but(CodePointRanges ranges) {
  return subtract({{0, 0xD7FF}, {0xE000, kCodePointMax}}, std::move(ranges));
}

std::optional<CodePointRanges> unicode_property(std::string_view property) {
  static std::mutex mutex;
  static std::map<std::string, std::optional<CodePointRanges>> known;  // guarded by mutex; bounded by PCRE2's names
  if (property == "Any") return CodePointRanges{{0, 0xD7FF}, {0xE000, kCodePointMax}};
  if (property == "ASCII") return CodePointRanges{{0, 0x7F}};
  const bool plain = !property.empty() && property.size() < 64 &&
                     std::all_of(
                         property.begin(), property.end(),
                         [](char c) {
                           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                  c == '_' || c == '=' || c == '&';
                         });
  if (!plain) return std::nullopt;
  const std::string name = short_name(property);
  const std::lock_guard lock(mutex);
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  std::optional<CodePointRanges> ranges = find_property(name);
  if (ranges) known.emplace(name, ranges);
  return ranges;
}

std::optional<std::u32string> decode_utf8(std::string_view text) {
  if (!is_valid_utf8(text)) return std::nullopt;
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    const std::size_t length = utf8_length(first);
    char32_t value = length == 1 ? first : first & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) value = value << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3f);
    out += value;
    at += length;
  }
  return out;
}

void append_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

}  // namespace mnema
