// Filters that make texts.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "inference/chat/jinja_filters.hpp"
#include "inference/chat/jinja_format.hpp"
#include "inference/chat/jinja_iteration.hpp"
#include "inference/chat/jinja_numbers.hpp"
#include "inference/chat/jinja_operators.hpp"
#include "inference/chat/jinja_parameters.hpp"
#include "inference/chat/jinja_text.hpp"
#include "inference/chat/jinja_text_methods.hpp"

namespace mnema::jinja {
namespace {

/// `map` of the value's text.
template <class Map>
Value mapped(Rendering& r, std::string_view name, const Value& value, const Arguments& arguments, const Map& map) {
  if (!Parameters(r, name, arguments, {}).ok()) return {};
  return r.made(map(r.text_of(value)), value.is_markup());
}

Value upper(Rendering& r, const Value& value, const Arguments& arguments) {
  return mapped(r, "upper", value, arguments, [](const std::string& text) { return upper_case(text); });
}
Value lower(Rendering& r, const Value& value, const Arguments& arguments) {
  return mapped(r, "lower", value, arguments, [](const std::string& text) { return lower_case(text); });
}
Value capitalize(Rendering& r, const Value& value, const Arguments& arguments) {
  return mapped(r, "capitalize", value, arguments, [](const std::string& text) { return capitalized(text); });
}

/// The first character of each word in upper case; words begin after blanks and - ( { [ <.
Value title(Rendering& r, const Value& value, const Arguments& arguments) {
  if (!Parameters(r, "title", arguments, {}).ok()) return {};
  const std::string text = r.text_of(value);
  if (!r.step(text.size() / 32)) return {};
  std::string out, word;
  const auto end_word = [&] {
    if (word.empty()) return;
    const std::size_t first = character_at(word, 0).bytes;
    out += upper_case(word.substr(0, first)) + lower_case(word.substr(first));
    word.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    const bool separates =
        is_blank(character.value) || std::u32string_view(U"-({[<").find(character.value) != std::u32string_view::npos;
    if (separates) end_word();
    (separates ? out : word) += text.substr(at, character.bytes);
    at += character.bytes;
  }
  end_word();
  return r.made(std::move(out));
}

Value trim(Rendering& r, const Value& value, const Arguments& arguments) {
  Parameters given(r, "trim", arguments, {"chars"});
  std::optional<std::string> characters;
  if (given.has(0)) characters = given.text(0);
  const std::string text = r.text_of(value);
  if (!given.ok() || !r.reads(text, characters.value_or(""))) return {};
  return r.made(std::string(stripped(text, characters, true, true)), value.is_markup());
}

Value replace(Rendering& r, const Value& value, const Arguments& arguments) {
  Parameters given(r, "replace", arguments, {"old", "new", "count"}, 2);
  if (!given.ok()) return {};
  const std::int64_t most = given.has(2) ? given.integer(2, -1) : -1;
  return r.made(replaced(r, r.text_of(value), r.text_of(*given[0]), r.text_of(given.get(1, {})), most));
}

Value string(Rendering& r, const Value& value, const Arguments& arguments) {
  if (!Parameters(r, "string", arguments, {}).ok()) return {};
  return value.string() != nullptr ? value : r.made(r.text_of(value));
}

Value safe(Rendering& r, const Value& value, const Arguments& arguments) {
  return Parameters(r, "safe", arguments, {}).ok() ? r.made(r.text_of(value), true) : Value();
}

Value escape(Rendering& r, const Value& value, const Arguments& arguments) {
  if (!Parameters(r, "escape", arguments, {}).ok()) return {};
  return value.is_markup() ? value : r.made(html_escaped(r.text_of(value)), true);
}

Value forceescape(Rendering& r, const Value& value, const Arguments& arguments) {
  return Parameters(r, "forceescape", arguments, {}).ok() ? r.made(html_escaped(r.text_of(value)), true) : Value();
}

Value join(Rendering& r, const Value& value, const Arguments& arguments) {
  const Parameters given(r, "join", arguments, {"d", "attribute"});
  const std::string separator = r.text_of(given.get(0, ""));
  std::string out;
  bool first = true;
  Walk walk(value);
  while (const std::optional<Value> element = walk.next(r)) {
    if (!first) r.add(out, separator);
    first = false;
    r.add(out, r.text_of(given.has(1) ? attribute_path(r, *element, *given[1]) : *element));
  }
  return r.made(std::move(out));
}

Value indent(Rendering& r, const Value& value, const Arguments& arguments) {
  Parameters given(r, "indent", arguments, {"width", "first", "blank"});
  if (!given.ok()) return {};
  if (value.string() == nullptr)
    return r.fail(value.is_undefined() ? value.why_undefined()
                                       : "only texts are indented, not a " + std::string(value.type_name()));
  std::string indention;
  if (given[0] != nullptr && given[0]->string() != nullptr)
    indention = *given[0]->string();
  else
    indention = std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(given.integer(0, 4), 0, 4096)), ' ');
  const bool blank = given.truth(2, false);
  if (!r.step(value.string()->size() / 32)) return {};
  const std::string text = *value.string() + "\n";
  std::string out = given.truth(1, false) ? indention : "";
  bool is_first = true;
  for (const std::string_view line : lines_of(text)) {
    if (!r.step()) return {};
    if (!is_first) {
      r.add(out, "\n");
      if (blank || !line.empty()) r.add(out, indention);
    }
    is_first = false;
    r.add(out, line);
  }
  return r.made(std::move(out), value.is_markup());
}

