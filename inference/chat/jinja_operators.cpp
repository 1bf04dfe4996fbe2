#include "inference/chat/jinja_operators.hpp"

#include <algorithm>
#include <cmath>

#include "inference/chat/jinja_printing.hpp"
#include "runtime/utf8.hpp"

namespace mnema::jinja {
namespace {

Value repeated(Rendering& r, const Text& text, std::int64_t times) {
  Text out;
  for (std::int64_t i = 0; i < times && !text.empty() && r.step(); ++i) {
    out.append(text);
    if (out.size() > r.bounds.value_bytes) return r.exhausted("the template makes too large a text");
  }
  return out;
}

bool is_numeric(const Value& value) { return value.is_number() || value.boolean() != nullptr; }

/// Of integers, while they stay within 64 bits; false where they do not.
bool integer_arithmetic(std::string_view op, std::int64_t a, std::int64_t b, std::int64_t& result) {
  if (op == "+") return !__builtin_add_overflow(a, b, &result);
  if (op == "-") return !__builtin_sub_overflow(a, b, &result);
  if (op == "*") return !__builtin_mul_overflow(a, b, &result);
  if (op != "//" && op != "%") return false;
  if (b == -1) return op == "%" ? (result = 0, true) : !__builtin_sub_overflow(std::int64_t{0}, a, &result);
  std::int64_t quotient = a / b, rest = a % b;  // towards zero; Python goes down
  if (rest != 0 && (rest < 0) != (b < 0)) --quotient, rest += b;
  result = op == "//" ? quotient : rest;
  return true;
}

/// Where each character of `text` begins, and its end.
std::vector<std::size_t> character_borders(std::string_view text) {
  std::vector<std::size_t> borders;
  for (std::size_t at = 0; at < text.size(); at += utf8_length(static_cast<unsigned char>(text[at])))
    borders.push_back(at);
  borders.push_back(text.size());
  return borders;
}

}  // namespace

Value arithmetic(Rendering& r, std::string_view op, const Value& a, const Value& b) {
  if (op == "~" || (op == "+" && a.text() != nullptr && b.text() != nullptr)) {
    Text sum = printed(r, a);
    sum.append(printed(r, b));
    return sum;
  }
  if (op == "+" && a.list() != nullptr && b.list() != nullptr) {
    List sum = *a.list();
    sum.insert(sum.end(), b.list()->begin(), b.list()->end());
    return sum;
  }
  if (op == "*" && a.text() != nullptr && b.integer() != nullptr) return repeated(r, *a.text(), *b.integer());
  if (!is_numeric(a) || !is_numeric(b)) {
    return r.fail("'" + std::string(op) + "' does not work between " + std::string(a.type_name()) + " and " +
                  std::string(b.type_name()));
  }
  const double x = a.number(), y = b.number();
  if ((op == "/" || op == "//" || op == "%") && y == 0) return r.fail("division by zero");
  if (op == "/") return x / y;
  if (a.real() == nullptr && b.real() == nullptr) {
    const auto whole = [](const Value& value) {
      return value.integer() != nullptr ? *value.integer() : static_cast<std::int64_t>(value.truth());
    };
    std::int64_t result = 0;
    if (integer_arithmetic(op, whole(a), whole(b), result)) return result;
  }
  if (op == "+") return x + y;
  if (op == "-") return x - y;
  if (op == "*") return x * y;
  if (op == "//") return std::floor(x / y);
  if (op == "%") return x - std::floor(x / y) * y;
  const double power = std::pow(x, y);
  const bool exact = a.real() == nullptr && b.real() == nullptr && y >= 0 && std::fabs(power) < 9e15;
  return exact ? Value(static_cast<std::int64_t>(power)) : Value(power);
}

bool compared(Rendering& r, std::string_view op, const Value& a, const Value& b) {
  if (!r.work(std::min(a.weight(), b.weight()))) return false;
  if (op == "==") return a == b;
  if (op == "!=") return !(a == b);
  if (op == "in") return contains(r, b, a);
  if (op == "not in") return !contains(r, b, a);
  const bool ordered = (is_numeric(a) && is_numeric(b)) || (a.text() != nullptr && b.text() != nullptr);
  if (!ordered) {
    r.fail("'" + std::string(op) + "' does not work between " + std::string(a.type_name()) + " and " +
           std::string(b.type_name()));
    return false;
  }
  if (op == "<") return a < b;
  if (op == ">") return b < a;
  return op == "<=" ? !(b < a) : !(a < b);
}

bool contains(Rendering& r, const Value& haystack, const Value& needle) {
  if (haystack.list() != nullptr) {
    if (!r.work(haystack.weight())) return false;
    return std::find(haystack.list()->begin(), haystack.list()->end(), needle) != haystack.list()->end();
  }
  if (!r.work(haystack.own_weight())) return false;
  if (const Dict* dict = haystack.dict()) return needle.text() != nullptr && dict->find(needle.text()->bytes());
  if (const Namespace* space = haystack.name_space())
    return needle.text() != nullptr && space->members.find(needle.text()->bytes());
  if (haystack.text() != nullptr && needle.text() != nullptr)
    return haystack.text()->bytes().find(needle.text()->bytes()) != std::string::npos;
  if (haystack.text() != nullptr)
    r.fail("a " + std::string(needle.type_name()) + " cannot be in a string");
  else if (!haystack.is_undefined())
    r.fail("nothing can be in a " + std::string(haystack.type_name()));
  return false;
}

Value member_of(Rendering& r, const Value& value, const Value& index) {
  if (value.is_undefined()) return r.fail("'" + printed(r, index).bytes() + "' is asked of something undefined");
  const Dict* dict = value.name_space() != nullptr ? &value.name_space()->members : value.dict();
  if (dict != nullptr) {
    if (index.text() == nullptr || !r.work(dict->members.size())) return {};
    const Value* found = dict->find(index.text()->bytes());
    return found == nullptr ? Value() : *found;
  }
  if (index.integer() == nullptr) return {};
  const auto position = [&](std::size_t size) {  // `size` where there is none
    const auto count = static_cast<std::int64_t>(size);
    const std::int64_t at = *index.integer() < 0 ? *index.integer() + count : *index.integer();
    return at >= 0 && at < count ? static_cast<std::size_t>(at) : size;
  };
  if (const List* list = value.list()) {
    const std::size_t at = position(list->size());
    return at < list->size() ? (*list)[at] : Value();
  }
  const Text* text = value.text();
  if (text == nullptr || !r.work(8 * text->size())) return {};
  const std::vector<std::size_t> borders = character_borders(text->bytes());
  const std::size_t at = position(borders.size() - 1);
  return at + 1 < borders.size() ? Value(text->part(borders[at], borders[at + 1] - borders[at])) : Value();
}

Value sliced(Rendering& r, const Value& value, const Value& from, const Value& to, const Value& by) {
  const Text* text = value.text();
  if (text != nullptr && !r.work(8 * text->size())) return {};
  const std::vector<std::size_t> borders =
      text != nullptr ? character_borders(text->bytes()) : std::vector<std::size_t>{};
  const List all = text != nullptr ? List{} : elements_of(r, value);
  const auto size = static_cast<std::int64_t>(text != nullptr ? borders.size() - 1 : all.size());
  const std::int64_t step = by.integer() != nullptr ? std::clamp(*by.integer(), -size - 1, size + 1) : 1;
  if (step == 0) return r.fail("a slice cannot go by steps of zero");
  const auto bound = [&](const Value& given, std::int64_t otherwise) {
    if (given.integer() == nullptr) return otherwise;
    const std::int64_t at = *given.integer() < 0 ? *given.integer() + size : *given.integer();
    return std::clamp<std::int64_t>(at, step > 0 ? 0 : -1, step > 0 ? size : size - 1);
  };
  const std::int64_t begin = bound(from, step > 0 ? 0 : size - 1), end = bound(to, step > 0 ? size : -1);
  if (text != nullptr && step == 1) {
    if (begin >= end) return Text();
    const std::size_t first = borders[static_cast<std::size_t>(begin)];
    return text->part(first, borders[static_cast<std::size_t>(end)] - first);
  }
  List list;
  Text characters;
  for (std::int64_t i = begin; step > 0 ? i < end : i > end; i += step) {
    const auto at = static_cast<std::size_t>(i);
    if (text != nullptr)
      characters.append(text->part(borders[at], borders[at + 1] - borders[at]));
    else
      list.push_back(all[at]);
  }
  return text != nullptr ? Value(std::move(characters)) : Value(std::move(list));
}

List elements_of(Rendering& r, const Value& value) {
  List out;
  if (const List* list = value.list()) {
    if (r.work(value.own_weight())) out = *list;
  } else if (const Dict* dict = value.dict()) {
    if (!r.work(value.own_weight())) return out;
    for (const auto& member : dict->members) out.emplace_back(dict->name_text(member.first));
  } else if (const Text* text = value.text()) {
    if (!r.work(64 * text->size())) return out;
    for (std::size_t at = 0; at < text->size();) {
      const std::size_t length = utf8_length(static_cast<unsigned char>(text->bytes()[at]));
      out.emplace_back(text->part(at, length));
      at += length;
    }
  } else if (!value.is_undefined()) {
    r.fail("a " + std::string(value.type_name()) + " cannot be walked over");
  }
  return out;
}

}  // namespace mnema::jinja
