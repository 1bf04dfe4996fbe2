#include "inference/grammar/schema_shape.hpp"

#include <algorithm>

#include "runtime/base/json.hpp"

namespace mnema::grammar {
namespace {

template <class T>
void append(std::vector<T>& to, const std::vector<T>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

void keep_least(std::optional<std::int64_t>& slot, const std::optional<std::int64_t>& other) {
  if (other && (!slot || *other < *slot)) slot = other;
}

/// Whether the rules evidently leave no value for a member: it is forbidden, or has two constants.
bool is_impossible_member(const std::vector<MemberRules>& members, const std::string& name) {
  const boost::json::value* constant = nullptr;
  for (const MemberRules& rules : members) {
    for (const auto& [listed, term] : rules.properties) {
      if (listed != name) continue;
      if (*term.schema == boost::json::value(term.negated)) return true;
      const boost::json::object* schema = term.schema->if_object();
      const boost::json::value* one = schema != nullptr && !term.negated ? schema->if_contains("const") : nullptr;
      if (one == nullptr) continue;
      if (constant != nullptr && *constant != *one) return true;
      constant = one;
    }
  }
  return false;
}

}  // namespace

Term true_term() {
  static const boost::json::value kTrue(true);
  return {&kTrue};
}

Term false_term() {
  static const boost::json::value kFalse(false);
  return {&kFalse};
}

void Shape::raise_low(const NumberBound& bound) {
  const int order = low ? bound.value.compare(low->value) : 1;
  if (order > 0 || (order == 0 && bound.excluded)) low = bound;
}

void Shape::lower_high(const NumberBound& bound) {
  const int order = high ? bound.value.compare(high->value) : -1;
  if (order < 0 || (order == 0 && bound.excluded)) high = bound;
}

void Shape::merge(const Shape& other) {
  kinds &= other.kinds;
  if (other.values) {
    if (values) {
      std::vector<std::string> texts;
      for (const boost::json::value* value : *other.values) texts.push_back(canonical_json(*value));
      std::sort(texts.begin(), texts.end());
      std::erase_if(*values, [&](const boost::json::value* value) {
        return !std::binary_search(texts.begin(), texts.end(), canonical_json(*value));
      });
    } else {
      values = other.values;
    }
  }
  append(excluded, other.excluded);
  if (other.low) raise_low(*other.low);
  if (other.high) lower_high(*other.high);
  append(multiples, other.multiples);
  length_min = std::max(length_min, other.length_min);
  keep_least(length_max, other.length_max);
  append(strings, other.strings);
  items_min = std::max(items_min, other.items_min);
  keep_least(items_max, other.items_max);
  append(items, other.items);
  append(contains, other.contains);
  if (!unique_at) unique_at = other.unique_at;
  members_min = std::max(members_min, other.members_min);
  keep_least(members_max, other.members_max);
  append(members, other.members);
  for (const std::string& name : other.required) {
    if (std::find(required.begin(), required.end(), name) == required.end()) required.push_back(name);
  }
  append(names, other.names);
  append(others_needed, other.others_needed);
  append(notes, other.notes);
  if (pointer.empty()) pointer = other.pointer;
}

bool Shape::is_contradiction() const {
  if (kinds == 0) return true;
  if (values && std::none_of(values->begin(), values->end(),
                             [&](const boost::json::value* value) { return (kind_of(*value) & kinds) != 0; }))
    return true;
  return kinds == kObjectKind && std::any_of(required.begin(), required.end(), [&](const std::string& name) {
           return is_impossible_member(members, name);
         });
}

}  // namespace mnema::grammar
