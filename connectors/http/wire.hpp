// connectors/http/wire.hpp
//
// The bytes of a response: status line and header fields, and the frames of a chunked body (RFC 9112). Pure.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/http/message.hpp"

namespace mnema {

struct ResponseFraming {
  bool http_1_0 = false;
  bool close = false;                       // the connection ends after this answer
  std::optional<std::uint64_t> body_bytes;  // none: a stream, chunked (HTTP/1.1) or until the end (HTTP/1.0)
};

/// Status line and header with its closing blank line. Framing fields among `headers` are ours to set and are skipped;
/// a field whose name or value could break out of its line is skipped too.
[[nodiscard]] std::string response_head(int status, const HttpHeaders& headers, const ResponseFraming& framing);

/// One chunk. Precondition: `bytes` is not empty (an empty chunk would end the body).
[[nodiscard]] std::string chunk(std::string_view bytes);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace mnema
