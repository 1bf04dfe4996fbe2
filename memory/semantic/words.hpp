// memory/semantic/words.hpp
//
// Lists of English words that the rules of extraction know: data, looked up by lower-case word.
//
// Threads: immutable.
#pragma once

#include <string_view>

namespace mnema::semantic {

/// Verbs that a clause may begin its statement with ("lives", "costs", "is", "bought").
[[nodiscard]] bool is_verb(std::string_view word);
/// Says nothing by itself: "just", "really", "well".
[[nodiscard]] bool is_filler(std::string_view word);
/// Ends a noun phrase: prepositions, conjunctions, pronouns.
[[nodiscard]] bool ends_phrase(std::string_view word);
/// Stands for something that was named before, or for nothing: no object of a fact.
[[nodiscard]] bool is_empty_object(std::string_view word);
/// "sister", "boss"; the predicate it is folded to ("mom" is "mother"), or empty.
[[nodiscard]] std::string_view relation_of(std::string_view word);
[[nodiscard]] bool is_pet(std::string_view word);
/// What people own and say they "have": "car", "house".
[[nodiscard]] bool is_belonging(std::string_view word);
/// "teacher", "nurse": the last word of a profession.
[[nodiscard]] bool is_profession(std::string_view word);
/// "paused", "down": what a thing may be without being "now".
[[nodiscard]] bool is_state(std::string_view word);
/// "smoking", "surfing": what people begin and give up.
[[nodiscard]] bool is_habit(std::string_view gerund);
/// The code of a currency by its sign, code or name: "€", "eur", "euros"; or empty.
[[nodiscard]] std::string_view currency_of(std::string_view word);

}  // namespace mnema::semantic
