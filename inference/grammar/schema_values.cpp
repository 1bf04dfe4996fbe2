// How many values a schema has, at least: whether as many different items as an array must have can be found.
#include <algorithm>
#include <set>

#include "inference/grammar/schema_compiler.hpp"
#include "runtime/base/json.hpp"

namespace mnema::grammar {
namespace {

constexpr int kDepthMax = 8;    // of values in values
constexpr int kRoundsMax = 16;  // of alternatives that say nothing in common

/// Of the numbers between two bounds; `enough` where they are not counted.
std::int64_t numbers_in(const Shape& shape, std::int64_t enough) {
  if (!shape.multiples.empty() && (shape.low || shape.high)) return 1;
  if (!shape.low || !shape.high) return enough;
  const Decimal& low = shape.low->value;
  const Decimal& high = shape.high->value;
  if ((shape.kinds & kFractionKind) != 0) return low < high ? enough : 1;
  std::int64_t count = 0;
  const auto whole = [](const Decimal& number) { return std::stoll(number.text()); };
  if (!low.is_integer() || !high.is_integer() || low.places() > 15 || high.places() > 15) {
    // Bounds that are no usual integers: a step of one, as often as it fits.
    return low.places() < high.places() - 1 || high.places() < low.places() - 1 ? enough : 1;
  }
  count = whole(high) - whole(low) + 1 - (shape.low->excluded ? 1 : 0) - (shape.high->excluded ? 1 : 0);
  return std::clamp<std::int64_t>(count - std::ssize(shape.excluded), 0, enough);
}

}  // namespace

Result<std::int64_t> SchemaCompiler::values_at_least(const Terms& terms, std::int64_t enough, int depth) {
  if (terms.empty()) return enough;
  if (depth > kDepthMax || --counts_left_ < 0) return 0;
  std::set<std::string> listed;  // as canonical texts
  std::int64_t others = 0;       // of the shape that has most of them; others may have the same ones
  std::vector<Terms> work{terms};
  for (int round = 0; !work.empty() && round < kRoundsMax; ++round) {
    ASSIGN_OR_RETURN(const Expansion expansion, expander_.expand(work.back()));
    work.pop_back();
    work.insert(work.end(), expansion.separate.begin(), expansion.separate.end());
    for (const Shape& shape : expansion.shapes) {
      if (shape.values) {
        for (const boost::json::value* value : *shape.values) {
          if ((kind_of(*value) & shape.kinds) == 0) continue;
          ASSIGN_OR_RETURN(const bool valid, holds(*value, terms));
          if (valid) listed.insert(canonical_json(*value));
        }
        continue;
      }
      if ((shape.kinds & kBooleanKind) != 0 && shape.excluded.empty()) listed.insert({"true", "false"});
      if ((shape.kinds & kNullKind) != 0 && shape.excluded.empty()) listed.insert("null");
      if ((shape.kinds & kStringKind) != 0) {
        ASSIGN_OR_RETURN(const std::optional<CharacterAutomaton> strings, strings_of(shape));
        const auto texts = strings ? texts_in(*strings, static_cast<std::size_t>(enough)) : std::nullopt;
        const std::int64_t all = shape.length_max && *shape.length_max == 0 ? 1 : enough;  // of any characters
        others = std::max(others, texts ? std::ssize(*texts) : all);
      }
      if ((shape.kinds & kNumberKinds) != 0) others = std::max(others, numbers_in(shape, enough));
      if ((shape.kinds & kArrayKind) != 0 && (!shape.items_max || *shape.items_max > 0)) {
        std::size_t fixed = 0;
        for (const ItemRules& rules : shape.items) fixed = std::max(fixed, rules.prefix.size());
        if (shape.items_max) fixed = std::min(fixed, static_cast<std::size_t>(*shape.items_max) - 1);
        ASSIGN_OR_RETURN(std::int64_t of_item, values_at_least(item_terms(shape, fixed), enough, depth + 1));
        if (of_item > 0 && !shape.items_max && !shape.unique_at) of_item = enough;  // of any length
        others = std::max(others, of_item);
      }
      if ((shape.kinds & kObjectKind) != 0) {
        ASSIGN_OR_RETURN(const std::int64_t objects, objects_at_least(shape, enough, depth));
        others = std::max(others, objects);
      }
    }
  }
  return std::min(enough, std::max(others, std::ssize(listed)));
}

/// As many as one of the members has values, or as there are names.
Result<std::int64_t> SchemaCompiler::objects_at_least(const Shape& shape, std::int64_t enough, int depth) {
  if (!shape.others_needed.empty() || !shape.excluded.empty()) return 1;
  bool lists = false;
  std::int64_t most = 1;
  for (const MemberRules& rules : shape.members) {
    for (const auto& [name, term] : rules.properties) {
      lists = true;
      const bool required = std::find(shape.required.begin(), shape.required.end(), name) != shape.required.end();
      if (shape.members_max && !required) continue;
      Terms terms;
      for (const MemberRules& other : shape.members) {
        if (!other.patterns.empty()) return most;
        const auto same = std::find_if(other.properties.begin(), other.properties.end(),
                                       [&](const auto& one) { return one.first == name; });
        if (same != other.properties.end()) {
          terms.push_back(same->second);
        } else if (other.additional) {
          terms.push_back(*other.additional);
        }
      }
      ASSIGN_OR_RETURN(const std::int64_t values, values_at_least(terms, enough, depth + 1));
      most = std::max(most, values);
    }
  }
  const bool free = shape.names.empty() && shape.members.empty() && !lists && !shape.members_max;
  return free ? enough : most;
}

}  // namespace mnema::grammar
