// inference/grammar/schema_shape.hpp
//
// What one value must be, with the keywords of all schemas that hold for it taken together: the conjunction of schemas
// in a form that can be written as a grammar. What stands inside a value (members, items) stays a list of schemas.
//
// Threads: plain values.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "inference/grammar/number_range.hpp"
#include "inference/grammar/schema_kinds.hpp"
#include "runtime/base/decimal.hpp"

namespace mnema::grammar {

/// A schema of the document that holds for a value, or that must not.
struct Term {
  const boost::json::value* schema = nullptr;
  bool negated = false;
  std::string pointer = {};      // where it stands
  std::vector<int> scopes = {};  // which unevaluatedProperties, unevaluatedItems see its keywords
  std::vector<const boost::json::value*> through = {};  // the references on the way to it, for the same value

  /// Equal terms say the same.
  [[nodiscard]] bool same_as(const Term& other) const { return schema == other.schema && negated == other.negated; }
};
using Terms = std::vector<Term>;

/// The schemas `true` and `false`.
[[nodiscard]] Term true_term();
[[nodiscard]] Term false_term();

/// What one schema object says of members.
struct MemberRules {
  std::vector<std::pair<std::string, Term>> properties;
  std::vector<std::pair<std::string, Term>> patterns;
  std::optional<Term> additional;
};

/// What one schema object says of items.
struct ItemRules {
  Terms prefix;
  std::optional<Term> rest;
};

struct StringRule {
  std::string text;  // a pattern, or the name of a format
  bool is_format = false;
  bool negated = false;
  std::string pointer;
};

struct MultipleRule {
  Decimal of;
  bool negated = false;
  std::string pointer;
};

struct ContainsRule {
  Term item;
  std::int64_t min = 1;
  std::optional<std::int64_t> max;
};

struct Shape {
  Kinds kinds = kAllKinds;
  std::optional<std::vector<const boost::json::value*>> values;  // one of these
  std::vector<const boost::json::value*> excluded;               // none of these
  std::optional<NumberBound> low, high;
  std::vector<MultipleRule> multiples;
  std::int64_t length_min = 0;
  std::optional<std::int64_t> length_max;
  std::vector<StringRule> strings;
  std::int64_t items_min = 0;
  std::optional<std::int64_t> items_max;
  std::vector<ItemRules> items;
  std::vector<ContainsRule> contains;
  std::optional<std::string> unique_at;  // the pointer of uniqueItems
  std::int64_t members_min = 0;
  std::optional<std::int64_t> members_max;
  std::vector<MemberRules> members;
  std::vector<std::string> required;
  Terms names;
  std::vector<MemberRules> others_needed;  // each: at least one member that these rules do not name
  std::vector<std::string> notes;          // what was taken for an annotation
  std::string pointer;                     // of the first schema that says something

  /// Both hold.
  void merge(const Shape& other);
  void raise_low(const NumberBound& bound);
  void lower_high(const NumberBound& bound);
  /// Whether each of its values evidently has `other` too, which says at most a kind, what is required, and what single
  /// members are or are not.
  [[nodiscard]] bool implies(const Shape& other) const;
  /// Why no value has it: an early, cheap answer. Empty: some may.
  [[nodiscard]] std::string contradiction() const;
};

}  // namespace mnema::grammar
