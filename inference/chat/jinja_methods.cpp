#include "inference/chat/jinja_methods.hpp"

#include <algorithm>

#include "inference/chat/jinja_operators.hpp"
#include "inference/chat/jinja_printing.hpp"
#include "inference/chat/jinja_strings.hpp"

namespace mnema::jinja {
namespace {

/// A method's object and arguments.
struct Call {
  Rendering& r;
  std::string_view name;
  const List& arguments;
  const Dict& named;

  [[nodiscard]] Value argument(std::size_t place, std::string_view called) const {
    if (place < arguments.size()) return arguments[place];
    const Value* found = named.find(called);
    return found != nullptr ? *found : Value();
  }
  [[nodiscard]] Text text(std::size_t place, std::string_view called = "") const {
    return printed(r, argument(place, called));
  }
  [[nodiscard]] std::int64_t integer(std::size_t place, std::string_view called, std::int64_t otherwise) const {
    const Value given = argument(place, called);
    return given.integer() != nullptr ? *given.integer() : otherwise;
  }
};

Value of_members(const Call& call, const Dict& dict, bool& known) {
  known = true;
  if (call.name == "items") return items_of(dict);
  if (call.name == "keys") {
    List out;
    for (const auto& member : dict.members) out.emplace_back(dict.name_text(member.first));
    return out;
  }
  if (call.name == "values") {
    List out;
    for (const auto& member : dict.members) out.push_back(member.second);
    return out;
  }
  if (call.name == "get") {
    const Value* found = dict.find(call.text(0, "key").bytes());
    if (found != nullptr) return *found;
    return call.arguments.size() > 1 ? call.arguments[1] : Value(None{});
  }
  if (call.name == "copy") return dict;
  known = false;
  return {};
}

/// startswith and endswith.
bool has_end(const Call& call, const Text& text) {
  const Value given = call.argument(0, "");
  const List options = given.list() != nullptr ? *given.list() : List{given};
  return std::any_of(options.begin(), options.end(), [&](const Value& option) {
    if (option.text() == nullptr) return call.r.fail(std::string(call.name) + " needs a string"), false;
    const std::string& end = option.text()->bytes();
    return call.name == "startswith" ? text.bytes().starts_with(end) : text.bytes().ends_with(end);
  });
}

Value split_by(const Call& call, const Text& text) {
  const Value separator = call.argument(0, "sep");
  const std::int64_t most = call.integer(1, "maxsplit", -1);
  if (call.name == "rsplit" && separator.text() != nullptr)
    return split_from_right(call.r, text, *separator.text(), most);
  return split(call.r, text, separator.text(), most);
}

Value without_affix(const Call& call, const Text& text) {
  const Text affix = call.text(0);
  if (call.name == "removeprefix") return text.bytes().starts_with(affix.bytes()) ? text.part(affix.size()) : text;
  return text.bytes().ends_with(affix.bytes()) ? text.part(0, text.size() - affix.size()) : text;
}

/// find and rfind, in characters.
Value place_in(const Call& call, const Text& text) {
  const std::string needle = call.text(0).bytes();
  const std::size_t at = call.name == "find" ? text.bytes().find(needle) : text.bytes().rfind(needle);
  if (at == std::string::npos) return -1;
  return characters_in(std::string_view(text.bytes()).substr(0, at));
}

Value of_text(const Call& call, const Text& text, bool& known) {
  known = true;
  const std::string_view name = call.name;
  if (name == "strip" || name == "lstrip" || name == "rstrip") {
    const Value characters = call.argument(0, "chars");
    return stripped(text, characters.text() != nullptr ? std::string_view(characters.text()->bytes()) : kBlanks,
                    name != "rstrip", name != "lstrip");
  }
  if (name == "startswith" || name == "endswith") return has_end(call, text);
  if (name == "split" || name == "rsplit") return split_by(call, text);
  if (name == "splitlines") return split_lines(call.r, text);
  if (name == "replace") return replaced(call.r, text, call.text(0), call.text(1), call.integer(2, "count", -1));
  if (name == "join") return joined(call.r, elements_of(call.r, call.argument(0, "")), text);
  if (name == "upper") return with_case(text, Case::kUpper);
  if (name == "lower") return with_case(text, Case::kLower);
  if (name == "title") return with_case(text, Case::kTitle);
  if (name == "capitalize") return with_case(text, Case::kCapitalized);
  if (name == "removeprefix" || name == "removesuffix") return without_affix(call, text);
  if (name == "find" || name == "rfind") return place_in(call, text);
  if (name == "count") {
    const Text needle = call.text(0);
    return needle.empty() ? characters_in(text.bytes()) + 1 : split(call.r, text, &needle, -1).size() - 1;
  }
  if (name == "isdigit") return !text.empty() && text.bytes().find_first_not_of("0123456789") == std::string::npos;
  if (name == "isspace") return !text.empty() && text.bytes().find_first_not_of(kBlanks) == std::string::npos;
  known = false;
  return {};
}

Value of_list(const Call& call, const List& list, bool& known) {
  known = true;
  if (call.name == "count") return static_cast<std::size_t>(std::count(list.begin(), list.end(), call.argument(0, "")));
  if (call.name == "index") {
    const auto found = std::find(list.begin(), list.end(), call.argument(0, ""));
    if (found == list.end()) return call.r.fail("index: the list does not have it");
    return static_cast<std::size_t>(found - list.begin());
  }
  if (call.name == "copy") return list;
  if (call.name == "pop") {
    if (list.empty()) return call.r.fail("pop from an empty list");
    return member_of(call.r, Value(list), call.integer(0, "", -1));
  }
  if (call.name == "append" || call.name == "extend" || call.name == "insert") return None{};
  known = false;
  return {};
}

}  // namespace

List items_of(const Dict& dict) {
  List out;
  for (const auto& [name, value] : dict.members) out.push_back(List{Value(dict.name_text(name)), value});
  return out;
}

Value changed_list(Rendering& r, std::string_view name, const List& list, const List& arguments) {
  if (name != "append" && name != "extend" && name != "insert" && name != "pop") return {};
  List changed = list;
  if (name == "append" && arguments.size() == 1) changed.push_back(arguments[0]);
  if (name == "extend" && arguments.size() == 1) {
    const List more = elements_of(r, arguments[0]);
    changed.insert(changed.end(), more.begin(), more.end());
  }
  const auto size = static_cast<std::int64_t>(list.size());
  const auto place = [&](std::int64_t last) {
    const std::int64_t at = arguments.empty() || arguments[0].integer() == nullptr ? last : *arguments[0].integer();
    return static_cast<std::ptrdiff_t>(
        std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, std::max<std::int64_t>(0, last)));
  };
  if (name == "insert" && arguments.size() == 2) changed.insert(changed.begin() + place(size), arguments[1]);
  if (name == "pop" && size > 0) changed.erase(changed.begin() + place(size - 1));
  return r.made(std::move(changed));
}

Value call_method(Rendering& r, std::string_view name, const Value& value, const List& arguments, const Dict& named) {
  if (!r.step() || !r.work(value.own_weight())) return {};
  const Depth deeper(r);
  if (!r.error.empty()) return {};
  const Call call{r, name, arguments, named};
  bool known = false;
  Value result;
  if (const Dict* dict = value.name_space() != nullptr ? &value.name_space()->members : value.dict()) {
    if (const Value* member = dict->find(name); member != nullptr && member->function() != nullptr) {
      const Value function = *member;  // the call may change the namespace it was found in
      return (*function.function())(r, arguments, named);
    }
    result = of_members(call, *dict, known);
  } else if (const List* list = value.list()) {
    if (!r.work(value.weight())) return {};
    result = of_list(call, *list, known);
  } else if (const Text* text = value.text()) {
    result = of_text(call, *text, known);
  }
  if (known || !r.error.empty()) return r.made(std::move(result));
  return r.fail("a " + std::string(value.type_name()) + " has no method '" + std::string(name) + "'");
}

}  // namespace mnema::jinja
