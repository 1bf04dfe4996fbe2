#include <algorithm>
#include <map>

#include "inference/grammar/distinct_elements.hpp"
#include "inference/grammar/schema_compiler.hpp"
#include "inference/grammar/schema_reader.hpp"

namespace mnema::grammar {
namespace {

constexpr std::int64_t kItemsMax = 100'000;
constexpr std::size_t kStatesMax = 20'000;

}  // namespace

Terms SchemaCompiler::item_terms(const Shape& shape, std::size_t place) const {
  Terms terms;
  for (const ItemRules& rules : shape.items) {
    if (place < rules.prefix.size()) {
      terms.push_back(rules.prefix[place]);
    } else if (rules.rest) {
      terms.push_back(*rules.rest);
    }
  }
  return terms;
}

Result<Expression> SchemaCompiler::compile_array(const Shape& given) {
  Shape shape = given;
  for (const boost::json::value* value : shape.excluded) {
    if (kind_of(*value) != kArrayKind) continue;
    if (!value->get_array().empty()) {
      return schema_refused(ErrorCode::kUnsupported, "an array as an excluded constant cannot be enforced here",
                            shape.pointer);
    }
    shape.items_min = std::max<std::int64_t>(shape.items_min, 1);
  }
  if (shape.items_min > kItemsMax) {
    return schema_refused(ErrorCode::kUnsupported, "a minItems above " + std::to_string(kItemsMax),
                          shape.pointer + "/minItems");
  }
  if (shape.items_max && *shape.items_max > kItemsMax) shape.items_max = kItemsMax;
  std::erase_if(shape.contains, [](const ContainsRule& rule) { return rule.min == 0 && !rule.max; });
  Expression opening = literal("[");
  if (shape.unique_at && !(shape.items_max && *shape.items_max <= 1)) {
    if (shape.items_min > static_cast<std::int64_t>(DistinctElements::kElementsMax)) {
      return schema_refused(ErrorCode::kUnsupported,
                            "more than " + std::to_string(DistinctElements::kElementsMax) + " different items",
                            *shape.unique_at);
    }
    ASSIGN_OR_RETURN(const bool enough, has_enough_distinct_items(shape));
    if (!enough) {
      return schema_refused(ErrorCode::kUnsupported,
                            "'uniqueItems' beside items of which it cannot be told that enough of them differ",
                            *shape.unique_at, "lower minItems, or leave uniqueItems out and check the answer");
    }
    opening = sequence({literal("["), distinct()});
  }
  if (shape.contains.size() > 1) {
    return schema_refused(ErrorCode::kUnsupported, "several 'contains' cannot be enforced here",
                          shape.contains.back().item.pointer);
  }
  if (!shape.contains.empty()) return compile_array_containing(shape, shape.contains.front(), opening);

  std::size_t fixed = 0;
  for (const ItemRules& rules : shape.items) fixed = std::max(fixed, rules.prefix.size());
  std::int64_t most = shape.items_max.value_or(-1);
  std::vector<Expression> first;
  bool closed = false;
  for (std::size_t i = 0; i < fixed && !closed; ++i) {
    ASSIGN_OR_RETURN(const Expression item, compile(item_terms(shape, i)));
    closed = is_never(item);
    if (!closed) first.push_back(sequence({item, json_.space()}));
  }
  Expression rest;
  if (!closed) {
    ASSIGN_OR_RETURN(const Expression item, compile(item_terms(shape, fixed)));
    closed = is_never(item);
    if (!closed) rest = sequence({item, json_.space()});
  }
  fixed = first.size();
  if (closed)
    most = most < 0 ? static_cast<std::int64_t>(fixed) : std::min<std::int64_t>(most, static_cast<std::int64_t>(fixed));
  const std::int64_t least = shape.items_min;
  if (most >= 0 && most < least) {
    note_contradiction(
        shape.items_max && *shape.items_max < least ? "maxItems is below minItems" : "no array has so many items",
        shape.pointer);
    return never();
  }
  // Items of the prefix may be left out from the end, down to minItems.
  Expression tail = literal("");
  const auto prefix = static_cast<std::int64_t>(fixed);
  if (most < 0 || most > prefix) {
    const Expression more = sequence({json_.comma(), rest});
    if (fixed > 0) {
      tail = repeat(more, static_cast<int>(std::max<std::int64_t>(0, least - prefix)),
                    most < 0 ? -1 : static_cast<int>(most - prefix));
    } else {
      const Expression all = sequence({rest, repeat(more, static_cast<int>(std::max<std::int64_t>(0, least - 1)),
                                                    most < 0 ? -1 : static_cast<int>(most - 1))});
      tail = least > 0 ? all : optional(all);
    }
  }
  for (std::size_t i = fixed; i-- > 0;) {
    if (most >= 0 && static_cast<std::int64_t>(i) >= most) {
      tail = literal("");
      continue;
    }
    Expression here = sequence({i > 0 ? json_.comma() : literal(""), first[i], tail});
    tail = static_cast<std::int64_t>(i) < least ? here : optional(here);
  }
  return sequence({opening, json_.space(), tail, literal("]")});
}

Result<Expression> SchemaCompiler::compile_array_containing(const Shape& shape, const ContainsRule& rule,
                                                            const Expression& opening) {
  std::size_t fixed = 0;
  for (const ItemRules& rules : shape.items) fixed = std::max(fixed, rules.prefix.size());
  // Items are counted up to where their number no longer matters, and so are those that are contained.
  const std::int64_t places =
      shape.items_max ? *shape.items_max : std::max<std::int64_t>(static_cast<std::int64_t>(fixed), shape.items_min);
  const std::int64_t matches = rule.max ? *rule.max : rule.min;
  if ((places + 2) * (matches + 2) > static_cast<std::int64_t>(kStatesMax)) {
    return schema_refused(ErrorCode::kUnsupported, "'contains' beside so many items cannot be enforced here",
                          rule.item.pointer);
  }
  struct Items {
    Expression contained, other;
  };
  std::map<std::size_t, Items> items;  // by place, those behind the prefix as one
  const auto items_at = [&](std::int64_t place) -> Result<Items> {
    const std::size_t at = std::min(static_cast<std::size_t>(place), fixed);
    if (const auto known = items.find(at); known != items.end()) return known->second;
    const Terms any = item_terms(shape, at);
    Terms contained = any, other = any;
    contained.push_back(rule.item);
    if (rule.max) {
      other.push_back(rule.item);
      other.back().negated = !other.back().negated;
    }
    Items made;
    ASSIGN_OR_RETURN(made.contained, compile(contained));
    ASSIGN_OR_RETURN(made.other, compile(other));
    items.emplace(at, made);
    return made;
  };
  std::vector<Node::State> states;
  const auto state = [&](std::int64_t place, std::int64_t count) {
    return static_cast<int>(place * (matches + 1) + count);
  };
  states.resize(static_cast<std::size_t>((places + 1) * (matches + 1)));
  for (std::int64_t place = 0; place <= places; ++place) {
    const bool last = place == places;
    if (last && shape.items_max) {
      for (std::int64_t count = rule.min; count <= matches; ++count)
        states[static_cast<std::size_t>(state(place, count))].accepting = place >= shape.items_min;
      break;
    }
    ASSIGN_OR_RETURN(const Items at, items_at(place));
    const std::int64_t next = last ? place : place + 1;
    for (std::int64_t count = 0; count <= matches; ++count) {
      Node::State& from = states[static_cast<std::size_t>(state(place, count))];
      from.accepting = count >= rule.min && place >= shape.items_min;
      const auto add = [&](const Expression& item, std::int64_t to) {
        if (is_never(item)) return;
        from.edges.push_back({sequence({item, json_.space()}), state(next, to)});
      };
      add(at.other, count);
      if (count < matches) {
        add(at.contained, count + 1);
      } else if (!rule.max) {
        add(at.contained, count);
      }
    }
  }
  // A comma before each item but the first: the first has states of its own.
  const std::size_t size = states.size();
  std::vector<Node::State> with_commas = states;
  for (Node::State& from : with_commas) {
    for (Node::Edge& edge : from.edges) edge.on = sequence({json_.comma(), edge.on});
  }
  Node::State beginning = states[0];
  with_commas.push_back(std::move(beginning));
  std::swap(with_commas.front(), with_commas.back());
  // State 0 is now the beginning without a comma; what led to the old state 0 leads to its copy.
  for (Node::State& from : with_commas) {
    for (Node::Edge& edge : from.edges) edge.to = edge.to == 0 ? static_cast<int>(size) : edge.to;
  }
  return sequence({opening, json_.space(), grammar::states(std::move(with_commas)), literal("]")});
}

/// Whether no array comes to an end before it has as many items as it must: at each place there are more values than
/// can have stood before.
Result<bool> SchemaCompiler::has_enough_distinct_items(const Shape& shape) {
  std::size_t fixed = 0;
  for (const ItemRules& rules : shape.items) fixed = std::max(fixed, rules.prefix.size());
  for (std::size_t place = 0; place <= fixed && static_cast<std::int64_t>(place) < shape.items_min; ++place) {
    const std::int64_t needed = place < fixed ? static_cast<std::int64_t>(place) + 1 : shape.items_min;
    if (needed == 1) continue;
    ASSIGN_OR_RETURN(const std::int64_t values, values_at_least(item_terms(shape, place), needed));
    if (values < needed) return false;
  }
  for (const ContainsRule& rule : shape.contains) {
    if (rule.max) return false;
    if (rule.min <= 1) continue;
    Terms contained = item_terms(shape, fixed);
    contained.push_back(rule.item);
    ASSIGN_OR_RETURN(const std::int64_t values, values_at_least(contained, rule.min));
    if (values < rule.min) return false;
  }
  return true;
}

}  // namespace mnema::grammar
