// inference/chat/jinja_value.hpp
//
// What an expression of a chat template can be: Python's plain values, with lists and dictionaries shared by reference
// as Python shares them. Copying one costs nothing; a list never contains itself (jinja_operators.hpp, `may_hold`).
//
// Threads: confined to one rendering, except the values of a context that nobody changes.
#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/base/limits.hpp"

namespace mnema::jinja {

/// What is longer is cut while it is written, and then refused by whoever wanted it (jinja_rendering.hpp).
inline constexpr std::size_t kTextBytesMax = Limits{}.template_output_bytes_max;

class Value;
struct Rendering;
using List = std::vector<Value>;

/// Members in the order they were added.
struct Dict {
  std::vector<std::pair<std::string, Value>> members;

  [[nodiscard]] const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);
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
  Value(std::string value) : data_(std::make_shared<const std::string>(std::move(value))) {}
  Value(std::string_view value) : Value(std::string(value)) {}
  Value(const char* value) : Value(std::string(value)) {}
  Value(List list) : data_(std::shared_ptr<List>(new List(std::move(list)), Dismantle{})) {}
  Value(Dict dict) : data_(std::shared_ptr<Dict>(new Dict(std::move(dict)), Dismantle{})) {}
  Value(Function function) : data_(std::make_shared<Function>(std::move(function))) {}

  [[nodiscard]] static Value from_json(const boost::json::value& json);

  [[nodiscard]] bool is_undefined() const { return std::holds_alternative<Undefined>(data_); }
  [[nodiscard]] bool is_none() const { return std::holds_alternative<None>(data_); }
  [[nodiscard]] bool is_number() const { return integer() != nullptr || real() != nullptr; }
  [[nodiscard]] const bool* boolean() const { return std::get_if<bool>(&data_); }
  [[nodiscard]] const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data_); }
  [[nodiscard]] const double* real() const { return std::get_if<double>(&data_); }
  [[nodiscard]] const std::string* string() const {
    const auto* held = std::get_if<std::shared_ptr<const std::string>>(&data_);
    return held == nullptr ? nullptr : held->get();
  }
  [[nodiscard]] List* list() const;
  [[nodiscard]] Dict* dict() const;
  [[nodiscard]] const Function* function() const;

  /// Python's bool(): empty, zero, none and undefined are false.
  [[nodiscard]] bool truth() const;
  /// Of integers, floats and booleans; 0 of all else.
  [[nodiscard]] double number() const;
  /// What `{{ value }}` prints.
  [[nodiscard]] std::string text() const;
  /// Python's repr(), as it appears inside a printed list.
  [[nodiscard]] std::string representation() const;
  /// Python's json.dumps(ensure_ascii=False); `indent` < 0 = one line with ", " and ": ".
  [[nodiscard]] std::string json(int indent = -1) const;
  /// "string", "list", ... for messages.
  [[nodiscard]] std::string_view type_name() const;

 private:
  /// A template may nest lists as often as it has steps: they are taken apart without the stack.
  struct Dismantle {
    void operator()(List* list) const;
    void operator()(Dict* dict) const;
  };
  static void dismantle(List values);
  void write_representation(std::string& out, int level) const;
  void write_json(std::string& out, int indent, int level) const;

  std::variant<Undefined, None, bool, std::int64_t, double, std::shared_ptr<const std::string>, std::shared_ptr<List>,
               std::shared_ptr<Dict>, std::shared_ptr<Function>>
      data_;
};

}  // namespace mnema::jinja
