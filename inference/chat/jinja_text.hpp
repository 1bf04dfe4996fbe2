// inference/chat/jinja_text.hpp
//
// Texts as Python's str has them, over UTF-8: positions count characters, blanks and letters are those of Unicode, and
// a change of case may change the length ("ß" becomes "SS").
//
// Source: Python's str, https://docs.python.org/3/library/stdtypes.html#text-sequence-type-str; the tables are ICU's.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mnema::jinja {

/// Noncharacters with which a chat template marks texts (chat_template.cpp): nothing that writes a text may spell them
/// in another way. U+FDD0 and U+FDD1.
[[nodiscard]] constexpr bool is_mark(char32_t character) { return character == 0xfdd0 || character == 0xfdd1; }

/// The character at byte `at`, and how many bytes it has. A byte that begins no character counts as U+FFFD.
struct Character {
  char32_t value;
  std::size_t bytes;
};
[[nodiscard]] Character character_at(std::string_view text, std::size_t at);
void append_character(std::string& out, char32_t character);

[[nodiscard]] std::size_t characters_in(std::string_view text);
/// The byte at which character `index` begins; `text.size()` beyond the end.
[[nodiscard]] std::size_t byte_of(std::string_view text, std::int64_t index);
/// `text[begin:end]` in characters, in order; none below 0.
[[nodiscard]] std::string_view characters_between(std::string_view text, std::int64_t begin, std::int64_t end);

[[nodiscard]] bool is_blank(char32_t character);
/// Whether repr() shows it as it is.
[[nodiscard]] bool is_printable(char32_t character);
/// Without `characters` at its ends; blanks if absent.
[[nodiscard]] std::string_view stripped(std::string_view text, std::optional<std::string_view> characters, bool left,
                                        bool right);

[[nodiscard]] std::string upper_case(std::string_view text);
[[nodiscard]] std::string lower_case(std::string_view text);
[[nodiscard]] std::string folded_case(std::string_view text);
[[nodiscard]] std::string swapped_case(std::string_view text);
/// The first letter of each word in title case, the others in lower case, as str.title() has words.
[[nodiscard]] std::string title_case(std::string_view text);
/// The first character in title case, the others in lower case.
[[nodiscard]] std::string capitalized(std::string_view text);

enum class CharacterClass { kAlpha, kDecimal, kDigit, kNumeric, kAlphanumeric, kBlank, kPrintable, kAscii };
/// Whether all characters are of the class; an empty text only of kPrintable and kAscii.
[[nodiscard]] bool all_are(std::string_view text, CharacterClass wanted);
/// Whether there are letters with case, and all of them have it: islower() and isupper().
[[nodiscard]] bool is_lower_case(std::string_view text);
[[nodiscard]] bool is_upper_case(std::string_view text);
[[nodiscard]] bool is_title_case(std::string_view text);
[[nodiscard]] bool is_identifier(std::string_view text);
/// Letters, digits and underscore: `\w` of Python's re.
[[nodiscard]] bool is_word_character(char32_t character);

/// Bytes of the line end at `at` as splitlines() has them (among others \r\n, \v, \f, U+0085, U+2028); 0 for none.
[[nodiscard]] std::size_t line_end_at(std::string_view text, std::size_t at);

/// Python's repr() of a text, appended.
void append_quoted(std::string& out, std::string_view text);
/// & < > ' " as HTML entities, as markupsafe writes them.
[[nodiscard]] std::string html_escaped(std::string_view text);

}  // namespace mnema::jinja
