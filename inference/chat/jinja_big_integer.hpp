// inference/chat/jinja_big_integer.hpp
//
// Integers of any size, by Boost.Multiprecision. Apart from jinja_numbers.hpp because few files look into them.
//
// Threads: plain values.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>

#include "inference/chat/jinja_value.hpp"

namespace mnema::jinja {

using Whole = boost::multiprecision::cpp_int;

/// What a Value holds where 64 bits are not enough.
struct BigInteger {
  Whole value;
};

[[nodiscard]] Value integer_value(const Whole& value);
/// Any integer or boolean. Precondition: it is one.
[[nodiscard]] Whole to_whole(const Value& value);
/// May be infinite.
[[nodiscard]] double to_double(const Whole& value);

}  // namespace mnema::jinja
