// Filters that compare elements: sort, groupby, unique, min, max.
#include <algorithm>

#include "inference/chat/jinja_filters.hpp"
#include "inference/chat/jinja_iteration.hpp"
#include "inference/chat/jinja_methods.hpp"
#include "inference/chat/jinja_operators.hpp"
#include "inference/chat/jinja_parameters.hpp"

namespace mnema::jinja {
namespace {

Value key_of(Rendering& r, const Value& element, const Value& attribute, bool case_sensitive,
             const Value& otherwise = None{}) {
  const Value key = attribute_path(r, element, attribute, otherwise);
  return case_sensitive ? key : without_case(key);
}

struct Keyed {
  Value key, element;
};

void sort_by_key(Rendering& r, std::vector<Keyed>& elements, bool reverse) {
  std::stable_sort(elements.begin(), elements.end(), [&](const Keyed& a, const Keyed& b) {
    return reverse ? less(r, b.key, a.key) : less(r, a.key, b.key);
  });
}

List elements_in(const std::vector<Keyed>& sorted) {
  List out;
  for (const Keyed& each : sorted) out.push_back(each.element);
  return out;
}

Value sort(Rendering& r, const Value& value, const Arguments& arguments) {
  const Parameters given(r, "sort", arguments, {"reverse", "case_sensitive", "attribute"});
  if (!given.ok()) return {};
  // attribute="a,b": by the first, then by the second.
  List paths{given.get(2, None{})};
  if (const std::string* text = paths[0].string()) {
    std::string_view rest = *text;
    paths.clear();
    for (std::size_t comma = rest.find(','); comma != std::string_view::npos; comma = rest.find(',')) {
      paths.emplace_back(rest.substr(0, comma));
      rest.remove_prefix(comma + 1);
    }
    paths.emplace_back(rest);
  }
  std::vector<Keyed> elements;
  Walk walk(value);
  while (const std::optional<Value> element = walk.next(r)) {
    List keys;
    for (const Value& path : paths) keys.push_back(key_of(r, *element, path, given.truth(1, false)));
    elements.push_back({std::move(keys), *element});
  }
  sort_by_key(r, elements, given.truth(0, false));
  return elements_in(elements);
}

Value dictsort(Rendering& r, const Value& value, const Arguments& arguments) {
  Parameters given(r, "dictsort", arguments, {"case_sensitive", "by", "reverse"});
  const std::string by = given.text(1, "key");
  if (given.ok() && by != "key" && by != "value") given.refuse("goes by key or value");
  if (!given.ok()) return {};
  if (value.dict() == nullptr)
    return r.fail(value.is_undefined() ? value.why_undefined()
                                       : "a value of type " + std::string(value.type_name()) + " has no items");
  std::vector<Keyed> elements;
  for (const Value& item : items_of(r, *value.dict()))
    elements.push_back({key_of(r, (*item.list())[by == "key" ? 0 : 1], None{}, given.truth(0, false)), item});
  sort_by_key(r, elements, given.truth(2, false));
  return elements_in(elements);
}

Value groupby(Rendering& r, const Value& value, const Arguments& arguments) {
  const Parameters given(r, "groupby", arguments, {"attribute", "default", "case_sensitive"}, 1);
  if (!given.ok()) return {};
  const bool case_sensitive = given.truth(2, false);
  const Value otherwise = given.get(1, None{});
  std::vector<Keyed> elements;
  Walk walk(value);
  while (const std::optional<Value> element = walk.next(r))
    elements.push_back({key_of(r, *element, *given[0], case_sensitive, otherwise), *element});
  sort_by_key(r, elements, false);
  List groups;
  for (std::size_t begin = 0; begin < elements.size() && r.error.empty();) {
    List members;
    std::size_t end = begin;
    while (end < elements.size() && (end == begin || equal(r, elements[end].key, elements[begin].key)))
      members.push_back(elements[end++].element);
    Sequence group{SequenceKind::kTuple, {}};
    group.elements = {key_of(r, members[0], *given[0], true, otherwise), std::move(members)};
    group.is_group = true;
    groups.emplace_back(std::move(group));
    begin = end;
  }
  return groups;
}

Value unique(Rendering& r, const Value& value, const Arguments& arguments) {
  const Parameters given(r, "unique", arguments, {"case_sensitive", "attribute"});
  if (!given.ok()) return {};
  Arguments seen;  // by position; the attribute by name
  seen.named.emplace_back("attribute", given.get(1, None{}));
  return Value::make<Generator>(
      Walk(value), std::move(seen),
      [case_sensitive = given.truth(0, false)](Rendering& own, Walk& walk, Arguments& keys) -> std::optional<Value> {
        while (std::optional<Value> element = walk.next(own)) {
          const Value key = key_of(own, *element, keys.named[0].second, case_sensitive);
          if (!is_hashable(key)) own.fail("unique cannot compare a value of type " + std::string(key.type_name()));
          if (!own.step(keys.positional.size() / 16)) return std::nullopt;
          const auto known = [&](const Value& other) { return equal_keys(other, key); };
          if (std::any_of(keys.positional.begin(), keys.positional.end(), known)) continue;
          keys.positional.push_back(key);
          return element;
        }
        return std::nullopt;
      });
}

template <bool kLeast>
Value extreme(Rendering& r, const Value& value, const Arguments& arguments) {
  const Parameters given(r, kLeast ? "min" : "max", arguments, {"case_sensitive", "attribute"});
  if (!given.ok()) return {};
  std::optional<Keyed> best;
  Walk walk(value);
  while (const std::optional<Value> element = walk.next(r)) {
    Value key = key_of(r, *element, given.get(1, None{}), given.truth(0, false));
    if (!best || (kLeast ? less(r, key, best->key) : less(r, best->key, key))) best = Keyed{std::move(key), *element};
  }
  return best ? best->element : Value::undefined("there is no element in an empty sequence");
}

constexpr NamedFilter kFilters[] = {{"sort", sort},     {"dictsort", dictsort}, {"groupby", groupby},
                                    {"unique", unique}, {"min", extreme<true>}, {"max", extreme<false>}};

}  // namespace

std::span<const NamedFilter> order_filters() { return kFilters; }

}  // namespace mnema::jinja
