#include "inference/chat/jinja_text_methods.hpp"

#include <algorithm>
#include <limits>

#include "inference/chat/jinja_format.hpp"
#include "inference/chat/jinja_iteration.hpp"
#include "inference/chat/jinja_parameters.hpp"
#include "inference/chat/jinja_text.hpp"

namespace mnema::jinja {
namespace {

using Method = Value (*)(Rendering&, const Value& self, const Arguments&);

const std::string& bytes(const Value& self) { return *self.string(); }

/// A text like `self`: one that went through |safe if `self` did.
Value like(Rendering& r, const Value& self, std::string text) { return r.made(std::move(text), self.is_markup()); }
Value like(Rendering& r, const Value& self, std::string_view text) { return like(r, self, std::string(text)); }

bool takes_nothing(Rendering& r, const Arguments& arguments) { return Parameters(r, "method", arguments, {}).ok(); }

template <std::string (*kMap)(std::string_view)>
Value mapped(Rendering& r, const Value& self, const Arguments& arguments) {
  return takes_nothing(r, arguments) ? like(r, self, kMap(bytes(self))) : Value();
}

template <CharacterClass kClass>
Value is_all(Rendering& r, const Value& self, const Arguments& arguments) {
  return takes_nothing(r, arguments) ? Value(all_are(bytes(self), kClass)) : Value();
}

template <bool (*kHolds)(std::string_view)>
Value holds(Rendering& r, const Value& self, const Arguments& arguments) {
  return takes_nothing(r, arguments) ? Value(kHolds(bytes(self))) : Value();
}

template <bool kLeft, bool kRight>
Value strip(Rendering& r, const Value& self, const Arguments& arguments) {
  Parameters given(r, "strip", arguments, {""});
  std::optional<std::string> characters;
  if (given.has(0)) characters = given.text(0);
  if (!given.ok() || !r.reads(bytes(self), characters.value_or(""))) return {};
  return like(r, self, stripped(bytes(self), characters, kLeft, kRight));
}

/// The part of the text between two positions, as startswith and find take them; nothing where it begins behind the
/// end.
struct Window {
  std::size_t begin = 0;  // byte
  std::string_view text;
};
std::optional<Window> window_of(Parameters& given, const Value& self, std::size_t first) {
  const std::string& text = bytes(self);
  if (!given.has(first) && !given.has(first + 1)) return Window{0, text};
  const auto size = static_cast<std::int64_t>(characters_in(text));
  const auto place = [&](std::size_t i, std::int64_t otherwise) {
    const std::int64_t at = given.has(i) ? given.integer(i, 0) : otherwise;
    return at < 0 ? std::max<std::int64_t>(at + size, 0) : at;
  };
  const std::int64_t begin = place(first, 0), end = std::min(place(first + 1, size), size);
  if (begin > size || begin > end) return std::nullopt;
  return Window{byte_of(text, begin), characters_between(text, begin, end)};
}

template <bool kStart>
Value begins_or_ends(Rendering& r, const Value& self, const Arguments& arguments) {
  Parameters given(r, kStart ? "startswith" : "endswith", arguments, {"", "", ""}, 1);
  if (!given.ok()) return {};
  const Sequence* several = given[0]->sequence();
  const List options =
      several != nullptr && several->kind == SequenceKind::kTuple ? *given.get(0, {}).list() : List{*given[0]};
  const std::optional<Window> window = window_of(given, self, 1);
  for (const Value& option : options) {
    if (option.string() == nullptr) return r.fail("startswith and endswith take a text or a tuple of texts");
    if (!r.reads(*option.string())) return {};
    if (window && (kStart ? window->text.starts_with(*option.string()) : window->text.ends_with(*option.string())))
      return true;
  }
  return given.ok() ? Value(false) : Value();
}

enum class Find { kFirst, kLast };

template <Find kWhich, bool kMust>
Value find(Rendering& r, const Value& self, const Arguments& arguments) {
  Parameters given(r, "find", arguments, {"", "", ""}, 1);
  const std::string needle = given.text(0);
  const std::optional<Window> window = window_of(given, self, 1);
  if (!given.ok() || !r.reads(bytes(self), needle)) return {};
  std::size_t at = std::string_view::npos;
  if (window) at = kWhich == Find::kFirst ? window->text.find(needle) : window->text.rfind(needle);
  if (at != std::string_view::npos) return characters_in(std::string_view(bytes(self)).substr(0, window->begin + at));
  return kMust ? r.fail("the text is not in there") : Value(-1);
}

Value count(Rendering& r, const Value& self, const Arguments& arguments) {
  Parameters given(r, "count", arguments, {"", "", ""}, 1);
  const std::string needle = given.text(0);
  const std::optional<Window> window = window_of(given, self, 1);
  if (!given.ok() || !r.reads(bytes(self), needle)) return {};
  if (!window) return 0;
  if (needle.empty()) return characters_in(window->text) + 1;
  std::size_t found = 0;
  for (std::size_t at = window->text.find(needle); at != std::string_view::npos && r.step();
       at = window->text.find(needle, at + needle.size()))
    ++found;
  return found;
}

/// `split` and `rsplit` by blanks, from the left or the right.
List split_by_blanks(Rendering& r, const Value& self, std::int64_t most, bool from_right) {
  std::string_view text = bytes(self);
  List parts;
  const auto blank_at = [&](std::size_t at) { return is_blank(character_at(text, at).value); };
  for (;;) {
    text = stripped(text, std::nullopt, !from_right, from_right);
    if (text.empty() || !r.step()) break;
    if (most >= 0 && static_cast<std::int64_t>(parts.size()) >= most) {
      parts.push_back(like(r, self, text));
      break;
    }
    if (from_right) {
      std::size_t begin = text.size();
      for (std::size_t at = begin; at > 0;) {
        --at;
        if ((text[at] & 0xc0) == 0x80) continue;
        if (blank_at(at)) break;
        begin = at;
      }
      parts.push_back(like(r, self, text.substr(begin)));
      text = text.substr(0, begin);
    } else {
      std::size_t end = 0;
      while (end < text.size() && !blank_at(end)) end += character_at(text, end).bytes;
      parts.push_back(like(r, self, text.substr(0, end)));
      text.remove_prefix(end);
    }
  }
  return parts;
}

List split_by_text(Rendering& r, const Value& self, std::string_view by, std::int64_t most, bool from_right) {
  std::string_view text = bytes(self);
  List parts;
  while ((most < 0 || static_cast<std::int64_t>(parts.size()) < most) && r.step()) {
    const std::size_t at = from_right ? text.rfind(by) : text.find(by);
    if (at == std::string_view::npos) break;
    parts.push_back(like(r, self, from_right ? text.substr(at + by.size()) : text.substr(0, at)));
    text = from_right ? text.substr(0, at) : text.substr(at + by.size());
  }
  parts.push_back(like(r, self, text));
  return parts;
}

template <bool kFromRight>
Value split(Rendering& r, const Value& self, const Arguments& arguments) {
  Parameters given(r, "split", arguments, {"sep", "maxsplit"});
  const std::int64_t most = given.integer(1, -1);
  const std::string by = given.has(0) ? given.text(0) : "";
  if (given.has(0) && by.empty()) given.refuse("needs a separator that is not empty");
  if (!given.ok() || !r.reads(bytes(self), by)) return {};
  List parts = given.has(0) ? split_by_text(r, self, by, most, kFromRight) : split_by_blanks(r, self, most, kFromRight);
  if (kFromRight) std::reverse(parts.begin(), parts.end());
  return parts;
}

template <bool kFromRight>
Value partition(Rendering& r, const Value& self, const Arguments& arguments) {
  Parameters given(r, "partition", arguments, {""}, 1);
  const std::string by = given.text(0);
  if (by.empty()) given.refuse("needs a separator that is not empty");
  const std::string_view text = bytes(self);
  if (!given.ok() || !r.reads(text, by)) return {};
  const std::size_t at = kFromRight ? text.rfind(by) : text.find(by);
  if (at == std::string_view::npos) {
    const Value empty = like(r, self, std::string_view());
    return Value::tuple(kFromRight ? List{empty, empty, self} : List{self, empty, empty});
  }
  return Value::tuple({like(r, self, text.substr(0, at)), like(r, self, std::string_view(by)),
                       like(r, self, text.substr(at + by.size()))});
}

Value splitlines(Rendering& r, const Value& self, const Arguments& arguments) {
  const Parameters given(r, "splitlines", arguments, {"keepends"});
  const bool keeps = given.truth(0, false);
  std::string_view text = bytes(self);
  List lines;
  for (const std::string_view line : lines_of(text)) {
    if (!r.step()) break;
    const auto at = static_cast<std::size_t>(line.data() - text.data()) + line.size();
    const std::size_t end = at < text.size() ? line_end_at(text, at) : 0;
    lines.push_back(like(r, self, keeps ? text.substr(at - line.size(), line.size() + end) : line));
  }
  return lines;
}

Value replace(Rendering& r, const Value& self, const Arguments& arguments) {
  Parameters given(r, "replace", arguments, {"", "", "count"}, 2);
  const std::string from = given.text(0);
  std::string to = given.text(1);
  if (given.ok() && self.is_markup() && !given[1]->is_markup()) to = html_escaped(to);
  const std::int64_t most = given.integer(2, -1);
  return given.ok() ? like(r, self, replaced(r, bytes(self), from, to, most)) : Value();
}

Value join(Rendering& r, const Value& self, const Arguments& arguments) {
  const Parameters given(r, "join", arguments, {""}, 1);
  if (!given.ok()) return {};
  std::string out;
  bool first = true;
  Walk walk(*given[0]);
  while (const std::optional<Value> element = walk.next(r)) {
    if (element->string() == nullptr && !self.is_markup())
      return r.fail("join needs texts, not a value of type " + std::string(element->type_name()));
    if (!first) r.add(out, bytes(self));
    first = false;
    const std::string text = r.text_of(*element);
    r.add(out, self.is_markup() && !element->is_markup() ? html_escaped(text) : text);
  }
  return like(r, self, std::move(out));
}

enum class Side { kLeft, kRight, kCenter };

template <Side kSide>
Value justify(Rendering& r, const Value& self, const Arguments& arguments) {
  Parameters given(r, "justify", arguments, {"", ""}, 1);
  const std::int64_t width = given.integer(0, 0);
  const std::string fill = given.text(1, " ");
  if (characters_in(fill) != 1) given.refuse("fills with one character");
  const auto size = static_cast<std::int64_t>(characters_in(bytes(self)));
  if (!given.ok() || width <= size) return given.ok() ? self : Value();
  const std::int64_t missing = width - size;
  // Python puts the odd one to the left of an odd width.
  const std::int64_t left = kSide == Side::kLeft    ? 0
                            : kSide == Side::kRight ? missing
                                                    : missing / 2 + (missing & width & 1);
  std::string out;
  for (std::int64_t i = 0; i < left && r.step() && r.add(out, fill); ++i) {
  }
  r.add(out, bytes(self));
  for (std::int64_t i = left; i < missing && r.step() && r.add(out, fill); ++i) {
  }
  return like(r, self, std::move(out));
}

Value zfill(Rendering& r, const Value& self, const Arguments& arguments) {
  Parameters given(r, "zfill", arguments, {""}, 1);
  const std::int64_t missing = given.integer(0, 0) - static_cast<std::int64_t>(characters_in(bytes(self)));
  if (!given.ok()) return {};
  const std::size_t sign = bytes(self).starts_with('-') || bytes(self).starts_with('+') ? 1 : 0;
  std::string out = bytes(self).substr(0, sign);
  for (std::int64_t i = 0; i < missing && r.step() && r.add(out, "0"); ++i) {
  }
  r.add(out, bytes(self).substr(sign));
  return like(r, self, std::move(out));
}

Value expandtabs(Rendering& r, const Value& self, const Arguments& arguments) {
  Parameters given(r, "expandtabs", arguments, {"tabsize"});
  const std::int64_t size = std::min<std::int64_t>(given.integer(0, 8), 1 << 16);
  std::string out;
  std::int64_t column = 0;
  for (const char c : bytes(self)) {
    if (!given.ok()) return {};
    if (c == '\t') {
      const std::int64_t blanks = size > 0 ? size - column % size : 0;
      r.add(out, std::string(static_cast<std::size_t>(blanks), ' '));
      column += blanks;
    } else {
      out += c;
      column = c == '\n' || c == '\r' ? 0 : column + ((c & 0xc0) != 0x80 ? 1 : 0);
    }
  }
  return like(r, self, std::move(out));
}

template <bool kPrefix>
Value remove_affix(Rendering& r, const Value& self, const Arguments& arguments) {
  Parameters given(r, kPrefix ? "removeprefix" : "removesuffix", arguments, {""}, 1);
  const std::string affix = given.text(0);
  if (!given.ok()) return {};
  std::string_view text = bytes(self);
  if (kPrefix && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (!kPrefix && text.ends_with(affix)) text.remove_suffix(affix.size());
  return like(r, self, text);
}

Value format_map(Rendering& r, const Value& self, const Arguments& arguments) {
  const Parameters given(r, "format_map", arguments, {""}, 1);
  if (!given.ok()) return {};
  if (given[0]->dict() == nullptr) return r.fail("format_map needs a mapping");
  Arguments named;
  for (const auto& [name, value] : given[0]->dict()->members) {
    if (name.string() != nullptr) named.named.emplace_back(*name.string(), value);
  }
  return brace_formatted(r, self, named);
}

constexpr std::pair<std::string_view, Method> kMethods[] = {
    {"capitalize", mapped<capitalized>},
    {"casefold", mapped<folded_case>},
    {"center", justify<Side::kCenter>},
    {"count", count},
    {"endswith", begins_or_ends<false>},
    {"expandtabs", expandtabs},
    {"find", find<Find::kFirst, false>},
    {"format", brace_formatted},
    {"format_map", format_map},
    {"index", find<Find::kFirst, true>},
    {"isalnum", is_all<CharacterClass::kAlphanumeric>},
    {"isalpha", is_all<CharacterClass::kAlpha>},
    {"isascii", is_all<CharacterClass::kAscii>},
    {"isdecimal", is_all<CharacterClass::kDecimal>},
    {"isdigit", is_all<CharacterClass::kDigit>},
    {"isidentifier", holds<is_identifier>},
    {"islower", holds<is_lower_case>},
    {"isnumeric", is_all<CharacterClass::kNumeric>},
    {"isprintable", is_all<CharacterClass::kPrintable>},
    {"isspace", is_all<CharacterClass::kBlank>},
    {"istitle", holds<is_title_case>},
    {"isupper", holds<is_upper_case>},
    {"join", join},
    {"ljust", justify<Side::kLeft>},
    {"lower", mapped<lower_case>},
    {"lstrip", strip<true, false>},
    {"partition", partition<false>},
    {"removeprefix", remove_affix<true>},
    {"removesuffix", remove_affix<false>},
    {"replace", replace},
    {"rfind", find<Find::kLast, false>},
    {"rindex", find<Find::kLast, true>},
    {"rjust", justify<Side::kRight>},
    {"rpartition", partition<true>},
    {"rsplit", split<true>},
    {"rstrip", strip<false, true>},
    {"split", split<false>},
    {"splitlines", splitlines},
    {"startswith", begins_or_ends<true>},
    {"strip", strip<true, true>},
    {"swapcase", mapped<swapped_case>},
    {"title", mapped<title_case>},
    {"upper", mapped<upper_case>},
    {"zfill", zfill},
    // Python has them, and so they hide members; nobody can call them here.
    {"encode", nullptr},
    {"maketrans", nullptr},
    {"translate", nullptr},
};

const std::pair<std::string_view, Method>* find_method(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kMethods), std::end(kMethods), [&](const auto& method) { return method.first == name; });
  return found == std::end(kMethods) ? nullptr : found;
}

}  // namespace

