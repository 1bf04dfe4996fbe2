// inference/chat/jinja_value.hpp
//
// What an expression of a chat template can be: Python's plain values. Nothing can be changed once it is made
// (templates run in Jinja's immutable sandbox), so copies share; only namespaces, loops and iterators have state
// (`Object`).
//
// Source: the data model of Python 3, https://docs.python.org/3/reference/datamodel.html, and markupsafe's Markup.
//
// Threads: confined to one rendering, except the values of a context, which nobody changes.
#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace mnema::jinja {

class Value;
struct Dict;
struct Rendering;
struct Arguments;
using List = std::vector<Value>;
/// An integer that 64 bits cannot hold (jinja_numbers.hpp).
struct BigInteger;

enum class SequenceKind { kList, kTuple, kRange, kKeys, kValues, kItems };

struct Sequence {
  SequenceKind kind = SequenceKind::kList;
  List elements;
  std::int64_t start = 0, stop = 0, step = 1;  // of ranges
  bool is_group = false;                       // what groupby makes: (grouper, list), by name too
};

/// What has behaviour or state: functions, macros, bound methods, namespaces, loops, iterators.
class Object {
 public:
  virtual ~Object() = default;
  /// "macro", "generator", ... for messages.
  [[nodiscard]] virtual std::string_view type_name() const = 0;
  [[nodiscard]] virtual bool callable() const { return false; }
  virtual Value call(Rendering& rendering, const Arguments& arguments);
  /// `object.name`; nothing where there is no such attribute.
  [[nodiscard]] virtual std::optional<Value> attribute(Rendering& rendering, std::string_view name);
  /// Whether it is an iterator: each element once.
  [[nodiscard]] virtual bool is_iterator() const { return false; }
  [[nodiscard]] virtual std::optional<Value> next(Rendering& rendering);
  /// What `{{ object }}` prints.
  [[nodiscard]] virtual std::string shown(Rendering& rendering) const;
  /// Moves the values that it holds out of it, so that a chain of objects is destroyed without the stack.
  virtual void release(List& into) { static_cast<void>(into); }
};

struct Undefined {
  std::shared_ptr<const std::string> why;  // "'x' is undefined"; may be nullptr
};
struct None {};
struct Text {
  std::shared_ptr<const std::string> bytes;  // UTF-8
  bool is_markup = false;                    // went through |safe or |escape: what joins it is escaped
};

class Value {
 public:
  Value() = default;  // undefined
  Value(None) : data_(None{}) {}
  Value(bool value) : data_(value) {}
  Value(int value) : data_(static_cast<std::int64_t>(value)) {}
  Value(std::int64_t value) : data_(value) {}
  Value(std::size_t value) : data_(static_cast<std::int64_t>(value)) {}
  explicit Value(std::shared_ptr<const BigInteger> value) : data_(std::move(value)) {}
  Value(double value) : data_(value) {}
  Value(std::string value) : data_(Text{std::make_shared<const std::string>(std::move(value))}) {}
  Value(std::string_view value) : Value(std::string(value)) {}
  Value(const char* value) : Value(std::string(value)) {}
  Value(List list) : Value(Sequence{SequenceKind::kList, std::move(list)}) {}
  Value(Sequence sequence);
  Value(Dict dict);

  /// An object of class `T`, made from `parts`.
  template <class T, class... Parts>
  [[nodiscard]] static Value make(Parts&&... parts) {
    Value value;
    value.data_ = std::shared_ptr<Object>(new T(std::forward<Parts>(parts)...), Dismantle{});
    return value;
  }
  [[nodiscard]] static Value undefined(std::string why);
  [[nodiscard]] static Value markup(std::string text);
  [[nodiscard]] static Value tuple(List elements) { return Sequence{SequenceKind::kTuple, std::move(elements)}; }
  [[nodiscard]] static Value from_json(const boost::json::value& json);

  [[nodiscard]] bool is_undefined() const { return std::holds_alternative<Undefined>(data_); }
  [[nodiscard]] bool is_none() const { return std::holds_alternative<None>(data_); }
  [[nodiscard]] bool is_integer() const { return integer() != nullptr || big() != nullptr; }
  /// Integers, floats and booleans: what Python calculates with.
  [[nodiscard]] bool is_numeric() const { return is_integer() || real() != nullptr || boolean() != nullptr; }
  [[nodiscard]] bool is_markup() const;
  [[nodiscard]] const bool* boolean() const { return std::get_if<bool>(&data_); }
  [[nodiscard]] const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data_); }
  [[nodiscard]] const BigInteger* big() const;
  [[nodiscard]] const double* real() const { return std::get_if<double>(&data_); }
  [[nodiscard]] const std::string* string() const;
  [[nodiscard]] const Sequence* sequence() const;
  /// The elements of any sequence.
  [[nodiscard]] const List* list() const;
  [[nodiscard]] const Dict* dict() const;
  [[nodiscard]] Object* object() const;
  [[nodiscard]] const std::shared_ptr<Object>* shared_object() const;

  /// Integers that fit in 64 bits, and booleans: what may be an index or a count.
  [[nodiscard]] std::optional<std::int64_t> index() const;
  /// Python's bool(): empty, zero, none and undefined are false.
  [[nodiscard]] bool truth() const;
  /// Of integers, floats and booleans; 0 of all else.
  [[nodiscard]] double number() const;
  /// Why it is undefined, for an error.
  [[nodiscard]] std::string why_undefined() const;
  /// Python's `is`.
  [[nodiscard]] bool same_as(const Value& other) const;
  /// Python's name of the type: "str", "list", ... for messages.
  [[nodiscard]] std::string_view type_name() const;

 private:
  /// A template may nest lists as often as it has steps: they are destroyed without the stack.
  struct Dismantle {
    void operator()(Sequence* sequence) const;
    void operator()(Dict* dict) const;
    void operator()(Object* object) const;
  };
  static void dismantle(List values);

  std::variant<Undefined, None, bool, std::int64_t, std::shared_ptr<const BigInteger>, double, Text,
               std::shared_ptr<Sequence>, std::shared_ptr<Dict>, std::shared_ptr<Object>>
      data_;
};

/// Members in the order they were added. A key is anything that Python can hash.
struct Dict {
  std::vector<std::pair<Value, Value>> members;
  /// What it prints as and counts as in a concatenation, where it is more than a dictionary: a tool call's arguments.
  std::shared_ptr<const std::string> json_text;

  [[nodiscard]] const Value* find(std::string_view name) const;
  /// Also finds 1 under 1.0 and True, as Python does. Precondition: a key (`is_hashable`).
  [[nodiscard]] const Value* find(const Value& key) const;
  /// Precondition: a key.
  void set(const Value& key, Value value);
};

/// Whether Python could have it as a key: no list, no dictionary, no tuple of such.
[[nodiscard]] bool is_hashable(const Value& value);
/// `a == b` of keys: numbers by size, texts by bytes, tuples by elements.
[[nodiscard]] bool equal_keys(const Value& a, const Value& b);

/// What a call is given.
struct Arguments {
  List positional;
  std::vector<std::pair<std::string, Value>> named;

  [[nodiscard]] const Value* find(std::string_view name) const;
};

}  // namespace mnema::jinja
