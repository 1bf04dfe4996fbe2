// tojson as transformers defines it, and from_json.
#include "inference/chat/jinja_filters.hpp"
#include "inference/chat/jinja_iteration.hpp"
#include "inference/chat/jinja_json.hpp"
#include "inference/chat/jinja_parameters.hpp"

namespace mnema::jinja {
namespace {

Value to_json(Rendering& r, const Value& value, const Arguments& arguments) {
  Parameters given(r, "tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii_only = given.truth(0, false);
  style.sorts_keys = given.truth(3, false);
  if (given.has(1)) {
    style.item_separator = ",";
    if (const std::string* text = given[1]->string())
      style.indent = *text;
    else
      style.indent = std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(given.integer(1, 0), 0, 1024)), ' ');
  }
  if (given.has(2)) {
    const List both = elements_of(r, *given[2]);
    if (both.size() != 2 || both[0].string() == nullptr || both[1].string() == nullptr)
      return r.fail("separators are two texts");
    style.item_separator = *both[0].string();
    style.key_separator = *both[1].string();
  }
  return given.ok() ? r.made(json_text(r, value, style)) : Value();
}

Value from_json(Rendering& r, const Value& value, const Arguments& arguments) {
  if (!Parameters(r, "from_json", arguments, {}).ok()) return {};
  if (value.dict() != nullptr && value.dict()->json_text != nullptr) return value;  // has been read already
  if (value.string() == nullptr)
    return r.fail("from_json reads a text, not a value of type " + std::string(value.type_name()));
  if (!r.step(value.string()->size() / 16)) return {};
  const std::optional<Value> read = value_from_json(*value.string());
  return read ? *read : r.fail("from_json was given a text that is no JSON");
}

constexpr NamedFilter kFilters[] = {{"tojson", to_json}, {"from_json", from_json}};

}  // namespace

std::span<const NamedFilter> json_filters() { return kFilters; }

}  // namespace mnema::jinja
