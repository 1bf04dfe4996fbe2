// inference/grammar/string_format.hpp
//
// The string formats of JSON Schema that a grammar can enforce, as expressions over a string's inside.
// Sources: RFC 3339 (date, time, date-time), RFC 4122 (uuid), RFC 2673 §3.2 (ipv4); email, hostname and uri are the
// common subset of their RFCs.
#pragma once

#include <optional>
#include <string_view>

#include "inference/grammar/expression.hpp"

namespace mnema::grammar {

/// nullopt for a format that is not known here.
[[nodiscard]] std::optional<Expression> expression_of_format(std::string_view format);

}  // namespace mnema::grammar
