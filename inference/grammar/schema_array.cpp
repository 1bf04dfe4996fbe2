#include <algorithm>
#include <bit>
#include <map>

#include "inference/grammar/schema_compiler.hpp"
#include "inference/grammar/schema_reader.hpp"
#include "runtime/base/json.hpp"

namespace mnema::grammar {
namespace {

constexpr std::int64_t kItemsMax = 100'000;
constexpr std::size_t kStatesMax = 20'000;
constexpr std::size_t kUniqueValuesMax = 8;     // all orders of all choices of so many: 2^8 states
constexpr std::size_t kOrderedValuesMax = 500;  // more of them come in the order in which they are listed

/// Some of the values, each once, in their order.
Expression in_listed_order(const std::vector<Expression>& values, const Shape& shape, JsonGrammar& json) {
  // States: (next value, how many stand), with the count up to where it no longer matters.
  const auto size = static_cast<std::int64_t>(values.size());
  const std::int64_t counted =
      std::min(size, std::max<std::int64_t>({1, shape.items_min, shape.items_max.value_or(0)}));
  std::vector<Node::State> made(static_cast<std::size_t>((size + 1) * (counted + 1)));
  for (std::int64_t next = 0; next <= size; ++next) {
    for (std::int64_t count = 0; count <= counted; ++count) {
      Node::State& from = made[static_cast<std::size_t>(next * (counted + 1) + count)];
      from.accepting = next == size && count >= shape.items_min;
      if (next == size) continue;
      const auto to = [&](std::int64_t more) { return static_cast<int>((next + 1) * (counted + 1) + more); };
      from.edges.push_back({literal(""), to(count)});
      if (shape.items_max && count >= *shape.items_max) continue;
      const Expression& value = values[static_cast<std::size_t>(next)];
      from.edges.push_back({count == 0 ? value : sequence({json.comma(), value}), to(std::min(count + 1, counted))});
    }
  }
  return sequence({literal("["), json.space(), states(std::move(made)), literal("]")});
}

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
  if (shape.unique_at && !(shape.items_max && *shape.items_max <= 1)) {
    if (!shape.contains.empty())
      return schema_refused(ErrorCode::kUnsupported, "'uniqueItems' beside contains cannot be enforced here",
                            *shape.unique_at);
    return compile_unique_array(shape);
  }
  if (shape.contains.size() > 1) {
    return schema_refused(ErrorCode::kUnsupported, "several 'contains' cannot be enforced here",
                          shape.contains.back().item.pointer);
  }
  if (!shape.contains.empty()) return compile_array_containing(shape, shape.contains.front());

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
  return sequence({literal("["), json_.space(), tail, literal("]")});
}

Result<Expression> SchemaCompiler::compile_array_containing(const Shape& shape, const ContainsRule& rule) {
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
  return sequence({literal("["), json_.space(), grammar::states(std::move(with_commas)), literal("]")});
}

Result<Expression> SchemaCompiler::compile_unique_array(const Shape& shape) {
  const auto refused = [&] {
    return schema_refused(ErrorCode::kUnsupported, "'uniqueItems' cannot be enforced here", *shape.unique_at,
                          "list at most 8 values by enum, or leave it out and check the answer");
  };
  for (const ItemRules& rules : shape.items) {
    if (!rules.prefix.empty()) return refused();
  }
  const Terms terms = item_terms(shape, 0);
  if (terms.empty()) return refused();
  static const boost::json::value kBooleans[] = {true, false, nullptr};
  std::vector<const boost::json::value*> candidates;
  std::vector<Terms> work{terms};
  for (int rounds = 0; !work.empty(); ++rounds) {
    ASSIGN_OR_RETURN(const Expansion expansion, expander_.expand(work.back()));
    work.pop_back();
    if (rounds > 16) return refused();
    work.insert(work.end(), expansion.separate.begin(), expansion.separate.end());
    for (const Shape& item : expansion.shapes) {
      if (!item.values && (item.kinds & ~(kBooleanKind | kNullKind)) != 0) return refused();
      if (item.values) candidates.insert(candidates.end(), item.values->begin(), item.values->end());
      if (!item.values) {
        for (const boost::json::value& value : kBooleans) candidates.push_back(&value);
      }
    }
  }
  std::vector<Expression> values;
  std::vector<std::string> seen;
  for (const boost::json::value* value : candidates) {
    std::string text = canonical_json(*value);
    if (std::find(seen.begin(), seen.end(), text) != seen.end()) continue;
    seen.push_back(std::move(text));
    ASSIGN_OR_RETURN(const bool valid, holds(*value, terms));
    if (valid) values.push_back(sequence({json_.constant(*value), json_.space()}));
  }
  if (values.size() > kOrderedValuesMax) return refused();
  if (values.size() > kUniqueValuesMax) {
    rules_.note("unique items come in the order of their list, at " + *shape.unique_at);
    return in_listed_order(values, shape, json_);
  }
  // A state for each set of values that stand already.
  const std::size_t sets = std::size_t{1} << values.size();
  std::vector<Node::State> states(sets);
  for (std::size_t set = 0; set < sets; ++set) {
    const std::int64_t count = std::popcount(set);
    states[set].accepting = count >= shape.items_min && (!shape.items_max || count <= *shape.items_max);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if ((set >> i & 1) != 0) continue;
      const Expression item = set == 0 ? values[i] : sequence({json_.comma(), values[i]});
      states[set].edges.push_back({item, static_cast<int>(set | std::size_t{1} << i)});
    }
  }
  return sequence({literal("["), json_.space(), grammar::states(std::move(states)), literal("]")});
}

}  // namespace mnema::grammar
