#include "inference/chat/jinja_filters.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "runtime/utf8.hpp"

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

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  if (from.empty()) return std::string(text);
  std::string out;
  for (;;) {
    const std::size_t at = text.find(from);
    if (at == std::string_view::npos) return out.append(text);
    out.append(text.substr(0, at)).append(to);
    text.remove_prefix(at + from.size());
  }
}

List split(std::string_view text, const Value* separator, std::int64_t most) {
  List parts;
  if (separator == nullptr || separator->string() == nullptr) {
    for (;;) {
      text = stripped(text, kBlanks, true, false);
      if (text.empty()) return parts;
      if (most >= 0 && static_cast<std::int64_t>(parts.size()) == most) break;
      const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
      parts.emplace_back(text.substr(0, end));
      text.remove_prefix(end);
    }
    parts.emplace_back(text);
    return parts;
  }
  const std::string& by = *separator->string();
  while (!by.empty() && (most < 0 || static_cast<std::int64_t>(parts.size()) < most)) {
    const std::size_t at = text.find(by);
    if (at == std::string_view::npos) break;
    parts.emplace_back(text.substr(0, at));
    text.remove_prefix(at + by.size());
  }
  parts.emplace_back(text);
  return parts;
}

std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string joined(const List& list, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += separator;
    out += list[i].text();
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
    const Value subject = by_attribute ? attribute_of(rendering, element, *arguments[0].string()) : element;
    bool holds = subject.truth();
    if (arguments.size() > skip) {
      const List rest(arguments.begin() + static_cast<std::ptrdiff_t>(skip) + 1, arguments.end());
      holds = apply_test(rendering, arguments[skip].text(), subject, rest);
    }
    if (holds == wanted) out.push_back(element);
  }
  return out;
}

Value mapped(Rendering& rendering, const Value& value, const List& arguments, const Dict& named) {
  List out;
  const Value* attribute = named.find("attribute");
  for (const Value& element : elements_of(rendering, value)) {
    if (attribute != nullptr) {
      Value member = attribute_of(rendering, element, attribute->text());
      const Value* otherwise = named.find("default");
      out.push_back(member.is_undefined() && otherwise != nullptr ? *otherwise : member);
    } else if (!arguments.empty()) {
      const List rest(arguments.begin() + 1, arguments.end());
      out.push_back(apply_filter(rendering, arguments[0].text(), element, rest, {}));
    }
  }
  return out;
}

Value items_of(const Dict& dict) {
  List out;
  for (const auto& [name, value] : dict.members) out.push_back(List{Value(name), value});
  return out;
}

Value sorted(Rendering& rendering, const Value& value, const List& arguments, const Dict& named) {
  List list = elements_of(rendering, value);
  const Value attribute = argument({}, named, 0, "attribute");
  const bool reverse = argument(arguments, named, 0, "reverse", false).truth();
  std::stable_sort(list.begin(), list.end(), [&](const Value& a, const Value& b) {
    const Value left = attribute.is_undefined() ? a : attribute_of(rendering, a, attribute.text());
    const Value right = attribute.is_undefined() ? b : attribute_of(rendering, b, attribute.text());
    return reverse ? right < left : left < right;
  });
  return list;
}

