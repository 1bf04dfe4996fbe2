// inference/chat/jinja_value.hpp
//
// What an expression of a chat template can be: Python's plain values. Texts, lists and dictionaries never change once
// made; a namespace is the one thing that can, and it cannot hold another. So no value contains itself, how deep and
// how large one is stands beside it, and walking, printing and dropping it are bounded.
//
// Threads: confined to one rendering, except those of a context: values that cannot change may be read from any thread.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "inference/chat/jinja_text.hpp"

namespace mnema::jinja {

class Value;
struct Rendering;
using List = std::vector<Value>;

/// Members in the order they were added.
struct Dict {
  std::vector<std::pair<std::string, Value>> members;
  bool content_names = false;  // the names are content too (jinja_text.hpp)
  std::string spelling;        // the JSON text it was read from, where it is to be written again byte by byte

  [[nodiscard]] const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);
  [[nodiscard]] Text name_text(const std::string& name) const {
    return content_names ? Text::content(name) : Text(name);
  }
};

/// What `namespace()` makes.
struct Namespace {
  Dict members;
};

using Function = std::function<Value(Rendering&, const List& arguments, const Dict& named)>;

struct Undefined {};
struct None {};

class Value {
 public:
  Value() = default;  // undefined
  Value(None) : data_(None{}) {}
  Value(bool value) : data_(value) {}
  Value(int value) : data_(static_cast<std::int64_t>(value)) {}
  Value(std::int64_t value) : data_(value) {}
  Value(std::size_t value) : data_(static_cast<std::int64_t>(value)) {}
  Value(double value) : data_(value) {}
  Value(Text text) : data_(std::make_shared<const Text>(std::move(text))) {}
  Value(std::string text) : Value(Text(std::move(text))) {}
  Value(std::string_view text) : Value(Text(text)) {}
  Value(const char* text) : Value(Text(text)) {}
  Value(List list);
  Value(Dict dict);
  Value(Function function) : data_(std::make_shared<const Function>(std::move(function))) {}
  [[nodiscard]] static Value new_namespace(Dict members);
  /// `content`: its texts and names are somebody's words, not the template's.
  [[nodiscard]] static Value from_json(const boost::json::value& json, bool content);

  [[nodiscard]] bool is_undefined() const { return std::holds_alternative<Undefined>(data_); }
  [[nodiscard]] bool is_none() const { return std::holds_alternative<None>(data_); }
  /// An integer or a float; booleans count as numbers in arithmetic only.
  [[nodiscard]] bool is_number() const { return integer() != nullptr || real() != nullptr; }
  [[nodiscard]] const bool* boolean() const { return std::get_if<bool>(&data_); }
  [[nodiscard]] const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data_); }
  [[nodiscard]] const double* real() const { return std::get_if<double>(&data_); }
  [[nodiscard]] const Text* text() const;
  [[nodiscard]] const List* list() const;
  [[nodiscard]] const Dict* dict() const;
  [[nodiscard]] Namespace* name_space() const;
  [[nodiscard]] const Function* function() const;

  /// Python's bool(): empty, zero, none and undefined are false.
  [[nodiscard]] bool truth() const;
  /// Of integers, floats and booleans; 0 of all else.
  [[nodiscard]] double number() const;
  /// "string", "list", ... for messages.
  [[nodiscard]] std::string_view type_name() const;

  [[nodiscard]] bool operator==(const Value& other) const;
  /// Numbers by size, texts by bytes; false for what has no order.
  [[nodiscard]] bool operator<(const Value& other) const;

  /// Containers inside containers: 0 for plain values.
  [[nodiscard]] int depth() const;
  /// Bytes, about, with all that is inside: what comparing or printing it costs.
  [[nodiscard]] std::size_t weight() const;
  /// The same without what is inside: what copying it costs.
  [[nodiscard]] std::size_t own_weight() const;
  /// Whether a namespace is inside.
  [[nodiscard]] bool holds_namespace() const;

 private:
  /// Of a container, counted once when it is made.
  struct Extent {
    int depth = 1;
    std::size_t weight = 16;
    bool holds_namespace = false;
    void add(const Value& value);
  };
  struct ListBox {
    List list;
    Extent extent;
  };
  struct DictBox {
    Dict dict;
    Extent extent;
  };
  [[nodiscard]] const Extent* extent() const;

  std::variant<Undefined, None, bool, std::int64_t, double, std::shared_ptr<const Text>, std::shared_ptr<const ListBox>,
               std::shared_ptr<const DictBox>, std::shared_ptr<Namespace>, std::shared_ptr<const Function>>
      data_;
};

}  // namespace mnema::jinja
