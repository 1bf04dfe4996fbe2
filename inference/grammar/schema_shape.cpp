#include "inference/grammar/schema_shape.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

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

/// Whether two terms evidently are about the same schema: the same place, or the same reference.
bool is_same_schema(const Term& a, const Term& b) {
  if (a.schema == b.schema) return true;
  const boost::json::object* left = a.schema->if_object();
  const boost::json::object* right = b.schema->if_object();
  if (left == nullptr || right == nullptr || left->size() != 1 || right->size() != 1) return false;
  const boost::json::value* reference = left->if_contains("$ref");
  const boost::json::value* other = right->if_contains("$ref");
  return reference != nullptr && other != nullptr && *reference == *other;
}

bool is_same_value(const boost::json::value& a, const boost::json::value& b) {
  return a == b || (is_number(a) && is_number(b) && Decimal::of(a) == Decimal::of(b));
}

/// The values that a schema lists, if it does.
std::vector<const boost::json::value*> listed_values(const boost::json::object& schema) {
  std::vector<const boost::json::value*> values;
  if (const boost::json::value* one = schema.if_contains("const")) return {one};
  const boost::json::value* list = schema.if_contains("enum");
  if (list == nullptr || !list->is_array()) return {};
  for (const boost::json::value& one : list->get_array()) values.push_back(&one);
  return values;
}

/// Whether all that a schema says is which values there are, beside a type that they have.
bool only_lists_values(const boost::json::object& schema) {
  return std::all_of(schema.begin(), schema.end(), [&](const auto& member) {
    if (member.key() != "type") return member.key() == "const" || member.key() == "enum";
    const std::optional<Kinds> kinds = kinds_of_type(member.value());
    const std::vector<const boost::json::value*> values = listed_values(schema);
    return kinds && std::all_of(values.begin(), values.end(),
                                [&](const boost::json::value* value) { return (kind_of(*value) & *kinds) != 0; });
  });
}

/// Whether a member that all of `terms` describe evidently has no value: it is forbidden, has a schema that both holds
/// and does not, no type, or none of the values that are listed is left.
bool is_impossible(const std::vector<const Term*>& terms) {
  Kinds kinds = kAllKinds;
  std::optional<std::vector<const boost::json::value*>> values;
  for (const Term* term : terms) {
    if (*term->schema == boost::json::value(term->negated)) return true;
    const boost::json::object* schema = term->schema->if_object();
    if (schema == nullptr) continue;
    if (term->negated) {
      const bool held = std::any_of(terms.begin(), terms.end(), [&](const Term* other) {
        return !other->negated && is_same_schema(*term, *other);
      });
      if (held) return true;
      continue;
    }
    if (const boost::json::value* type = schema->if_contains("type")) kinds &= kinds_of_type(*type).value_or(kAllKinds);
    std::vector<const boost::json::value*> listed = listed_values(*schema);
    if (listed.empty()) continue;
    if (values) {
      std::erase_if(*values, [&](const boost::json::value* value) {
        return std::none_of(listed.begin(), listed.end(),
                            [&](const boost::json::value* other) { return is_same_value(*value, *other); });
      });
    } else {
      values = std::move(listed);
    }
    if (values->empty()) return true;
  }
  if (kinds == 0) return true;
  if (!values) return false;
  std::erase_if(*values, [&](const boost::json::value* value) { return (kind_of(*value) & kinds) == 0; });
  for (const Term* term : terms) {
    const boost::json::object* schema = term->negated ? term->schema->if_object() : nullptr;
    if (schema == nullptr || values->empty() || !only_lists_values(*schema)) continue;
    const std::vector<const boost::json::value*> excluded = listed_values(*schema);
    std::erase_if(*values, [&](const boost::json::value* value) {
      return std::any_of(excluded.begin(), excluded.end(),
                         [&](const boost::json::value* other) { return is_same_value(*value, *other); });
    });
  }
  return values->empty();
}

/// The first required member that the rules evidently leave no value; null where there is none.
const std::string* impossible_member(const std::vector<MemberRules>& members,
                                     const std::vector<std::string>& required) {
  std::unordered_map<std::string_view, std::vector<const Term*>> terms_of;
  for (const std::string& name : required) terms_of[name];
  for (const MemberRules& rules : members) {
    for (const auto& [name, term] : rules.properties) {
      if (const auto found = terms_of.find(name); found != terms_of.end()) found->second.push_back(&term);
    }
    if (!rules.patterns.empty() || !rules.additional) continue;
    std::unordered_set<std::string_view> listed;
    for (const auto& [name, ignored] : rules.properties) listed.insert(name);
    for (auto& [name, terms] : terms_of) {
      if (!listed.contains(name)) terms.push_back(&*rules.additional);
    }
  }
  const auto found = std::find_if(required.begin(), required.end(),
                                  [&](const std::string& name) { return is_impossible(terms_of.at(name)); });
  return found == required.end() ? nullptr : &*found;
}

/// What the rules say of a member, if it is there.
std::vector<const Term*> terms_of(const std::vector<MemberRules>& members, const std::string& name) {
  std::vector<const Term*> terms;
  for (const MemberRules& rules : members) {
    const std::size_t before = terms.size();
    for (const auto& [one, term] : rules.properties) {
      if (one == name) terms.push_back(&term);
    }
    if (terms.size() == before && rules.patterns.empty() && rules.additional) terms.push_back(&*rules.additional);
  }
  return terms;
}

bool says_only_members(const Shape& shape) {
  return !shape.values && shape.excluded.empty() && !shape.low && !shape.high && shape.multiples.empty() &&
         shape.length_min == 0 && !shape.length_max && shape.strings.empty() && shape.items_min == 0 &&
         !shape.items_max && shape.items.empty() && shape.contains.empty() && !shape.unique_at &&
         shape.members_min == 0 && !shape.members_max && shape.names.empty() && shape.others_needed.empty();
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
  if (!other.required.empty()) {
    std::unordered_set<std::string> known(required.begin(), required.end());
    for (const std::string& name : other.required) {
      if (known.insert(name).second) required.push_back(name);
    }
  }
  append(names, other.names);
  append(others_needed, other.others_needed);
  append(notes, other.notes);
  if (pointer.empty()) pointer = other.pointer;
}

bool Shape::implies(const Shape& other) const {
  if (!says_only_members(other) || (kinds & ~other.kinds) != 0) return false;
  const auto is_required = [&](const std::string& name) {
    return std::find(required.begin(), required.end(), name) != required.end();
  };
  if (!std::all_of(other.required.begin(), other.required.end(), is_required)) return false;
  for (const MemberRules& rules : other.members) {
    if (!rules.patterns.empty() || rules.additional) return false;
    for (const auto& [name, term] : rules.properties) {
      // What it must be holds if what it must not be is impossible.
      Term opposite = term;
      opposite.negated = !opposite.negated;
      std::vector<const Term*> terms = terms_of(members, name);
      terms.push_back(&opposite);
      if (!is_impossible(terms)) return false;
    }
  }
  return true;
}

std::string Shape::contradiction() const {
  if (kinds == 0) return "its parts exclude one another";
  if (values && std::none_of(values->begin(), values->end(),
                             [&](const boost::json::value* value) { return (kind_of(*value) & kinds) != 0; }))
    return "none of the listed values (enum, const) is valid";
  if (kinds != kObjectKind) return "";
  if (required.empty()) return "";
  const std::string* impossible = impossible_member(members, required);
  return impossible == nullptr ? "" : "member '" + *impossible + "' is required and has no valid value";
}

}  // namespace mnema::grammar
