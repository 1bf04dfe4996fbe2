// runtime/base/json_schema_node.hpp
//
// One sub-schema of a JsonSchema, ready to be checked; and what makes it from the document. Private to json_schema*.
//
// Threads: immutable once compiled.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/decimal.hpp"
#include "runtime/base/json_schema.hpp"
#include "runtime/base/pattern.hpp"

namespace mnema {

struct JsonSchema::Node {
  struct Bound {
    Decimal value;
    std::string shown;
  };
  struct Dependency {
    std::vector<std::string> required;
    const Node* schema = nullptr;
  };
  struct PatternMembers {
    Pattern pattern;
    const Node* schema;
  };

  bool never = false;                               // the schema `false`
  std::vector<std::string> types;                   // empty: any
  std::optional<std::vector<std::string>> choices;  // enum and const: their texts, to be shown
  std::set<std::string> choice_texts;               // canonical
  std::vector<const Node*> references;

  std::map<std::string, const Node*, std::less<>> properties;
  std::vector<PatternMembers> pattern_properties;
  std::vector<std::string> required;
  const Node* additional_properties = nullptr;
  const Node* property_names = nullptr;
  std::map<std::string, Dependency> dependencies;
  std::vector<const Node*> prefix_items;
  const Node* items = nullptr;  // behind the prefix
  const Node* contains = nullptr;
  std::optional<std::int64_t> contains_min, contains_max;
  bool unique_items = false;
  const Node* unevaluated_properties = nullptr;
  const Node* unevaluated_items = nullptr;
  std::optional<std::int64_t> properties_min, properties_max, items_min, items_max, length_min, length_max;
  std::optional<Bound> minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of;
  std::optional<Pattern> pattern;
  std::string pattern_text;
  std::vector<const Node*> all_of, any_of, one_of;
  const Node* negated = nullptr;
  const Node* condition = nullptr;  // if
  const Node* then = nullptr;
  const Node* otherwise = nullptr;  // else
};

/// `value` as JSON in at most some 60 bytes, cut between characters.
[[nodiscard]] std::string shown_json(const boost::json::value& value);

}  // namespace mnema
