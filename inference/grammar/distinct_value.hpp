// inference/grammar/distinct_value.hpp
//
// A JSON value as JSON Schema compares it: numbers by their value, objects without order, strings by their characters.
// Read from the text that a grammar has written, to be compared with what is written next.
//
// Threads: immutable values; nodes point to their parents, so a value stays where it is.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/decimal.hpp"

namespace mnema::grammar {

struct DistinctValue {
  enum class Kind { kString, kNumber, kWord, kArray, kObject };
  Kind kind = Kind::kWord;
  std::string text;                                      // kString: its characters as UTF-8; kWord: true, false or null
  std::optional<Decimal> number;                         // kNumber; none: its exponent is too large to be compared
  std::vector<std::unique_ptr<DistinctValue>> children;  // kArray, kObject
  std::string name;                                      // as a member
  const DistinctValue* parent = nullptr;

  /// The member of that name; null: there is none.
  [[nodiscard]] const DistinctValue* member(std::string_view of_name) const;
  /// What it takes in memory, about.
  [[nodiscard]] std::size_t bytes() const;
};

/// Reads one JSON value with nothing around it but blanks. Precondition: it is well-formed, as a grammar of JSON
/// writes it, and nested no deeper than the caller bears.
[[nodiscard]] std::unique_ptr<DistinctValue> read_distinct_value(std::string_view json);

}  // namespace mnema::grammar
