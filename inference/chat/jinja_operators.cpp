#include "inference/chat/jinja_operators.hpp"

#include <algorithm>

#include "inference/chat/jinja_format.hpp"
#include "inference/chat/jinja_iteration.hpp"
#include "inference/chat/jinja_methods.hpp"
#include "inference/chat/jinja_numbers.hpp"
#include "inference/chat/jinja_printing.hpp"
#include "inference/chat/jinja_text.hpp"

namespace mnema::jinja {
namespace {

constexpr int kComparedDepthMax = 200;

bool equal_at(Rendering& r, const Value& a, const Value& b, int depth) {
  if (depth > kComparedDepthMax) r.fail("values are nested too deeply to be compared");
  if (!r.step()) return false;
  if (a.is_numeric() && b.is_numeric()) return compare_numbers(a, b) == Order::kEqual;
  if (a.string() != nullptr && b.string() != nullptr) {
    return a.string() == b.string() ||
           (a.string()->size() == b.string()->size() && r.reads(*a.string()) && *a.string() == *b.string());
  }
  if (a.sequence() != nullptr && b.sequence() != nullptr) {
    if (a.sequence()->kind != b.sequence()->kind || a.list()->size() != b.list()->size()) return false;
    return a.list() == b.list() ||
           std::equal(a.list()->begin(), a.list()->end(), b.list()->begin(),
                      [&](const Value& x, const Value& y) { return x.same_as(y) || equal_at(r, x, y, depth + 1); });
  }
  if (a.dict() != nullptr && b.dict() != nullptr) {
    if (a.dict() == b.dict()) return true;
    if (a.dict()->members.size() != b.dict()->members.size()) return false;
    return std::all_of(a.dict()->members.begin(), a.dict()->members.end(), [&](const auto& member) {
      if (!r.step(b.dict()->members.size() / 16)) return false;
      const Value* match = b.dict()->find(member.first);
      return match != nullptr && equal_at(r, member.second, *match, depth + 1);
    });
  }
  return (a.is_undefined() && b.is_undefined()) || a.same_as(b);
}

bool less_at(Rendering& r, const Value& a, const Value& b, int depth) {
  if (depth > kComparedDepthMax) r.fail("values are nested too deeply to be compared");
  if (!r.step()) return false;
  if (a.is_numeric() && b.is_numeric()) return compare_numbers(a, b) == Order::kLess;
  if (a.string() != nullptr && b.string() != nullptr)
    return a.string() != b.string() && r.reads(*a.string()) && *a.string() < *b.string();
  const Sequence *x = a.sequence(), *y = b.sequence();
  if (x != nullptr && y != nullptr && x->kind == y->kind &&
      (x->kind == SequenceKind::kList || x->kind == SequenceKind::kTuple)) {
    for (std::size_t i = 0; i < x->elements.size() && i < y->elements.size(); ++i) {
      if (!equal_at(r, x->elements[i], y->elements[i], depth + 1))
        return less_at(r, x->elements[i], y->elements[i], depth + 1);
    }
    return x->elements.size() < y->elements.size();
  }
  if (a.is_undefined() || b.is_undefined())
    r.fail(a.is_undefined() ? a.why_undefined() : b.why_undefined());
  else
    r.fail("there is no order between " + std::string(a.type_name()) + " and " + std::string(b.type_name()));
  return false;
}

/// `a + b` where at least one went through |safe: the other is escaped.
Value joined_markup(Rendering& r, const Value& a, const Value& b) {
  std::string out = a.is_markup() ? *a.string() : html_escaped(*a.string());
  r.add(out, b.is_markup() ? *b.string() : html_escaped(*b.string()));
  return Value::markup(std::move(out));
}

/// What counts as a text in a sum: texts, and arguments of tool calls beside a text.
const std::string* text_in_sum(const Value& value) {
  return value.string() != nullptr ? value.string() : value.dict() != nullptr ? value.dict()->json_text.get() : nullptr;
}

Value repeated(Rendering& r, const Value& what, std::int64_t times) {
  if (const std::string* text = what.string()) {
    std::string out;
    for (std::int64_t i = 0; i < times && r.step() && r.add(out, *text) && !text->empty(); ++i) {
    }
    return r.made(std::move(out), what.is_markup());
  }
  Sequence out;
  out.kind = what.sequence()->kind;
  for (std::int64_t i = 0; i < times && !what.list()->empty() && r.step(what.list()->size()); ++i)
    out.elements.insert(out.elements.end(), what.list()->begin(), what.list()->end());
  return out;
}

bool is_repeatable(const Value& value) {
  const Sequence* sequence = value.sequence();
  return value.string() != nullptr ||
         (sequence != nullptr && (sequence->kind == SequenceKind::kList || sequence->kind == SequenceKind::kTuple));
}

struct SliceBounds {
  std::int64_t begin, end, step;
};

/// Python's slice.indices(size).
std::optional<SliceBounds> bounds_of(Rendering& r, std::size_t elements, const Value& from, const Value& to,
                                     const Value& by) {
  for (const Value* part : {&from, &to, &by}) {
    if (!part->is_none() && !part->index()) {
      r.fail(part->is_undefined() ? part->why_undefined() : "slice indices must be integers or none");
      return std::nullopt;
    }
  }
  const std::int64_t step = by.index().value_or(1), size = static_cast<std::int64_t>(elements);
  if (step == 0) {
    r.fail("slice step cannot be zero");
    return std::nullopt;
  }
  const auto bound = [&](const Value& given, std::int64_t otherwise) {
    if (given.is_none()) return otherwise;
    const std::int64_t at = *given.index() < 0 ? *given.index() + size : *given.index();
    return std::max<std::int64_t>(step > 0 ? 0 : -1, std::min(at, step > 0 ? size : size - 1));
  };
  return SliceBounds{bound(from, step > 0 ? 0 : size - 1), bound(to, step > 0 ? size : -1), step};
}

/// Calls `take(index)` for each index of the slice.
template <class Take>
void each_index(const SliceBounds& slice, const Take& take) {
  for (std::int64_t i = slice.begin; slice.step > 0 ? i < slice.end : i > slice.end;) {
    take(static_cast<std::size_t>(i));
    if (__builtin_add_overflow(i, slice.step, &i)) break;
  }
}

Value sliced_text(Rendering& r, const Value& value, const SliceBounds& slice) {
  const std::string& text = *value.string();
  if (slice.step == 1)  // by far the most common: no list
    return r.made(std::string(characters_between(text, slice.begin, slice.end)), value.is_markup());
  const List all = elements_of(r, value);
  std::string out;
  if (all.size() == 0 || r.stopped()) return r.made("", value.is_markup());
  each_index(slice, [&](std::size_t i) { out += *all[i].string(); });
  return r.made(std::move(out), value.is_markup());
}

/// `value[index]` where it is a position; nothing if it is none there.
std::optional<Value> element_at(Rendering& r, const Value& value, const Value& index) {
  if (const Dict* dict = value.dict()) {
    if (!is_hashable(index) || !r.step(dict->members.size() / 16)) return std::nullopt;
    const Value* found = dict->find(index);
    return found == nullptr ? std::nullopt : std::optional<Value>(*found);
  }
  if (!index.index()) return std::nullopt;
  const auto place = [&](std::size_t size) {
    return *index.index() < 0 ? *index.index() + static_cast<std::int64_t>(size) : *index.index();
  };
  if (const Sequence* sequence = value.sequence()) {
    const bool has_positions = sequence->kind == SequenceKind::kList || sequence->kind == SequenceKind::kTuple ||
                               sequence->kind == SequenceKind::kRange;
    const std::int64_t i = place(sequence->elements.size());
    if (!has_positions || i < 0 || i >= static_cast<std::int64_t>(sequence->elements.size())) return std::nullopt;
    return sequence->elements[static_cast<std::size_t>(i)];
  }
  if (const std::string* text = value.string(); text != nullptr && r.reads(*text)) {
    const std::int64_t i = place(characters_in(*text));
    const std::string_view character = characters_between(*text, i, i < INT64_MAX ? i + 1 : i);
    if (character.empty()) return std::nullopt;
    return value.is_markup() ? Value::markup(std::string(character)) : Value(character);
  }
  return std::nullopt;
}

Value missing(const Value& value, const std::string& name) {
  return Value::undefined("a value of type " + std::string(value.type_name()) + " has no attribute '" + name + "'");
}

}  // namespace

bool equal(Rendering& rendering, const Value& a, const Value& b) { return equal_at(rendering, a, b, 0); }
bool less(Rendering& rendering, const Value& a, const Value& b) { return less_at(rendering, a, b, 0); }

bool contains(Rendering& r, const Value& haystack, const Value& needle) {
  if (const Dict* dict = haystack.dict()) {
    if (!is_hashable(needle)) r.fail("a " + std::string(needle.type_name()) + " cannot be a key");
    return r.step(dict->members.size() / 16) && dict->find(needle) != nullptr;
  }
  if (const std::string* text = haystack.string()) {
    if (needle.string() == nullptr) {
      r.fail("only a text can be in a text, not a value of type " + std::string(needle.type_name()));
      return false;
    }
    return r.reads(*text, *needle.string()) && text->find(*needle.string()) != std::string::npos;
  }
  Walk walk(haystack);
  while (const std::optional<Value> element = walk.next(r)) {
    if (element->same_as(needle) || equal(r, *element, needle)) return r.error.empty();
  }
  return false;
}

std::optional<Value> own_attribute_of(Rendering& r, const Value& value, const std::string& name) {
  if (Object* object = value.object()) return object->attribute(r, name);
  if (const Sequence* sequence = value.sequence(); sequence != nullptr && sequence->is_group) {
    if (name == "grouper") return sequence->elements[0];
    if (name == "list") return sequence->elements[1];
  }
  return method_of(value, name);
}

Value attribute_of(Rendering& r, const Value& value, const std::string& name) {
  if (value.is_undefined()) return r.fail(value.why_undefined());
  if (std::optional<Value> found = own_attribute_of(r, value, name)) return *found;
  if (std::optional<Value> found = element_at(r, value, name)) return *found;
  return missing(value, name);
}

Value item_of(Rendering& r, const Value& value, const Value& index) {
  if (value.is_undefined()) return r.fail(value.why_undefined());
  if (std::optional<Value> found = element_at(r, value, index)) return *found;
  if (index.string() != nullptr) {
    if (std::optional<Value> found = own_attribute_of(r, value, *index.string())) return *found;
    return missing(value, *index.string());
  }
  return Value::undefined("a value of type " + std::string(value.type_name()) + " has no element " +
                          representation(r, index));
}

Value arithmetic(Rendering& r, std::string_view op, const Value& a, const Value& b) {
  if (op == "~") {
    std::string out;
    if (r.add(out, r.text_of(a))) r.add(out, r.text_of(b));
    return out;
  }
  if (op == "%" && a.string() != nullptr) return percent_formatted(r, a, b);
  if (a.is_undefined() || b.is_undefined()) return r.fail(a.is_undefined() ? a.why_undefined() : b.why_undefined());
  if (a.is_numeric() && b.is_numeric()) return calculate(r, op, a, b);
  if (op == "+") {
    const std::string *left = text_in_sum(a), *right = text_in_sum(b);
    if (a.string() != nullptr && b.string() != nullptr && (a.is_markup() || b.is_markup()))
      return joined_markup(r, a, b);
    if (left != nullptr && right != nullptr) {
      std::string out;
      if (r.add(out, *left)) r.add(out, *right);
      return out;
    }
    if (is_repeatable(a) && is_repeatable(b) && a.sequence() != nullptr && b.sequence() != nullptr &&
        a.sequence()->kind == b.sequence()->kind) {
      if (!r.step(a.list()->size() + b.list()->size())) return {};
      Sequence sum;
      sum.kind = a.sequence()->kind;
      sum.elements = *a.list();
      sum.elements.insert(sum.elements.end(), b.list()->begin(), b.list()->end());
      return sum;
    }
  }
  if (op == "*") {
    if (is_repeatable(a) && b.index()) return repeated(r, a, *b.index());
    if (is_repeatable(b) && a.index()) return repeated(r, b, *a.index());
  }
  return r.fail("'" + std::string(op) + "' does not work between " + std::string(a.type_name()) + " and " +
                std::string(b.type_name()));
}

Value signed_value(Rendering& r, bool negative, const Value& value) {
  if (value.is_undefined()) return r.fail(value.why_undefined());
  if (!value.is_numeric()) return r.fail("a value of type " + std::string(value.type_name()) + " has no sign");
  if (negative) return negated(r, value);
  return value.boolean() != nullptr ? Value(*value.index()) : value;
}

bool compared(Rendering& r, std::string_view op, const Value& a, const Value& b) {
  if (op == "==") return equal(r, a, b);
  if (op == "!=") return !equal(r, a, b);
  if (op == "in") return contains(r, b, a);
  if (op == "not in") return !contains(r, b, a);
  if (a.real() != nullptr || b.real() != nullptr) {  // nan is neither less nor equal
    if (a.is_numeric() && b.is_numeric() && compare_numbers(a, b) == Order::kNone) return false;
  }
  if (op == "<") return less(r, a, b);
  if (op == ">") return less(r, b, a);
  return op == "<=" ? !less(r, b, a) : !less(r, a, b);
}

Value sliced(Rendering& r, const Value& value, const Value& from, const Value& to, const Value& by) {
  if (value.is_undefined()) return r.fail(value.why_undefined());
  if (value.string() != nullptr) {
    if (!r.reads(*value.string())) return {};
    const std::optional<SliceBounds> slice = bounds_of(r, characters_in(*value.string()), from, to, by);
    return slice ? sliced_text(r, value, *slice) : Value();
  }
  const Sequence* sequence = value.sequence();
  if (sequence == nullptr || (!is_repeatable(value) && sequence->kind != SequenceKind::kRange))
    return r.fail("a value of type " + std::string(value.type_name()) + " has no slices");
  const std::optional<SliceBounds> slice = bounds_of(r, sequence->elements.size(), from, to, by);
  if (!slice) return {};
  Sequence out;
  out.kind = sequence->kind;
  if (sequence->kind == SequenceKind::kRange) {
    out.start = sequence->start + slice->begin * sequence->step;
    out.stop = sequence->start + slice->end * sequence->step;
    if (__builtin_mul_overflow(sequence->step, slice->step, &out.step)) out.step = slice->step;
  }
  each_index(*slice, [&](std::size_t i) { out.elements.push_back(sequence->elements[i]); });
  if (!r.step(out.elements.size())) return {};
  return out;
}

Value call(Rendering& r, const Value& callee, const Arguments& arguments) {
  if (r.stopped() || !r.step()) return {};
  if (callee.is_undefined()) return r.fail(callee.why_undefined());
  if (callee.object() == nullptr || !callee.object()->callable())
    return r.fail("a value of type " + std::string(callee.type_name()) + " cannot be called");
  return callee.object()->call(r, arguments);
}

}  // namespace mnema::jinja
