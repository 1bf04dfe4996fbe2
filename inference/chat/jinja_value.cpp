#include "inference/chat/jinja_value.hpp"

#include <algorithm>
#include <limits>

namespace mnema::jinja {
namespace {

constexpr std::size_t kPlainWeight = 16;
// Sums of weights stop here, far above every bound, instead of wrapping round.
constexpr std::size_t kWeightMax = std::numeric_limits<std::size_t>::max() / 4;

}  // namespace

const Value* Dict::find(std::string_view name) const {
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Dict::set(std::string_view name, Value value) {
  spelling.clear();
  for (auto& [key, old] : members) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  members.emplace_back(std::string(name), std::move(value));
}

void Value::Extent::add(const Value& value) {
  depth = std::max(depth, value.depth() + 1);
  weight = std::min(kWeightMax, weight + value.weight());
  holds_namespace = holds_namespace || value.holds_namespace();
}

Value::Value(List list) {
  auto box = std::make_shared<ListBox>();
  for (const Value& element : list) box->extent.add(element);
  box->list = std::move(list);
  data_ = std::shared_ptr<const ListBox>(std::move(box));
}

Value::Value(Dict dict) {
  auto box = std::make_shared<DictBox>();
  box->extent.weight += dict.spelling.size();
  for (const auto& [name, value] : dict.members) {
    box->extent.add(value);
    box->extent.weight = std::min(kWeightMax, box->extent.weight + name.size());
  }
  box->dict = std::move(dict);
  data_ = std::shared_ptr<const DictBox>(std::move(box));
}

Value Value::new_namespace(Dict members) {
  Value value;
  value.data_ = std::make_shared<Namespace>(Namespace{std::move(members)});
  return value;
}

Value Value::from_json(const boost::json::value& json, bool content) {
  switch (json.kind()) {
    case boost::json::kind::null:
      return None{};
    case boost::json::kind::bool_:
      return json.get_bool();
    case boost::json::kind::int64:
      return json.get_int64();
    case boost::json::kind::uint64:
      return static_cast<double>(json.get_uint64());
    case boost::json::kind::double_:
      return json.get_double();
    case boost::json::kind::string: {
      std::string bytes(json.get_string());
      return content ? Text::content(std::move(bytes)) : Text(std::move(bytes));
    }
    case boost::json::kind::array: {
      List list;
      list.reserve(json.get_array().size());
      for (const boost::json::value& element : json.get_array()) list.push_back(from_json(element, content));
      return list;
    }
    case boost::json::kind::object: {
      Dict dict;
      dict.content_names = content;
      for (const auto& member : json.get_object())
        dict.members.emplace_back(std::string(member.key()), from_json(member.value(), content));
      return dict;
    }
  }
  return {};
}

const Text* Value::text() const {
  const auto* held = std::get_if<std::shared_ptr<const Text>>(&data_);
  return held == nullptr ? nullptr : held->get();
}

const List* Value::list() const {
  const auto* held = std::get_if<std::shared_ptr<const ListBox>>(&data_);
  return held == nullptr ? nullptr : &(*held)->list;
}

const Dict* Value::dict() const {
  const auto* held = std::get_if<std::shared_ptr<const DictBox>>(&data_);
  return held == nullptr ? nullptr : &(*held)->dict;
}

Namespace* Value::name_space() const {
  const auto* held = std::get_if<std::shared_ptr<Namespace>>(&data_);
  return held == nullptr ? nullptr : held->get();
}

const Function* Value::function() const {
  const auto* held = std::get_if<std::shared_ptr<const Function>>(&data_);
  return held == nullptr ? nullptr : held->get();
}

const Value::Extent* Value::extent() const {
  if (const auto* held = std::get_if<std::shared_ptr<const ListBox>>(&data_)) return &(*held)->extent;
  if (const auto* held = std::get_if<std::shared_ptr<const DictBox>>(&data_)) return &(*held)->extent;
  return nullptr;
}

bool Value::truth() const {
  if (const bool* value = boolean()) return *value;
  if (is_number()) return number() != 0;
  if (text() != nullptr) return !text()->empty();
  if (list() != nullptr) return !list()->empty();
  if (dict() != nullptr) return !dict()->members.empty();
  return function() != nullptr || name_space() != nullptr;
}

double Value::number() const {
  if (const bool* value = boolean()) return *value ? 1 : 0;
  if (const std::int64_t* value = integer()) return static_cast<double>(*value);
  if (const double* value = real()) return *value;
  return 0;
}

std::string_view Value::type_name() const {
  constexpr std::string_view kNames[] = {"undefined", "none", "boolean",    "integer",   "float",
                                         "string",    "list", "dictionary", "namespace", "function"};
  return kNames[data_.index()];
}

bool Value::operator==(const Value& other) const {
  if (integer() != nullptr && other.integer() != nullptr) return *integer() == *other.integer();
  const bool numeric = is_number() || boolean() != nullptr,
             other_numeric = other.is_number() || other.boolean() != nullptr;
  if (numeric && other_numeric) return number() == other.number();
  if (data_.index() != other.data_.index()) return false;
  if (text() != nullptr) return *text() == *other.text();
  if (list() != nullptr) return list() == other.list() || *list() == *other.list();
  if (dict() != nullptr) {
    if (dict() == other.dict()) return true;
    if (dict()->members.size() != other.dict()->members.size()) return false;
    return std::all_of(dict()->members.begin(), dict()->members.end(), [&](const auto& member) {
      const Value* match = other.dict()->find(member.first);
      return match != nullptr && member.second == *match;
    });
  }
  return function() == other.function() && name_space() == other.name_space();
}

bool Value::operator<(const Value& other) const {
  if (text() != nullptr && other.text() != nullptr) return text()->bytes() < other.text()->bytes();
  if (integer() != nullptr && other.integer() != nullptr) return *integer() < *other.integer();
  return number() < other.number();
}

int Value::depth() const {
  const Extent* known = extent();
  return known != nullptr ? known->depth : name_space() != nullptr ? 1 : 0;
}

std::size_t Value::weight() const {
  if (const Extent* known = extent()) return known->weight;
  return kPlainWeight + (text() != nullptr ? text()->size() : 0);
}

std::size_t Value::own_weight() const {
  if (text() != nullptr) return kPlainWeight + text()->size();
  if (list() != nullptr) return kPlainWeight * (1 + list()->size());
  if (dict() != nullptr) return kPlainWeight * (1 + 4 * dict()->members.size());
  return kPlainWeight;
}

bool Value::holds_namespace() const {
  const Extent* known = extent();
  return known != nullptr ? known->holds_namespace : name_space() != nullptr;
}

}  // namespace mnema::jinja