Value truncate(Rendering& r, const Value& value, const Arguments& arguments) {
  Parameters given(r, "truncate", arguments, {"length", "killwords", "end", "leeway"});
  const std::int64_t length = given.integer(0, 255), leeway = given.has(3) ? given.integer(3, 5) : 5;
  const std::string end = given.text(2, "...");
  if (!given.ok()) return {};
  const auto end_size = static_cast<std::int64_t>(characters_in(end));
  if (length < end_size || leeway < 0) return r.fail("truncate needs a length that its end fits in");
  const std::optional<std::size_t> size = Walk(value).length();
  if (size && static_cast<std::int64_t>(*size) <= length + leeway) return value;
  if (value.string() == nullptr)
    return r.fail("a value of type " + std::string(value.type_name()) + " is not truncated");
  const std::string& text = *value.string();
  std::string_view kept = characters_between(text, 0, length - end_size);
  if (!given.truth(1, false)) kept = kept.substr(0, kept.rfind(' '));
  return arithmetic(r, "+", r.made(std::string(kept), value.is_markup()), given.get(2, "..."));
}

Value center(Rendering& r, const Value& value, const Arguments& arguments) {
  Parameters given(r, "center", arguments, {"width"});
  const std::int64_t width = given.integer(0, 80);
  if (!given.ok()) return {};
  const Value text = value.string() != nullptr ? value : r.made(r.text_of(value));
  Arguments only;
  only.positional.emplace_back(width);
  return r.error.empty() ? call_text_method(r, "center", text, only) : Value();
}

Value format(Rendering& r, const Value& value, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty())
    return r.fail("format takes arguments by position or by name, not both");
  const Value text = value.string() != nullptr ? value : r.made(r.text_of(value));
  if (!r.error.empty()) return {};
  if (arguments.named.empty()) return percent_formatted(r, text, Value::tuple(arguments.positional));
  Dict named;
  for (const auto& [name, argument] : arguments.named) named.set(Value(name), argument);
  return percent_formatted(r, text, named);
}

Value wordcount(Rendering& r, const Value& value, const Arguments& arguments) {
  if (!Parameters(r, "wordcount", arguments, {}).ok()) return {};
  const std::string text = r.text_of(value);
  std::size_t words = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    const bool is_word = is_word_character(character.value);
    words += is_word && !inside ? 1U : 0U;
    inside = is_word;
    at += character.bytes;
  }
  return words;
}

std::string quoted_for_url(std::string_view text, bool in_query) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                       c == '.' || c == '-' || c == '~' || (c == '/' && !in_query);
    if (plain)
      out += c;
    else if (c == ' ' && in_query)
      out += '+';
    else
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return out;
}

Value urlencode(Rendering& r, const Value& value, const Arguments& arguments) {
  if (!Parameters(r, "urlencode", arguments, {}).ok()) return {};
  if (value.string() != nullptr || !is_iterable(value)) return r.made(quoted_for_url(r.text_of(value), false));
  std::string out;
  List pairs = elements_of(r, value);
  if (const Dict* dict = value.dict()) {
    pairs.clear();
    for (const auto& [name, member] : dict->members) pairs.push_back(Value::tuple({name, member}));
  }
  for (const Value& pair : pairs) {
    const List parts = elements_of(r, pair);
    if (parts.size() != 2) return r.fail("urlencode needs pairs");
    if (!out.empty()) out += '&';
    r.add(out, quoted_for_url(r.text_of(parts[0]), true) + "=" + quoted_for_url(r.text_of(parts[1]), true));
  }
  return r.made(std::move(out));
}

Value filesizeformat(Rendering& r, const Value& value, const Arguments& arguments) {
  const Parameters given(r, "filesizeformat", arguments, {"binary"});
  std::optional<double> bytes;
  if (value.string() != nullptr) bytes = parse_float(*value.string());
  if (value.is_numeric()) bytes = value.number();
  if (!given.ok() || !bytes) return r.fail("filesizeformat needs a number");
  const bool binary = given.truth(0, false);
  const double base = binary ? 1024 : 1000;
  if (*bytes == 1) return "1 Byte";
  if (*bytes < base) return integer_text(to_integer(*bytes)) + " Bytes";
  constexpr std::string_view kPrefixes = "kMGTPEZY";
  double unit = base;
  for (std::size_t i = 0; i < kPrefixes.size(); ++i) {
    unit *= base;
    if (*bytes < unit || i + 1 == kPrefixes.size()) {
      const char prefix = binary && i == 0 ? 'K' : kPrefixes[i];
      return fmt::format("{:.1f} {}{}", base * *bytes / unit, prefix, binary ? "iB" : "B");
    }
  }
  return {};
}

constexpr NamedFilter kFilters[] = {
    {"upper", upper},
    {"lower", lower},
    {"capitalize", capitalize},
    {"title", title},
    {"trim", trim},
    {"replace", replace},
    {"string", string},
    {"safe", safe},
    {"escape", escape},
    {"e", escape},
    {"forceescape", forceescape},
    {"join", join},
    {"indent", indent},
    {"truncate", truncate},
    {"center", center},
    {"format", format},
    {"wordcount", wordcount},
    {"urlencode", urlencode},
    {"filesizeformat", filesizeformat},
};

}  // namespace

std::span<const NamedFilter> text_filters() { return kFilters; }

}  // namespace mnema::jinja
