// inference/chat/jinja_iteration.hpp
//
// What a `for` or a filter walks over: element by element, as Python's iterators do. What select, map and their like
// return is walked over once, and computed only as far as somebody looks.
//
// Threads: confined to one rendering.
#pragma once

#include <functional>
#include <optional>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

[[nodiscard]] bool is_iterable(const Value& value);

/// The elements of a list, the characters of a text, the names of a dictionary, what an iterator still has. Nothing of
/// what is undefined. For all else the first element that is wanted is an error of the template.
class Walk {
 public:
  Walk() = default;
  explicit Walk(Value over) : over_(std::move(over)) {}

  /// Pays a step for each.
  [[nodiscard]] std::optional<Value> next(Rendering& rendering);
  /// Python's len() of what is walked over; nothing for iterators.
  [[nodiscard]] std::optional<std::size_t> length() const;
  void release(List& into) { into.push_back(std::move(over_)); }

 private:
  Value over_;
  std::size_t at_ = 0;  // element, or byte
};

/// Everything that is left, as a list.
[[nodiscard]] List elements_of(Rendering& rendering, const Value& value);

/// The iterator that a filter returns.
class Generator final : public Object {
 public:
  /// The next element, or nothing at the end.
  using Next = std::function<std::optional<Value>(Rendering&, Walk&, Arguments&)>;

  /// `next` may keep no Value of its own: what it needs is in `walk` and `arguments`, which are destroyed without the
  /// stack.
  Generator(Walk walk, Arguments arguments, Next next)
      : walk_(std::move(walk)), arguments_(std::move(arguments)), next_(std::move(next)) {}

  [[nodiscard]] std::string_view type_name() const override { return "generator"; }
  [[nodiscard]] bool is_iterator() const override { return true; }
  [[nodiscard]] std::optional<Value> next(Rendering& rendering) override;
  void release(List& into) override;

 private:
  Walk walk_;
  Arguments arguments_;
  Next next_;
  bool ended_ = false;
};

}  // namespace mnema::jinja
