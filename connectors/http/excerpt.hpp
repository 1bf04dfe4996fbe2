// connectors/http/excerpt.hpp
//
// Bytes of another side, made fit for an error text that is logged and stored.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/base/secret.hpp"

namespace mnema {

/// The start of `bytes`, at most about `bytes_max`: valid UTF-8 on one line, control characters as blanks, `secret`
/// (which the other side may have repeated) masked wherever it stands, also where it would be cut.
[[nodiscard]] std::string excerpt(std::string_view bytes, const Secret& secret, std::size_t bytes_max = 200);

}  // namespace mnema
