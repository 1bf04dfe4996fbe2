// inference/grammar/schema_reader.hpp
//
// Reads the keywords of one schema object into a Shape: those that need no choice and no other schema. Both draft-07
// and 2020-12 words are read; what is no keyword of theirs is an annotation.
//
// Threads: pure functions.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "inference/grammar/schema_shape.hpp"
#include "runtime/base/result.hpp"

namespace mnema::grammar {

/// An error that ends with the JSON pointer.
[[nodiscard]] Error schema_refused(ErrorCode code, const std::string& what, const std::string& pointer,
                                   std::string hint = {});

/// Adds to `shape` what `term`'s schema says of numbers, strings, items, members, types and values; `term` gives
/// pointers and scopes to what stands inside.
/// Errors: `kInvalidArgument`: a keyword that has no value of its kind.
[[nodiscard]] Status read_keywords(const Term& term, Shape& shape);

/// The members' and items' part alone.
[[nodiscard]] Result<MemberRules> read_members(const boost::json::object& schema, const std::string& pointer);
[[nodiscard]] Result<ItemRules> read_items(const boost::json::object& schema, const std::string& pointer);

/// A count ("minItems"); nullopt where it is not there.
[[nodiscard]] Result<std::optional<std::int64_t>> read_count(const boost::json::object& schema, const char* keyword,
                                                             const std::string& pointer);
/// A number ("minimum"); nullopt where it is not there.
[[nodiscard]] Result<std::optional<Decimal>> read_number(const boost::json::object& schema, const char* keyword,
                                                         const std::string& pointer);
[[nodiscard]] Result<std::vector<std::string>> read_names(const boost::json::value& list, const std::string& pointer);

}  // namespace mnema::grammar
