// inference/chat/jinja_parameters.hpp
//
// What a function, filter or method is given, matched with the parameters that it has, as Python does it.
//
// Threads: confined to one call.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

class Parameters {
 public:
  /// `names` of all parameters in order; "" cannot be given by name. The first `required` must be there. An error of
  /// the template where something does not fit: then nothing is given.
  Parameters(Rendering& rendering, std::string_view callee, const Arguments& arguments,
             std::initializer_list<std::string_view> names, std::size_t required = 0)
      : rendering_(rendering), callee_(callee), given_(names.size(), nullptr) {
    if (arguments.positional.size() > names.size()) {
      refuse("takes fewer arguments");
      return;
    }
    for (std::size_t i = 0; i < arguments.positional.size(); ++i) given_[i] = &arguments.positional[i];
    for (const auto& [name, value] : arguments.named) {
      const auto* found = std::find(names.begin(), names.end(), std::string_view(name));
      if (found == names.end() || name.empty()) {
        refuse("has no argument '" + name + "'");
        return;
      }
      const auto place = static_cast<std::size_t>(found - names.begin());
      if (given_[place] != nullptr) {
        refuse("is given '" + name + "' twice");
        return;
      }
      given_[place] = &value;
    }
    for (std::size_t i = 0; i < required; ++i) {
      if (given_[i] == nullptr) {
        refuse("needs more arguments");
        return;
      }
    }
  }

  /// Whether all fits, and nothing has gone wrong before.
  [[nodiscard]] bool ok() const { return rendering_.error.empty(); }
  /// nullptr where it was not given.
  [[nodiscard]] const Value* operator[](std::size_t i) const { return given_[i]; }
  [[nodiscard]] Value get(std::size_t i, Value otherwise) const { return given_[i] ? *given_[i] : otherwise; }
  [[nodiscard]] bool truth(std::size_t i, bool otherwise) const { return given_[i] ? given_[i]->truth() : otherwise; }
  /// Whether it was given and is not none.
  [[nodiscard]] bool has(std::size_t i) const { return given_[i] != nullptr && !given_[i]->is_none(); }
  /// An integer; an error of the template where it is something else.
  [[nodiscard]] std::int64_t integer(std::size_t i, std::int64_t otherwise) {
    if (given_[i] == nullptr) return otherwise;
    if (const std::optional<std::int64_t> value = given_[i]->index()) return *value;
    refuse("needs an integer, not a value of type " + std::string(given_[i]->type_name()));
    return otherwise;
  }
  /// A text; an error of the template where it is something else.
  [[nodiscard]] std::string text(std::size_t i, std::string otherwise = {}) {
    if (given_[i] == nullptr) return otherwise;
    if (const std::string* text = given_[i]->string()) return *text;
    refuse("needs a text, not a value of type " + std::string(given_[i]->type_name()));
    return otherwise;
  }
  void refuse(const std::string& why) {
    rendering_.fail("'" + std::string(callee_) + "' " + why);
    std::fill(given_.begin(), given_.end(), nullptr);
  }

 private:
  Rendering& rendering_;
  std::string_view callee_;
  std::vector<const Value*> given_;
};

}  // namespace mnema::jinja
