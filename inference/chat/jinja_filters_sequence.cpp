// Filters that choose and make elements.
#include <algorithm>

#include "inference/chat/jinja_filters.hpp"
#include "inference/chat/jinja_iteration.hpp"
#include "inference/chat/jinja_methods.hpp"
#include "inference/chat/jinja_operators.hpp"
#include "inference/chat/jinja_parameters.hpp"
#include "inference/chat/jinja_tests.hpp"

namespace mnema::jinja {
namespace {

Value iterator_over(List elements) {
  return Value::make<Generator>(Walk(std::move(elements)), Arguments{},
                                [](Rendering& r, Walk& walk, Arguments&) { return walk.next(r); });
}

/// Of what cannot be walked over: as in Python, nobody knows before the first element is wanted.
Value failing_iterator(std::string why) {
  return Value::make<Generator>(Walk(), Arguments{},
                                [why = std::move(why)](Rendering& r, Walk&, Arguments&) -> std::optional<Value> {
                                  r.fail(why);
                                  return std::nullopt;
                                });
}

Value otherwise(Rendering& r, const Value& value, const Arguments& arguments) {
  const Parameters given(r, "default", arguments, {"default_value", "boolean"});
  if (!given.ok()) return {};
  return value.is_undefined() || (given.truth(1, false) && !value.truth()) ? given.get(0, "") : value;
}

Value length(Rendering& r, const Value& value, const Arguments& arguments) {
  if (!Parameters(r, "length", arguments, {}).ok()) return {};
  if (Object* object = value.object()) {  // loops have a length
    if (const std::optional<Value> own = object->is_iterator() ? std::nullopt : object->attribute(r, "length"))
      if (object->type_name() == "loop") return *own;
  } else if (is_iterable(value)) {
    return Walk(value).length().value_or(0);
  }
  return r.fail("a value of type " + std::string(value.type_name()) + " has no length");
}

Value list(Rendering& r, const Value& value, const Arguments& arguments) {
  return Parameters(r, "list", arguments, {}).ok() ? Value(elements_of(r, value)) : Value();
}

Value first(Rendering& r, const Value& value, const Arguments& arguments) {
  if (!Parameters(r, "first", arguments, {}).ok()) return {};
  Walk walk(value);
  const std::optional<Value> element = walk.next(r);
  return element ? *element : Value::undefined("there is no first element in an empty sequence");
}

Value last(Rendering& r, const Value& value, const Arguments& arguments) {
  if (!Parameters(r, "last", arguments, {}).ok()) return {};
  if (value.object() != nullptr || !is_iterable(value))
    return r.fail("a value of type " + std::string(value.type_name()) + " has no last element");
  if (value.list() != nullptr && !value.list()->empty()) return value.list()->back();
  const List all = elements_of(r, value);
  return all.empty() ? Value::undefined("there is no last element in an empty sequence") : all.back();
}

Value reverse(Rendering& r, const Value& value, const Arguments& arguments) {
  if (!Parameters(r, "reverse", arguments, {}).ok()) return {};
  if (value.string() != nullptr) return sliced(r, value, None{}, None{}, -1);
  List all = elements_of(r, value);
  std::reverse(all.begin(), all.end());
  if (value.object() != nullptr) return all;  // what can be walked over only once becomes a list
  return iterator_over(std::move(all));
}

Value items(Rendering& r, const Value& value, const Arguments& arguments) {
  if (!Parameters(r, "items", arguments, {}).ok()) return {};
  if (value.dict() == nullptr && !value.is_undefined()) {
    return failing_iterator("a value of type " + std::string(value.type_name()) + " has no items");
  }
  return iterator_over(value.dict() != nullptr ? items_of(r, *value.dict()) : List{});
}

/// The arguments from `first` on.
Arguments from(const Arguments& arguments, std::size_t first) {
  Arguments rest;
  rest.positional.assign(arguments.positional.begin() + static_cast<std::ptrdiff_t>(first), arguments.positional.end());
  rest.named = arguments.named;
  return rest;
}

/// map('filter', ...) and map(attribute=..., default=...).
Value map(Rendering&, const Value& value, const Arguments& arguments) {
  if (!value.truth()) return iterator_over({});
  return Value::make<Generator>(
      Walk(value), arguments, [](Rendering& own, Walk& walk, Arguments& given) -> std::optional<Value> {
        const bool by_filter = !given.positional.empty();
        const Value* attribute = given.find("attribute");
        if (!by_filter && attribute == nullptr) own.fail("map needs a filter");
        const std::optional<Value> element = own.error.empty() ? walk.next(own) : std::nullopt;
        if (!element) return std::nullopt;
        if (by_filter) {
          if (given.positional[0].string() == nullptr) own.fail("map needs the name of a filter");
          if (!own.error.empty()) return std::nullopt;
          return apply_filter(own, *given.positional[0].string(), *element, from(given, 1));
        }
        for (const auto& [name, unused] : given.named) {
          if (name != "attribute" && name != "default") own.fail("map has no argument '" + name + "'");
        }
        const Value* fallback = given.find("default");
        return attribute_path(own, *element, *attribute, fallback != nullptr ? *fallback : Value(None{}));
      });
}

/// select, reject, selectattr, rejectattr.
template <bool kByAttribute, bool kWanted>
Value selected(Rendering&, const Value& value, const Arguments& arguments) {
  if (!value.truth()) return iterator_over({});
  return Value::make<Generator>(
      Walk(value), arguments, [](Rendering& own, Walk& walk, Arguments& given) -> std::optional<Value> {
        constexpr std::size_t kTest = kByAttribute ? 1 : 0;
        if (kByAttribute && given.positional.empty()) own.fail("selectattr and rejectattr need an attribute");
        while (std::optional<Value> element = own.error.empty() ? walk.next(own) : std::nullopt) {
          const Value subject = kByAttribute ? attribute_path(own, *element, given.positional[0]) : *element;
          bool holds = subject.truth();
          if (given.positional.size() > kTest) {
            const std::string* name = given.positional[kTest].string();
            if (name == nullptr) own.fail("select and reject need the name of a test");
            holds = own.error.empty() && apply_test(own, *name, subject, from(given, kTest + 1));
          }
          if (own.error.empty() && holds == kWanted) return element;
        }
        return std::nullopt;
      });
}

Value batch(Rendering& r, const Value& value, const Arguments& arguments) {
  Parameters given(r, "batch", arguments, {"linecount", "fill_with"}, 1);
  const std::int64_t size = given.integer(0, 0);
  if (!given.ok()) return {};
  Arguments fill;
  fill.positional.push_back(given.get(1, None{}));
  return Value::make<Generator>(
      Walk(value), std::move(fill), [size](Rendering& own, Walk& walk, Arguments& with) -> std::optional<Value> {
        List row;
        while (size < 1 || static_cast<std::int64_t>(row.size()) < size) {
          std::optional<Value> element = walk.next(own);
          if (!element) break;
          row.push_back(std::move(*element));
        }
        if (row.empty()) return std::nullopt;
        while (!with.positional[0].is_none() && static_cast<std::int64_t>(row.size()) < size && own.step())
          row.push_back(with.positional[0]);
        return Value(std::move(row));
      });
}

Value slice(Rendering& r, const Value& value, const Arguments& arguments) {
  Parameters given(r, "slice", arguments, {"slices", "fill_with"}, 1);
  const std::int64_t slices = given.integer(0, 1);
  if (!given.ok()) return {};
  Arguments state;  // what fills, then all elements
  state.positional.push_back(given.get(1, None{}));
  return Value::make<Generator>(Walk(value), std::move(state),
                                [slices, i = std::int64_t{0}, at = std::ptrdiff_t{0}](
                                    Rendering& own, Walk& walk, Arguments& with) mutable -> std::optional<Value> {
                                  if (with.positional.size() == 1) {
                                    List all;
                                    while (std::optional<Value> element = walk.next(own))
                                      all.push_back(std::move(*element));
                                    with.positional.emplace_back(std::move(all));
                                    if (slices == 0) own.fail("slice cannot make no slices");
                                  }
                                  if (i >= slices || !own.error.empty()) return std::nullopt;
                                  const List& all = *with.positional[1].list();
                                  const auto size = static_cast<std::int64_t>(all.size());
                                  const std::ptrdiff_t end = at + size / slices + (i < size % slices ? 1 : 0);
                                  if (!own.step(1 + static_cast<std::size_t>(end - at))) return std::nullopt;
                                  List part(all.begin() + at, all.begin() + end);
                                  if (!with.positional[0].is_none() && i >= size % slices)
                                    part.push_back(with.positional[0]);
                                  at = end;
                                  ++i;
                                  return Value(std::move(part));
                                });
}

Value sum(Rendering& r, const Value& value, const Arguments& arguments) {
  const Parameters given(r, "sum", arguments, {"attribute", "start"});
  Value total = given.get(1, 0);
  if (given.ok() && total.string() != nullptr) return r.fail("texts are not summed: join them");
  Walk walk(value);
  while (const std::optional<Value> element = walk.next(r))
    total = arithmetic(r, "+", total, given.has(0) ? attribute_path(r, *element, *given[0]) : *element);
  return total;
}

Value attr(Rendering& r, const Value& value, const Arguments& arguments) {
  Parameters given(r, "attr", arguments, {"name"}, 1);
  const std::string name = given.text(0);
  if (!given.ok()) return {};
  if (value.is_undefined()) return r.fail(value.why_undefined());
  return own_attribute_of(r, value, name).value_or(Value::undefined("there is no attribute '" + name + "'"));
}

constexpr NamedFilter kFilters[] = {
    {"default", otherwise},
    {"d", otherwise},
    {"length", length},
    {"count", length},
    {"list", list},
    {"first", first},
    {"last", last},
    {"reverse", reverse},
    {"items", items},
    {"map", map},
    {"select", selected<false, true>},
    {"reject", selected<false, false>},
    {"selectattr", selected<true, true>},
    {"rejectattr", selected<true, false>},
    {"batch", batch},
    {"slice", slice},
    {"sum", sum},
    {"attr", attr},
};

}  // namespace

std::span<const NamedFilter> sequence_filters() { return kFilters; }

}  // namespace mnema::jinja
