// runtime/base/secret.hpp
//
// A value that cannot be logged by accident: it has no stream operator, no conversion to text, and formats as "***".
// The only way to the bytes is `reveal()`, which is easy to search for.
//
// Threads: plain value. The bytes are wiped when it goes.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace mnema {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { other.wipe(); }
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret() { wipe(); }

  [[nodiscard]] bool empty() const { return value_.empty(); }
  /// The bytes, for the one call that needs them. Never log, store or copy them.
  [[nodiscard]] std::string_view reveal() const { return value_; }

 private:
  void wipe() noexcept;
  std::string value_;
};

/// Compares in time that depends on the lengths only, never on where the first difference is.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace mnema
