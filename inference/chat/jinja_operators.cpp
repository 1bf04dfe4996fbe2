#include "inference/chat/jinja_operators.hpp"

#include <algorithm>
#include <cmath>

#include "runtime/base/utf8.hpp"

namespace mnema::jinja {
namespace {

/// As `equal`; the budget of one comparison ends at this depth, deeper things are never equal.
bool equal_at(Rendering& rendering, const Value& a, const Value& b, int depth) {
  constexpr int kDepthMax = 200;
  if (depth > kDepthMax || !rendering.step()) return false;
  const auto numeric = [](const Value& value) { return value.is_number() || value.boolean() != nullptr; };
  if (numeric(a) && numeric(b)) return a.number() == b.number();
  if (a.type_name() != b.type_name()) return false;
  if (a.string() != nullptr) {
    return a.string() == b.string() ||
           (a.string()->size() == b.string()->size() && rendering.reads(*a.string()) && *a.string() == *b.string());
  }
  if (a.list() != nullptr) {
    if (a.list() == b.list()) return true;
    return a.list()->size() == b.list()->size() &&
           std::equal(a.list()->begin(), a.list()->end(), b.list()->begin(),
                      [&](const Value& x, const Value& y) { return equal_at(rendering, x, y, depth + 1); });
  }
  if (a.dict() != nullptr) {
    if (a.dict() == b.dict()) return true;
    if (a.dict()->members.size() != b.dict()->members.size()) return false;
    return std::all_of(a.dict()->members.begin(), a.dict()->members.end(), [&](const auto& member) {
      if (!rendering.step(b.dict()->members.size() / 16)) return false;
      const Value* match = b.dict()->find(member.first);
      return match != nullptr && equal_at(rendering, member.second, *match, depth + 1);
    });
  }
  return a.function() == b.function();
}

}  // namespace

bool equal(Rendering& rendering, const Value& a, const Value& b) { return equal_at(rendering, a, b, 0); }

bool less(Rendering& rendering, const Value& a, const Value& b) {
  if (!rendering.step()) return false;
  if (a.string() != nullptr && b.string() != nullptr) {
    return a.string() != b.string() && rendering.reads(*a.string()) && *a.string() < *b.string();
  }
  return a.number() < b.number();
}

bool may_hold(Rendering& rendering, const Value& container, const Value& value) {
  std::vector<const Value*> open{&value};
  while (!open.empty() && rendering.step()) {
    const Value& at = *open.back();
    open.pop_back();
    if ((at.list() != nullptr && at.list() == container.list()) ||
        (at.dict() != nullptr && at.dict() == container.dict())) {
      rendering.fail("a " + std::string(container.type_name()) + " cannot hold itself");
    } else if (at.list() != nullptr) {
      if (rendering.step(at.list()->size())) {
        for (const Value& element : *at.list()) open.push_back(&element);
      }
    } else if (at.dict() != nullptr) {
      for (const auto& member : at.dict()->members) open.push_back(&member.second);
    }
  }
  return !rendering.stopped();
}

std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string_view characters_between(std::string_view text, std::int64_t begin, std::int64_t end) {
  std::size_t first = text.size(), at = 0;
  for (std::int64_t i = 0; at < text.size() && i < end; ++i) {
    if (i == begin) first = at;
    at += utf8_length(static_cast<unsigned char>(text[at]));
  }
  at = std::min(at, text.size());
  return first < at ? text.substr(first, at - first) : std::string_view();
}

List elements_of(Rendering& rendering, const Value& value) {
  if (const List* list = value.list()) return rendering.step(list->size()) ? *list : List{};
  List out;
  if (value.dict() != nullptr) {
    for (const auto& member : value.dict()->members) {
      if (!rendering.step()) break;
      out.push_back(rendering.made(member.first));
    }
  } else if (const std::string* text = value.string()) {
    for (std::size_t at = 0; at < text->size() && rendering.step();) {
      const std::size_t length = utf8_length(static_cast<unsigned char>((*text)[at]));
      out.emplace_back(text->substr(at, length));
      at += length;
    }
  } else if (!value.is_undefined()) {
    rendering.fail("a " + std::string(value.type_name()) + " cannot be walked over");
  }
  return out;
}

bool contains(Rendering& rendering, const Value& haystack, const Value& needle) {
  if (const List* list = haystack.list())
    return std::any_of(list->begin(), list->end(), [&](const Value& each) { return equal(rendering, each, needle); });
  if (const Dict* dict = haystack.dict())
    return rendering.step(dict->members.size() / 16) && dict->find(rendering.text_of(needle)) != nullptr;
  if (const std::string* text = haystack.string()) {
    const std::string looked_for = rendering.text_of(needle);
    return rendering.reads(*text, looked_for) && text->find(looked_for) != std::string::npos;
  }
  if (!haystack.is_undefined()) rendering.fail("nothing can be in a " + std::string(haystack.type_name()));
  return false;
}

Value member_of(Rendering& rendering, const Value& value, const Value& index) {
  if (value.is_undefined()) return rendering.fail("'" + rendering.text_of(index) + "' is asked of something undefined");
  if (const Dict* dict = value.dict()) {
    const Value* found = rendering.step(dict->members.size() / 16) ? dict->find(rendering.text_of(index)) : nullptr;
    return found == nullptr ? Value() : *found;
  }
  const std::int64_t* at = index.integer();
  if (at == nullptr) return {};
  const auto place = [&](std::size_t size) { return *at < 0 ? *at + static_cast<std::int64_t>(size) : *at; };
  if (const List* list = value.list()) {
    const std::int64_t i = place(list->size());
    return i >= 0 && i < static_cast<std::int64_t>(list->size()) ? (*list)[static_cast<std::size_t>(i)] : Value();
  }
  if (const std::string* text = value.string(); text != nullptr && rendering.reads(*text)) {
    const std::int64_t i = place(characters_in(*text));
    const std::string_view character = characters_between(*text, i, i < INT64_MAX ? i + 1 : i);
    return character.empty() ? Value() : Value(character);
  }
  return {};
}

Value arithmetic(Rendering& r, std::string_view op, const Value& a, const Value& b) {
  if (op == "~" || (op == "+" && a.string() != nullptr && b.string() != nullptr)) {
    std::string out;
    if (r.add(out, r.text_of(a))) r.add(out, r.text_of(b));
    return out;
  }
  if (op == "+" && a.list() != nullptr && b.list() != nullptr) {
    if (!r.step(a.list()->size() + b.list()->size())) return {};
    List sum = *a.list();
    sum.insert(sum.end(), b.list()->begin(), b.list()->end());
    return sum;
  }
  if (op == "*" && a.string() != nullptr && b.integer() != nullptr) {
    std::string out;
    for (std::int64_t i = 0; i < *b.integer() && r.step() && r.add(out, *a.string()); ++i) {
    }
    return out;
  }
  const bool a_numeric = a.is_number() || a.boolean() != nullptr, b_numeric = b.is_number() || b.boolean() != nullptr;
  if (!a_numeric || !b_numeric) {
    return r.fail("'" + std::string(op) + "' does not work between " + std::string(a.type_name()) + " and " +
                  std::string(b.type_name()));
  }
  const double x = a.number(), y = b.number();
  if ((op == "/" || op == "//" || op == "%") && y == 0) return r.fail("division by zero");
  if (op == "/") return x / y;
  double result = 0;
  if (op == "+")
    result = x + y;
  else if (op == "-")
    result = x - y;
  else if (op == "*")
    result = x * y;
  else if (op == "//")
    result = std::floor(x / y);
  else if (op == "%")
    result = x - std::floor(x / y) * y;
  else
    result = std::pow(x, y);
  if (a.real() != nullptr || b.real() != nullptr || !(std::fabs(result) <= 9e15)) return result;
  return static_cast<std::int64_t>(result);
}

bool compared(Rendering& r, std::string_view op, const Value& a, const Value& b) {
  if (op == "==") return equal(r, a, b);
  if (op == "!=") return !equal(r, a, b);
  if (op == "in") return contains(r, b, a);
  if (op == "not in") return !contains(r, b, a);
  if (op == "<") return less(r, a, b);
  if (op == ">") return less(r, b, a);
  return op == "<=" ? !less(r, b, a) : !less(r, a, b);
}

Value sliced(Rendering& r, const Value& value, const Value& from, const Value& to, const Value& by) {
  const std::int64_t step = by.integer() != nullptr ? *by.integer() : 1;
  if (step == 0) return r.fail("a slice cannot go by steps of zero");
  const auto bound = [&](const Value& given, std::size_t elements, bool is_begin) {
    const auto size = static_cast<std::int64_t>(elements);
    if (given.integer() == nullptr) return is_begin ? (step > 0 ? 0 : size - 1) : (step > 0 ? size : -1);
    const std::int64_t at = *given.integer() < 0 ? *given.integer() + size : *given.integer();
    return std::max<std::int64_t>(step > 0 ? 0 : -1, std::min(at, step > 0 ? size : size - 1));
  };
  if (const std::string* text = value.string(); text != nullptr && step == 1) {  // by far the most common: no list
    if (!r.reads(*text)) return {};
    const std::size_t size = characters_in(*text);
    return r.made(std::string(characters_between(*text, bound(from, size, true), bound(to, size, false))));
  }
  const List all = elements_of(r, value);
  List out;
  const std::int64_t end = bound(to, all.size(), false);
  for (std::int64_t i = bound(from, all.size(), true); step > 0 ? i < end : i > end;) {
    out.push_back(all[static_cast<std::size_t>(i)]);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  if (value.string() == nullptr) return out;
  std::string text;
  for (const Value& character : out) text += *character.string();
  return text;
}

}  // namespace mnema::jinja
