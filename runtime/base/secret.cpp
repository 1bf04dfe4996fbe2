#include "runtime/base/secret.hpp"

#include <string.h>

namespace mnema {

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    wipe();
    value_ = other.value_;
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    value_ = std::move(other.value_);
    other.wipe();
  }
  return *this;
}

void Secret::wipe() noexcept {
  // A small string moved from keeps its bytes in place; the capacity, not the size, is what may hold them.
  if (value_.capacity() > 0) {
    value_.resize(value_.capacity());
    explicit_bzero(value_.data(), value_.size());
  }
  value_.clear();
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace mnema
