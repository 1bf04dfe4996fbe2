// connectors/base64.hpp
//
// Standard base64 with padding (RFC 4648 §4), for signatures and embeddings.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mnema {

[[nodiscard]] std::string base64_encode(std::string_view bytes);
/// None if `text` is not padded base64 without blanks.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace mnema