std::string indented(std::string_view text, std::int64_t width, bool first) {
  const std::string blanks(static_cast<std::size_t>(std::clamp<std::int64_t>(width, 0, 64)), ' ');
  std::string out = first ? blanks : "";
  for (std::size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (text[i] == '\n' && i + 1 < text.size() && text[i + 1] != '\n') out += blanks;
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

}  // namespace

List elements_of(Rendering& rendering, const Value& value) {
  if (value.list() != nullptr) return *value.list();
  List out;
  if (value.dict() != nullptr) {
    for (const auto& member : value.dict()->members) out.emplace_back(member.first);
  } else if (const std::string* text = value.string()) {
    for (std::size_t at = 0; at < text->size();) {
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
  if (haystack.list() != nullptr)
    return std::find(haystack.list()->begin(), haystack.list()->end(), needle) != haystack.list()->end();
  if (haystack.dict() != nullptr) return haystack.dict()->find(needle.text()) != nullptr;
  if (haystack.string() != nullptr) return haystack.string()->find(needle.text()) != std::string::npos;
  if (!haystack.is_undefined()) rendering.fail("nothing can be in a " + std::string(haystack.type_name()));
  return false;
}

Value member_of(Rendering& rendering, const Value& value, const Value& index) {
  if (value.is_undefined()) return rendering.fail("'" + index.text() + "' is asked of something undefined");
  if (value.dict() != nullptr) {
    const Value* found = value.dict()->find(index.text());
    return found == nullptr ? Value() : *found;
  }
  const std::int64_t* at = index.integer();
  if (at == nullptr) return {};
  if (const List* list = value.list()) {
    const auto size = static_cast<std::int64_t>(list->size());
    const std::int64_t i = *at < 0 ? *at + size : *at;
    return i >= 0 && i < size ? (*list)[static_cast<std::size_t>(i)] : Value();
  }
  if (value.string() != nullptr) return member_of(rendering, elements_of(rendering, value), index);
  return {};
}

Value apply_filter(Rendering& rendering, std::string_view name, const Value& value, const List& arguments,
                   const Dict& named) {
  if (!rendering.step()) return {};
  const auto first = [&] { return argument(arguments, named, 0, ""); };
  if (name == "trim") {
    const Value characters = first();
    return std::string(
        stripped(value.text(), characters.string() != nullptr ? *characters.string() : kBlanks, true, true));
  }
  if (name == "tojson") {
    const Value indent = argument(arguments, named, 0, "indent");
    return value.json(indent.integer() != nullptr ? static_cast<int>(std::clamp<std::int64_t>(*indent.integer(), 0, 16))
                                                  : -1);
  }
  if (name == "default" || name == "d") {
    const bool falsy_too = argument(arguments, named, 1, "boolean", false).truth();
    return value.is_undefined() || (falsy_too && !value.truth()) ? argument(arguments, named, 0, "default_value", "")
                                                                 : value;
  }
  if (name == "length" || name == "count") {
    if (value.string() != nullptr) return characters_in(*value.string());
    return elements_of(rendering, value).size();
  }
  if (name == "join") return joined(elements_of(rendering, value), argument(arguments, named, 0, "d", "").text());
  if (name == "upper") return with_case(value.text(), true);
  if (name == "lower") return with_case(value.text(), false);
  if (name == "title") return titled(value.text(), true);
  if (name == "capitalize") return titled(value.text(), false);
  if (name == "replace") return replaced(value.text(), first().text(), argument(arguments, named, 1, "new").text());
  if (name == "string") return value.text();
  if (name == "int") return to_integer(value);
  if (name == "float")
    return value.string() != nullptr ? std::strtod(value.string()->c_str(), nullptr) : value.number();
  if (name == "abs")
    return value.real() != nullptr ? Value(std::fabs(value.number()))
                                   : Value(static_cast<std::int64_t>(std::fabs(value.number())));
  if (name == "round") return std::round(value.number());
  if (name == "safe" || name == "e" || name == "escape") return value;
  if (name == "list") return elements_of(rendering, value);
  if (name == "first" || name == "last") {
    const List list = elements_of(rendering, value);
    return list.empty() ? Value() : name == "first" ? list.front() : list.back();
  }
  if (name == "reverse") {
    List list = elements_of(rendering, value);
    std::reverse(list.begin(), list.end());
    return value.string() != nullptr ? Value(joined(list, "")) : Value(list);
  }
  if (name == "items") return value.dict() != nullptr ? items_of(*value.dict()) : Value(List{});
  if (name == "dictsort") {
    Dict copy = value.dict() != nullptr ? *value.dict() : Dict{};
    std::sort(copy.members.begin(), copy.members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    return items_of(copy);
  }
  if (name == "sort") return sorted(rendering, value, arguments, named);
  if (name == "unique") {
    List out;
    for (const Value& element : elements_of(rendering, value)) {
      if (std::find(out.begin(), out.end(), element) == out.end()) out.push_back(element);
    }
    return out;
  }
  if (name == "select" || name == "reject") return selected(rendering, value, arguments, false, name == "select");
  if (name == "selectattr" || name == "rejectattr")
    return selected(rendering, value, arguments, true, name == "selectattr");
  if (name == "map") return mapped(rendering, value, arguments, named);
  if (name == "indent") {
    const Value width = argument(arguments, named, 0, "width", 4);
    return indented(value.text(), width.integer() != nullptr ? *width.integer() : 4,
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
  if (name == "equalto" || name == "eq" || name == "==") return value == first();
  if (name == "ne" || name == "!=") return !(value == first());
  if (name == "lt") return value < first();
  if (name == "gt") return first() < value;
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
  if (!rendering.step()) return {};
  const auto argument_text = [&](std::size_t i) { return i < arguments.size() ? arguments[i].text() : std::string(); };
  if (const Dict* dict = value.dict()) {
    if (const Value* member = dict->find(name); member != nullptr && member->function() != nullptr) {
      return (*member->function())(rendering, arguments, named);
    }
    if (name == "items") return items_of(*dict);
    if (name == "keys") return elements_of(rendering, value);
    if (name == "values") {
      List out;
      for (const auto& member : dict->members) out.push_back(member.second);
      return out;
    }
    if (name == "get") {
      const Value* found = dict->find(argument_text(0));
      return found != nullptr ? *found : arguments.size() > 1 ? arguments[1] : Value(None{});
    }
  } else if (List* list = value.list()) {
    if (name == "append" && arguments.size() == 1) {
      list->push_back(arguments[0]);
      return None{};
    }
    if (name == "pop" && !list->empty()) {
      Value last = list->back();
      list->pop_back();
      return last;
    }
  } else if (const std::string* text = value.string()) {
    if (name == "strip" || name == "lstrip" || name == "rstrip") {
      const std::string characters =
          arguments.empty() || arguments[0].is_none() ? std::string(kBlanks) : argument_text(0);
      return std::string(stripped(*text, characters, name != "rstrip", name != "lstrip"));
    }
    if (name == "startswith" || name == "endswith") {
      const List options =
          !arguments.empty() && arguments[0].list() != nullptr ? *arguments[0].list() : List{Value(argument_text(0))};
      return std::any_of(options.begin(), options.end(), [&](const Value& option) {
        return name == "startswith" ? text->starts_with(option.text()) : text->ends_with(option.text());
      });
    }
    if (name == "split") {
      const Value most = argument(arguments, named, 1, "maxsplit", -1);
      return split(*text, arguments.empty() ? named.find("sep") : &arguments[0],
                   most.integer() != nullptr ? *most.integer() : -1);
    }
    if (name == "rsplit" && !arguments.empty() && arguments.size() > 1) {
      const std::size_t at = text->rfind(argument_text(0));
      if (at == std::string::npos) return List{Value(*text)};
      return List{Value(text->substr(0, at)), Value(text->substr(at + argument_text(0).size()))};
    }
    if (name == "splitlines") {
      List lines = split(*text, std::make_unique<Value>("\n").get(), -1);
      if (!lines.empty() && lines.back().text().empty()) lines.pop_back();
      return lines;
    }
    if (name == "replace") return replaced(*text, argument_text(0), argument_text(1));
    if (name == "join") return joined(arguments.empty() ? List{} : elements_of(rendering, arguments[0]), *text);
    if (name == "upper") return with_case(*text, true);
    if (name == "lower") return with_case(*text, false);
    if (name == "title") return titled(*text, true);
    if (name == "capitalize") return titled(*text, false);
    if (name == "find") {
      const std::size_t at = text->find(argument_text(0));
      return at == std::string::npos ? std::int64_t{-1} : static_cast<std::int64_t>(at);
    }
    if (name == "count") {
      return split(*text, arguments.empty() ? nullptr : &arguments[0], -1).size() - 1;
    }
    if (name == "isdigit") return !text->empty() && text->find_first_not_of("0123456789") == std::string::npos;
  }
  return rendering.fail("a " + std::string(value.type_name()) + " has no method '" + std::string(name) + "'");
}

}  // namespace mnema::jinja
