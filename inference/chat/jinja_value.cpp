#include "inference/chat/jinja_value.hpp"

#include <algorithm>
#include <iterator>

#include "inference/chat/jinja_big_integer.hpp"
#include "inference/chat/jinja_numbers.hpp"
#include "inference/chat/jinja_rendering.hpp"
#include "runtime/base/json.hpp"

namespace mnema::jinja {
namespace {

constexpr int kKeyDepthMax = 50;  // tuples in tuples; what is nested deeper is no key

bool is_hashable_at(const Value& value, int depth) {
  if (value.dict() != nullptr || depth > kKeyDepthMax) return false;
  const Sequence* sequence = value.sequence();
  if (sequence == nullptr) return true;
  if (sequence->kind == SequenceKind::kRange) return true;
  return sequence->kind == SequenceKind::kTuple &&
         std::all_of(sequence->elements.begin(), sequence->elements.end(),
                     [&](const Value& element) { return is_hashable_at(element, depth + 1); });
}

}  // namespace

Value Object::call(Rendering& rendering, const Arguments&) {
  return rendering.fail("a " + std::string(type_name()) + " cannot be called");
}
std::optional<Value> Object::attribute(Rendering&, std::string_view) { return std::nullopt; }
std::optional<Value> Object::next(Rendering&) { return std::nullopt; }
std::string Object::shown(Rendering&) const { return "<" + std::string(type_name()) + ">"; }

Value::Value(Sequence sequence) : data_(std::shared_ptr<Sequence>(new Sequence(std::move(sequence)), Dismantle{})) {}
Value::Value(Dict dict) : data_(std::shared_ptr<Dict>(new Dict(std::move(dict)), Dismantle{})) {}

Value Value::undefined(std::string why) {
  Value value;
  value.data_ = Undefined{std::make_shared<const std::string>(std::move(why))};
  return value;
}

Value Value::markup(std::string text) {
  Value value;
  value.data_ = Text{std::make_shared<const std::string>(std::move(text)), true};
  return value;
}

Value Value::from_json(const boost::json::value& json) {
  switch (json.kind()) {
    case boost::json::kind::null:
      return None{};
    case boost::json::kind::bool_:
      return json.get_bool();
    case boost::json::kind::int64:
      return json.get_int64();
    case boost::json::kind::uint64:
      return unsigned_integer(json.get_uint64());
    case boost::json::kind::double_:
      return json.get_double();
    case boost::json::kind::string:
      return std::string(json.get_string());
    case boost::json::kind::array: {
      List list;
      for (const boost::json::value& element : json.get_array()) list.push_back(from_json(element));
      return list;
    }
    case boost::json::kind::object: {
      if (const auto digits = exact_integer(json)) return parse_integer(*digits).value_or(Value());
      Dict dict;
      for (const auto& member : json.get_object())
        dict.members.emplace_back(std::string(member.key()), from_json(member.value()));
      return dict;
    }
  }
  return {};
}

bool Value::is_markup() const {
  const Text* text = std::get_if<Text>(&data_);
  return text != nullptr && text->is_markup;
}

const BigInteger* Value::big() const {
  const auto* held = std::get_if<std::shared_ptr<const BigInteger>>(&data_);
  return held == nullptr ? nullptr : held->get();
}

const std::string* Value::string() const {
  const Text* text = std::get_if<Text>(&data_);
  return text == nullptr ? nullptr : text->bytes.get();
}

const Sequence* Value::sequence() const {
  const auto* held = std::get_if<std::shared_ptr<Sequence>>(&data_);
  return held == nullptr ? nullptr : held->get();
}

const List* Value::list() const { return sequence() == nullptr ? nullptr : &sequence()->elements; }

const Dict* Value::dict() const {
  const auto* held = std::get_if<std::shared_ptr<Dict>>(&data_);
  return held == nullptr ? nullptr : held->get();
}

Object* Value::object() const {
  const auto* held = shared_object();
  return held == nullptr ? nullptr : held->get();
}

const std::shared_ptr<Object>* Value::shared_object() const { return std::get_if<std::shared_ptr<Object>>(&data_); }

std::optional<std::int64_t> Value::index() const {
  if (const bool* flag = boolean()) return *flag ? 1 : 0;
  if (const std::int64_t* whole = integer()) return *whole;
  return std::nullopt;
}

bool Value::truth() const {
  if (const bool* value = boolean()) return *value;
  if (big() != nullptr) return true;
  if (is_numeric()) return number() != 0;
  if (string() != nullptr) return !string()->empty();
  if (list() != nullptr) return !list()->empty();
  if (dict() != nullptr) return !dict()->members.empty();
  return object() != nullptr;
}

double Value::number() const {
  if (const bool* value = boolean()) return *value ? 1 : 0;
  if (const std::int64_t* value = integer()) return static_cast<double>(*value);
  if (const double* value = real()) return *value;
  if (const BigInteger* value = big()) return to_double(value->value);
  return 0;
}

std::string Value::why_undefined() const {
  const Undefined* held = std::get_if<Undefined>(&data_);
  return held != nullptr && held->why != nullptr ? *held->why : "the value is undefined";
}

bool Value::same_as(const Value& other) const {
  if (data_.index() != other.data_.index()) return false;
  if (is_none()) return true;
  if (is_numeric()) return equal_keys(*this, other);
  if (string() != nullptr) return *string() == *other.string();
  if (sequence() != nullptr) {
    return sequence() == other.sequence() ||  // Python has one empty tuple
           (sequence()->kind == SequenceKind::kTuple && other.sequence()->kind == SequenceKind::kTuple &&
            list()->empty() && other.list()->empty());
  }
  if (dict() != nullptr) return dict() == other.dict();
  return object() != nullptr && object() == other.object();
}

std::string_view Value::type_name() const {
  if (const Sequence* of = sequence()) {
    constexpr std::string_view kNames[] = {"list", "tuple", "range", "dict_keys", "dict_values", "dict_items"};
    return kNames[static_cast<std::size_t>(of->kind)];
  }
  if (object() != nullptr) return object()->type_name();
  if (is_markup()) return "Markup";
  constexpr std::string_view kNames[] = {"Undefined", "NoneType", "bool", "int", "int", "float", "str", "", "dict", ""};
  return kNames[data_.index()];
}

void Value::Dismantle::operator()(Sequence* sequence) const {
  dismantle(std::move(sequence->elements));
  delete sequence;
}

void Value::Dismantle::operator()(Dict* dict) const {
  List values;
  for (auto& member : dict->members) values.push_back(std::move(member.second));
  delete dict;
  dismantle(std::move(values));
}

void Value::Dismantle::operator()(Object* object) const {
  List values;
  object->release(values);
  delete object;
  dismantle(std::move(values));
}

void Value::dismantle(List values) {
  while (!values.empty()) {
    const Value value = std::move(values.back());
    values.pop_back();
    // Whoever holds something last takes out what is in it first; then it goes without going deeper.
    if (auto* held = std::get_if<std::shared_ptr<Sequence>>(&value.data_); held != nullptr && held->use_count() == 1) {
      std::move((*held)->elements.begin(), (*held)->elements.end(), std::back_inserter(values));
      (*held)->elements.clear();
    }
    if (auto* held = std::get_if<std::shared_ptr<Dict>>(&value.data_); held != nullptr && held->use_count() == 1) {
      for (auto& member : (*held)->members) values.push_back(std::move(member.second));
      (*held)->members.clear();
    }
    if (const auto* held = value.shared_object(); held != nullptr && held->use_count() == 1) (*held)->release(values);
  }
}

const Value* Dict::find(std::string_view name) const {
  for (const auto& [key, value] : members) {
    if (key.string() != nullptr && *key.string() == name) return &value;
  }
  return nullptr;
}

const Value* Dict::find(const Value& key) const {
  if (key.string() != nullptr) return find(std::string_view(*key.string()));
  for (const auto& [other, value] : members) {
    if (equal_keys(other, key)) return &value;
  }
  return nullptr;
}

void Dict::set(const Value& key, Value value) {
  if (const Value* found = find(key))
    *const_cast<Value*>(found) = std::move(value);
  else
    members.emplace_back(key, std::move(value));
}

bool is_hashable(const Value& value) { return is_hashable_at(value, 0); }

bool equal_keys(const Value& a, const Value& b) {
  if (a.is_numeric() && b.is_numeric()) return compare_numbers(a, b) == Order::kEqual;
  if (a.string() != nullptr && b.string() != nullptr) return *a.string() == *b.string();
  if (a.sequence() != nullptr && b.sequence() != nullptr && a.sequence()->kind == b.sequence()->kind) {
    return std::equal(a.list()->begin(), a.list()->end(), b.list()->begin(), b.list()->end(), equal_keys);
  }
  if (a.is_undefined() && b.is_undefined()) return true;
  return a.same_as(b);
}

const Value* Arguments::find(std::string_view name) const {
  for (const auto& [key, value] : named) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace mnema::jinja