bool is_text_method(std::string_view name) { return find_method(name) != nullptr; }

Value call_text_method(Rendering& r, std::string_view name, const Value& text, const Arguments& arguments) {
  if (!r.step() || !r.reads(*text.string())) return {};
  const auto* method = find_method(name);
  if (method == nullptr || method->second == nullptr)
    return r.fail("the method '" + std::string(name) + "' of a str is not known");
  // Those that look at every character by itself cost more.
  const bool by_characters = name == "title" || name == "swapcase" || name == "splitlines" || name.starts_with("is");
  if (by_characters && !r.step(text.string()->size() / 32)) return {};
  return method->second(r, text, arguments);
}

std::string replaced(Rendering& r, std::string_view text, std::string_view from, std::string_view to,
                     std::int64_t most) {
  if (most < 0) most = std::numeric_limits<std::int64_t>::max();
  std::string out;
  if (!r.reads(text, from)) return out;
  if (from.empty()) {
    for (std::size_t at = 0;; --most) {
      if (most == 0) {
        r.add(out, text.substr(at));
        break;
      }
      if (!r.step() || !r.add(out, to) || at == text.size()) break;
      const std::size_t length = character_at(text, at).bytes;
      r.add(out, text.substr(at, length));
      at += length;
    }
    return out;
  }
  for (; most > 0; --most) {
    const std::size_t at = text.find(from);
    if (at == std::string_view::npos) break;
    if (!r.step() || !r.add(out, text.substr(0, at)) || !r.add(out, to)) return out;
    text.remove_prefix(at + from.size());
  }
  r.add(out, text);
  return out;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t at = begin, end = 0;
    while (at < text.size() && (end = line_end_at(text, at)) == 0) ++at;
    lines.push_back(text.substr(begin, at - begin));
    begin = at + end;
  }
  return lines;
}

}  // namespace mnema::jinja
