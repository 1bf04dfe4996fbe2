#include "inference/chat/jinja_filters.hpp"

#include <algorithm>

#include "inference/chat/jinja_numbers.hpp"
#include "inference/chat/jinja_operators.hpp"
#include "inference/chat/jinja_text.hpp"

namespace mnema::jinja {
namespace {

Filter find_filter(std::string_view name) {
  for (const std::span<const NamedFilter> part :
       {text_filters(), number_filters(), sequence_filters(), order_filters(), json_filters()}) {
    const auto found = std::find_if(part.begin(), part.end(), [&](const NamedFilter& f) { return f.first == name; });
    if (found != part.end()) return found->second;
  }
  return nullptr;
}

}  // namespace

bool is_filter(std::string_view name) { return find_filter(name) != nullptr; }

Value apply_filter(Rendering& r, std::string_view name, const Value& value, const Arguments& arguments) {
  if (r.stopped() || !r.step() || (value.string() != nullptr && !r.reads(*value.string()))) return {};
  const Filter filter = find_filter(name);
  if (filter == nullptr) return r.fail("unknown filter '" + std::string(name) + "'");
  return filter(r, value, arguments);
}

Value attribute_path(Rendering& r, const Value& value, const Value& path, const Value& otherwise) {
  if (path.is_none()) return value;
  const auto part_of = [&](const Value& at, const Value& part) {
    Value found = item_of(r, at, part);
    return found.is_undefined() && !otherwise.is_none() ? otherwise : found;
  };
  if (path.string() == nullptr) return part_of(value, path);
  Value at = value;
  std::string_view rest = *path.string();
  for (bool more = true; more && r.error.empty();) {
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view part = rest.substr(0, dot);
    more = dot < rest.size();
    rest.remove_prefix(std::min(dot + 1, rest.size()));
    const std::optional<Value> position = all_are(part, CharacterClass::kDigit) ? parse_integer(part) : std::nullopt;
    at = part_of(at, position ? *position : Value(part));
  }
  return at;
}

Value without_case(const Value& value) {
  return value.string() == nullptr ? value : Value(lower_case(*value.string()));
}

}  // namespace mnema::jinja
