// runtime/base/json_schema_validator.hpp
//
// Checks one value against the nodes of a JsonSchema. Private to json_schema*.
//
// Threads: confined to one call.
#pragma once

#include <set>

#include "runtime/base/json_schema_node.hpp"

namespace mnema {

class JsonSchema::Validator {
 public:
  /// What is wrong with `value`, at most `breaches_max`. Nesting and work are bounded; beyond them is a breach.
  [[nodiscard]] static std::vector<SchemaBreach> run(const Node& root, const boost::json::value& value,
                                                     std::size_t breaches_max);

 private:
  /// What the keywords that were checked have evaluated of a value: what unevaluatedProperties leaves alone.
  struct Evaluated {
    std::set<std::string, std::less<>> members;
    std::set<std::size_t> items;
    bool all_members = false;
    std::size_t items_before = 0;  // all items before this place
    bool all_items = false;
    void add(const Evaluated& other);
  };

  Validator(std::size_t breaches_max, std::int64_t& checks_left)
      : breaches_max_(breaches_max), checks_left_(checks_left) {}

  /// As choices and items are compared; counts as work.
  [[nodiscard]] std::string canonical(const boost::json::value& value);
  void report(const std::string& pointer, std::string problem);
  [[nodiscard]] bool full() const { return breaches_.size() >= breaches_max_; }
  /// `evaluated`: null where nobody asks.
  void check(const Node& node, const boost::json::value& value, const std::string& pointer, int depth,
             Evaluated* evaluated);
  void check_object(const Node& node, const boost::json::object& object, const std::string& pointer, int depth,
                    Evaluated* evaluated);
  void check_dependencies(const Node& node, const boost::json::value& value, const std::string& pointer, int depth,
                          Evaluated* evaluated);
  void check_array(const Node& node, const boost::json::array& array, const std::string& pointer, int depth,
                   Evaluated* evaluated);
  void check_string(const Node& node, std::string_view text, const std::string& pointer);
  void check_number(const Node& node, const boost::json::value& value, const std::string& pointer);
  void check_count(const std::optional<std::int64_t>& least, const std::optional<std::int64_t>& most,
                   std::int64_t count, const std::string& what, const std::string& pointer);
  void check_combinations(const Node& node, const boost::json::value& value, const std::string& pointer, int depth,
                          Evaluated* evaluated);
  void check_unevaluated(const Node& node, const boost::json::value& value, const std::string& pointer, int depth,
                         Evaluated& evaluated);
  [[nodiscard]] std::vector<SchemaBreach> try_check(const Node& node, const boost::json::value& value,
                                                    const std::string& pointer, int depth, Evaluated* evaluated) const;
  void report_alternatives(std::size_t count, const std::vector<SchemaBreach>& nearest, const std::string& pointer);

  std::size_t breaches_max_;
  std::int64_t& checks_left_;
  std::vector<SchemaBreach> breaches_;
};

}  // namespace mnema
