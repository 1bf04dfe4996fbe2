#include "inference/chat/jinja_filters.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "inference/chat/jinja_operators.hpp"

namespace mnema::jinja {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\v\f";

std::string_view stripped(std::string_view text, std::string_view characters, bool left, bool right) {
  if (left) {
    const std::size_t first = text.find_first_not_of(characters);
    text = first == std::string_view::npos ? std::string_view() : text.substr(first);
  }
  if (right) text = text.substr(0, text.find_last_not_of(characters) + 1);
  return text;
}

std::string with_case(std::string_view text, bool upper) {
  std::string out(text);
  for (char& c : out) {
    if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    if (!upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

std::string titled(std::string_view text, bool every_word) {
  std::string out = with_case(text, false);
  bool begins = true;
  for (char& c : out) {
    if (begins && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    begins = every_word && !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
  }
  return out;
}

std::string replaced(Rendering& rendering, std::string_view text, std::string_view from, std::string_view to) {
  if (from.empty() || !rendering.reads(text, from)) return std::string(text);
  std::string out;
  for (;;) {
    const std::size_t at = text.find(from);
    if (at == std::string_view::npos) {
      rendering.add(out, text);
      return out;
    }
    if (!rendering.step() || !rendering.add(out, text.substr(0, at)) || !rendering.add(out, to)) return out;
    text.remove_prefix(at + from.size());
  }
}

List split(Rendering& rendering, std::string_view text, const Value* separator, std::int64_t most) {
  List parts;
  const bool by_blanks = separator == nullptr || separator->string() == nullptr;
  const std::string_view by = by_blanks ? std::string_view() : std::string_view(*separator->string());
  const auto enough = [&] { return most >= 0 && static_cast<std::int64_t>(parts.size()) >= most; };
  if (!rendering.reads(text, by)) return parts;
  if (by_blanks) {
    for (;;) {
      text = stripped(text, kBlanks, true, false);
      if (text.empty() || !rendering.step()) return parts;
      if (enough()) break;
      const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
      parts.push_back(rendering.made(std::string(text.substr(0, end))));
      text.remove_prefix(end);
    }
  } else {
    while (!by.empty() && !enough() && rendering.step()) {
      const std::size_t at = text.find(by);
      if (at == std::string_view::npos) break;
      parts.push_back(rendering.made(std::string(text.substr(0, at))));
      text.remove_prefix(at + by.size());
    }
  }
  parts.push_back(rendering.made(std::string(text)));
  return parts;
}

std::string joined(Rendering& rendering, const List& list, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < list.size() && rendering.step(); ++i) {
    if (i > 0) rendering.add(out, separator);
    rendering.add(out, rendering.text_of(list[i]));
  }
  return out;
}

Value argument(const List& arguments, const Dict& named, std::size_t position, std::string_view name,
               Value otherwise = {}) {
  if (position < arguments.size()) return arguments[position];
  if (const Value* found = named.find(name)) return *found;
  return otherwise;
}

/// `a.b.c` of an element, as `map(attribute="a.b")` has it.
Value attribute_of(Rendering& rendering, const Value& value, std::string_view path) {
  Value at = value;
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    at = member_of(rendering, at, Value(path.substr(0, dot)));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return at;
}

/// select, reject, selectattr, rejectattr.
Value selected(Rendering& rendering, const Value& value, const List& arguments, bool by_attribute, bool wanted) {
  List out;
  const std::size_t skip = by_attribute ? 1 : 0;
  if (by_attribute && (arguments.empty() || arguments[0].string() == nullptr))
    return rendering.fail("selectattr needs a name");
  for (const Value& element : elements_of(rendering, value)) {
    if (rendering.stopped()) break;
    const Value subject = by_attribute ? attribute_of(rendering, element, *arguments[0].string()) : element;
    bool holds = subject.truth();
    if (arguments.size() > skip) {
      const List rest(arguments.begin() + static_cast<std::ptrdiff_t>(skip) + 1, arguments.end());
      holds = apply_test(rendering, rendering.text_of(arguments[skip]), subject, rest);
    }
    if (holds == wanted) out.push_back(element);
  }
  return out;
}

Value mapped(Rendering& rendering, const Value& value, const List& arguments, const Dict& named) {
  List out;
  const Value* attribute = named.find("attribute");
  for (const Value& element : elements_of(rendering, value)) {
    if (rendering.stopped()) break;
    if (attribute != nullptr) {
      Value member = attribute_of(rendering, element, rendering.text_of(*attribute));
      const Value* otherwise = named.find("default");
      out.push_back(member.is_undefined() && otherwise != nullptr ? *otherwise : member);
    } else if (!arguments.empty()) {
      const List rest(arguments.begin() + 1, arguments.end());
      out.push_back(apply_filter(rendering, rendering.text_of(arguments[0]), element, rest, {}));
    }
  }
  return out;
}

Value items_of(Rendering& rendering, const Dict& dict) {
  List out;
  for (const auto& [name, value] : dict.members) {
    if (!rendering.step()) break;
    out.emplace_back(List{rendering.made(name), value});
  }
  return out;
}

Value sorted(Rendering& rendering, const Value& value, const List& arguments, const Dict& named) {
  List list = elements_of(rendering, value);
  const Value attribute = argument({}, named, 0, "attribute");
  const bool reverse = argument(arguments, named, 0, "reverse", false).truth();
  std::stable_sort(list.begin(), list.end(), [&](const Value& a, const Value& b) {
    const Value left = attribute.is_undefined() ? a : attribute_of(rendering, a, rendering.text_of(attribute));
    const Value right = attribute.is_undefined() ? b : attribute_of(rendering, b, rendering.text_of(attribute));
    return reverse ? less(rendering, right, left) : less(rendering, left, right);
  });
  return list;
}

std::string indented(Rendering& rendering, std::string_view text, std::int64_t width, bool first) {
  const std::string blanks(static_cast<std::size_t>(std::clamp<std::int64_t>(width, 0, 64)), ' ');
  std::string out = first ? blanks : "";
  while (!text.empty() && rendering.step()) {
    const std::size_t line = std::min(text.find('\n'), text.size() - 1) + 1;
    rendering.add(out, text.substr(0, line));
    text.remove_prefix(line);
    if (out.ends_with('\n') && !text.empty() && text[0] != '\n') rendering.add(out, blanks);
  }
  return out;
}

Value to_integer(const Value& value) {
  if (const std::string* text = value.string()) {
    std::int64_t number = 0;
    std::from_chars(text->data(), text->data() + text->size(), number);
    return number;
  }
  const double number = value.number();
  return std::abs(number) < 9e18 ? static_cast<std::int64_t>(number) : std::int64_t{0};
}

/// A filter, the arguments it takes by position, and those it knows by name.
struct KnownFilter {
  std::string_view name;
  std::size_t arguments;
  std::string_view named[2];
};

constexpr std::size_t kAny = 64;
constexpr KnownFilter kFilters[] = {
    {"trim", 1, {}},
    {"tojson", 0, {"indent", "ensure_ascii"}},
    {"default", 2, {"default_value", "boolean"}},
    {"d", 2, {"default_value", "boolean"}},
    {"length", 0, {}},
    {"count", 0, {}},
    {"join", 1, {"d"}},
    {"upper", 0, {}},
    {"lower", 0, {}},
    {"title", 0, {}},
    {"capitalize", 0, {}},
    {"replace", 2, {"new"}},
    {"string", 0, {}},
    {"int", 0, {}},
    {"float", 0, {}},
    {"abs", 0, {}},
    {"round", 0, {}},
    {"safe", 0, {}},
    {"list", 0, {}},
    {"first", 0, {}},
    {"last", 0, {}},
    {"reverse", 0, {}},
    {"items", 0, {}},
    {"dictsort", 0, {}},
    {"sort", 1, {"reverse", "attribute"}},
    {"unique", 0, {}},
    {"select", kAny, {}},
    {"reject", kAny, {}},
    {"selectattr", kAny, {}},
    {"rejectattr", kAny, {}},
    {"map", kAny, {"attribute", "default"}},
    {"indent", 2, {"width", "first"}},
};
constexpr std::string_view kTests[] = {
    "defined", "undefined", "none",     "string",   "number",   "integer", "float",      "boolean", "true",
    "false",   "mapping",   "sequence", "iterable", "callable", "equalto", "eq",         "==",      "ne",
    "!=",      "lt",        "gt",       "in",       "odd",      "even",    "divisibleby"};
constexpr std::string_view kMethods[] = {"items",  "keys",       "values",  "get",        "append",   "pop",
                                         "strip",  "lstrip",     "rstrip",  "startswith", "endswith", "split",
                                         "rsplit", "splitlines", "replace", "join",       "upper",    "lower",
                                         "title",  "capitalize", "find",    "count",      "isdigit"};

}  // namespace

bool is_filter(std::string_view name, std::size_t arguments, std::string_view named) {
  return std::any_of(std::begin(kFilters), std::end(kFilters), [&](const KnownFilter& known) {
    return known.name == name && arguments <= known.arguments &&
           (named.empty() || named == known.named[0] || named == known.named[1]);
  });
}

bool is_test(std::string_view name) {
  return std::find(std::begin(kTests), std::end(kTests), name) != std::end(kTests);
}

bool is_method(std::string_view name) {
  return std::find(std::begin(kMethods), std::end(kMethods), name) != std::end(kMethods);
}

Value apply_filter(Rendering& rendering, std::string_view name, const Value& value, const List& arguments,
                   const Dict& named) {
  if (!rendering.step() || (value.string() != nullptr && !rendering.reads(*value.string()))) return {};
  const auto first = [&] { return argument(arguments, named, 0, ""); };
  if (name == "trim") {
    const Value characters = first();
    const std::string_view from = characters.string() != nullptr ? *characters.string() : kBlanks;
    const std::string text = rendering.text_of(value);
    return rendering.reads(text, from) ? rendering.made(std::string(stripped(text, from, true, true))) : Value();
  }
  if (name == "tojson") {
    const Value indent = argument(arguments, named, 0, "indent");
    if (argument({}, named, 0, "ensure_ascii", false).truth()) return rendering.fail("tojson writes UTF-8 only");
    return rendering.made(value.json(
        indent.integer() != nullptr ? static_cast<int>(std::clamp<std::int64_t>(*indent.integer(), 0, 16)) : -1));
  }
  if (name == "default" || name == "d") {
    const bool falsy_too = argument(arguments, named, 1, "boolean", false).truth();
    return value.is_undefined() || (falsy_too && !value.truth()) ? argument(arguments, named, 0, "default_value", "")
                                                                 : value;
  }
  if (name == "length" || name == "count") {
    if (value.string() != nullptr) return characters_in(*value.string());
    if (value.dict() != nullptr) return value.dict()->members.size();
    return value.list() != nullptr ? value.list()->size() : elements_of(rendering, value).size();
  }
  if (name == "join")
    return joined(rendering, elements_of(rendering, value), rendering.text_of(argument(arguments, named, 0, "d", "")));
  if (name == "upper") return rendering.made(with_case(rendering.text_of(value), true));
  if (name == "lower") return rendering.made(with_case(rendering.text_of(value), false));
  if (name == "title") return rendering.made(titled(rendering.text_of(value), true));
  if (name == "capitalize") return rendering.made(titled(rendering.text_of(value), false));
  if (name == "replace")
    return replaced(rendering, rendering.text_of(value), rendering.text_of(first()),
                    rendering.text_of(argument(arguments, named, 1, "new")));
  if (name == "string") return rendering.made(rendering.text_of(value));
  if (name == "int") return to_integer(value);
  if (name == "float")
    return value.string() != nullptr ? std::strtod(value.string()->c_str(), nullptr) : value.number();
  if (name == "abs") {
    const std::int64_t* whole = value.integer();
    return whole == nullptr || *whole == INT64_MIN ? Value(std::fabs(value.number())) : Value(std::abs(*whole));
  }
  if (name == "round") return std::round(value.number());
  if (name == "safe") return value;
  if (name == "list") return elements_of(rendering, value);
  if (name == "first" || name == "last") {
    const List list = elements_of(rendering, value);
    return list.empty() ? Value() : name == "first" ? list.front() : list.back();
  }
  if (name == "reverse") {
    List list = elements_of(rendering, value);
    std::reverse(list.begin(), list.end());
    return value.string() != nullptr ? Value(joined(rendering, list, "")) : Value(std::move(list));
  }
  if (name == "items") return value.dict() != nullptr ? items_of(rendering, *value.dict()) : Value(List{});
  if (name == "dictsort") {
    Dict copy = value.dict() != nullptr ? *value.dict() : Dict{};
    std::sort(copy.members.begin(), copy.members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    return items_of(rendering, copy);
  }
  if (name == "sort") return sorted(rendering, value, arguments, named);
  if (name == "unique") {
    List out;
    for (const Value& element : elements_of(rendering, value)) {
      if (rendering.stopped()) break;
      const auto is_element = [&](const Value& known) { return equal(rendering, known, element); };
      if (std::none_of(out.begin(), out.end(), is_element)) out.push_back(element);
    }
    return out;
  }
  if (name == "select" || name == "reject") return selected(rendering, value, arguments, false, name == "select");
  if (name == "selectattr" || name == "rejectattr")
    return selected(rendering, value, arguments, true, name == "selectattr");
  if (name == "map") return mapped(rendering, value, arguments, named);
  if (name == "indent") {
    const Value width = argument(arguments, named, 0, "width", 4);
    return indented(rendering, rendering.text_of(value), width.integer() != nullptr ? *width.integer() : 4,
                    argument(arguments, named, 1, "first", false).truth());
  }
  return rendering.fail("unknown filter '" + std::string(name) + "'");
}

bool apply_test(Rendering& rendering, std::string_view name, const Value& value, const List& arguments) {
  const auto first = [&] { return arguments.empty() ? Value() : arguments[0]; };
  if (name == "defined") return !value.is_undefined();
  if (name == "undefined") return value.is_undefined();
  if (name == "none") return value.is_none();
  if (name == "string") return value.string() != nullptr;
  if (name == "number") return value.is_number();
  if (name == "integer") return value.integer() != nullptr;
  if (name == "float") return value.real() != nullptr;
  if (name == "boolean") return value.boolean() != nullptr;
  if (name == "true") return value.boolean() != nullptr && *value.boolean();
  if (name == "false") return value.boolean() != nullptr && !*value.boolean();
  if (name == "mapping") return value.dict() != nullptr;
  if (name == "sequence" || name == "iterable")
    return value.list() != nullptr || value.dict() != nullptr || value.string() != nullptr;
  if (name == "callable") return value.function() != nullptr;
  if (name == "equalto" || name == "eq" || name == "==") return equal(rendering, value, first());
  if (name == "ne" || name == "!=") return !equal(rendering, value, first());
  if (name == "lt") return less(rendering, value, first());
  if (name == "gt") return less(rendering, first(), value);
  if (name == "in") return contains(rendering, first(), value);
  if (name == "odd") return value.integer() != nullptr && *value.integer() % 2 != 0;
  if (name == "even") return value.integer() != nullptr && *value.integer() % 2 == 0;
  if (name == "divisibleby") {
    const Value by = first();
    return value.integer() != nullptr && by.integer() != nullptr && *by.integer() > 0 &&
           *value.integer() % *by.integer() == 0;
  }
  rendering.fail("unknown test '" + std::string(name) + "'");
  return false;
}

Value call_method(Rendering& rendering, std::string_view name, const Value& value, const List& arguments,
                  const Dict& named) {
  if (!rendering.step() || (value.string() != nullptr && !rendering.reads(*value.string()))) return {};
  const auto argument_text = [&](std::size_t i) {
    return i < arguments.size() ? rendering.text_of(arguments[i]) : std::string();
  };
  if (const Dict* dict = value.dict()) {
    if (name == "items") return items_of(rendering, *dict);
    if (name == "keys") return elements_of(rendering, value);
    if (name == "values") {
      List out;
      for (const auto& member : dict->members) {
        if (!rendering.step()) break;
        out.push_back(member.second);
      }
      return out;
    }
    if (name == "get") {
      const Value* found = rendering.step(dict->members.size() / 16) ? dict->find(argument_text(0)) : nullptr;
      return found != nullptr ? *found : arguments.size() > 1 ? arguments[1] : Value(None{});
    }
  } else if (List* list = value.list()) {
    if (name == "append" && arguments.size() == 1) {
      if (may_hold(rendering, value, arguments[0])) list->push_back(arguments[0]);
      return None{};
    }
    if (name == "pop") {
      const auto size = static_cast<std::int64_t>(list->size());
      std::int64_t at = arguments.empty() || arguments[0].integer() == nullptr ? -1 : *arguments[0].integer();
      if (at < 0) at += size;
      if (at < 0 || at >= size) return rendering.fail("there is nothing to pop there");
      if (!rendering.step(static_cast<std::size_t>(size - at) / 16)) return {};
      Value taken = (*list)[static_cast<std::size_t>(at)];
      list->erase(list->begin() + at);
      return taken;
    }
  } else if (const std::string* text = value.string()) {
    if (name == "strip" || name == "lstrip" || name == "rstrip") {
      const std::string characters =
          arguments.empty() || arguments[0].is_none() ? std::string(kBlanks) : argument_text(0);
      if (!rendering.reads(*text, characters)) return {};
      return rendering.made(std::string(stripped(*text, characters, name != "rstrip", name != "lstrip")));
    }
    if (name == "startswith" || name == "endswith") {
      const List options =
          !arguments.empty() && arguments[0].list() != nullptr ? *arguments[0].list() : List{Value(argument_text(0))};
      return std::any_of(options.begin(), options.end(), [&](const Value& option) {
        const std::string looked_for = rendering.text_of(option);
        return name == "startswith" ? text->starts_with(looked_for) : text->ends_with(looked_for);
      });
    }
    if (name == "split") {
      const Value most = argument(arguments, named, 1, "maxsplit", -1);
      return split(rendering, *text, arguments.empty() ? named.find("sep") : &arguments[0],
                   most.integer() != nullptr ? *most.integer() : -1);
    }
    if (name == "rsplit" && arguments.size() == 2 && arguments[0].string() != nullptr &&
        equal(rendering, arguments[1], 1)) {
      const std::string& by = *arguments[0].string();
      const std::size_t at = rendering.reads(*text, by) ? text->rfind(by) : std::string::npos;
      if (at == std::string::npos) return List{value};
      return List{rendering.made(text->substr(0, at)), rendering.made(text->substr(at + by.size()))};
    }
    if (name == "splitlines") {
      const Value line_end("\n");
      List lines = split(rendering, *text, &line_end, -1);
      if (!lines.empty() && lines.back().text().empty()) lines.pop_back();
      return lines;
    }
    if (name == "replace") return replaced(rendering, *text, argument_text(0), argument_text(1));
    if (name == "join")
      return joined(rendering, arguments.empty() ? List{} : elements_of(rendering, arguments[0]), *text);
    if (name == "upper") return rendering.made(with_case(*text, true));
    if (name == "lower") return rendering.made(with_case(*text, false));
    if (name == "title") return rendering.made(titled(*text, true));
    if (name == "capitalize") return rendering.made(titled(*text, false));
    if (name == "find") {
      const std::string needle = argument_text(0);
      const std::size_t at = rendering.reads(*text, needle) ? text->find(needle) : std::string::npos;
      return at == std::string::npos ? std::int64_t{-1} : static_cast<std::int64_t>(at);
    }
    if (name == "count") {
      const List parts = split(rendering, *text, arguments.empty() ? nullptr : &arguments[0], -1);
      return parts.empty() ? std::size_t{0} : parts.size() - 1;
    }
    if (name == "isdigit") return !text->empty() && text->find_first_not_of("0123456789") == std::string::npos;
  }
  return rendering.fail("a " + std::string(value.type_name()) + " has no method '" + std::string(name) + "'");
}

}  // namespace mnema::jinja
