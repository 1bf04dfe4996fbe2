#include "connectors/http/request_check.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "connectors/http/message.hpp"

namespace mnema {
namespace {

/// RFC 9110 §5.6.2
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

}  // namespace

Status check_method(std::string_view method) {
  if (!is_token(method) || method == "CONNECT" || method == "TRACE") {
    return fail(ErrorCode::kInvalidArgument, "the method of a call is none that can be sent",
                "use GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS, in capitals");
  }
  return {};
}

Status check_header(std::string_view name, std::string_view value) {
  if (!is_token(name)) {
    return fail(ErrorCode::kInvalidArgument,
                "the name of a call's header is empty or has a character that none may have",
                "use letters, digits and '-'");
  }
  constexpr std::array<std::string_view, 8> kFraming = {
      "content-length", "transfer-encoding", "connection", "upgrade", "trailer", "te", "expect", "keep-alive"};
  if (std::any_of(kFraming.begin(), kFraming.end(), [&](auto own) { return equal_ignoring_case(own, name); })) {
    return fail(ErrorCode::kInvalidArgument, "the header " + std::string(name) + " of a call is not its own to set",
                "leave it out");
  }
  const bool is_clean = std::all_of(value.begin(), value.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7F);
  });
  if (!is_clean) {
    return fail(
        ErrorCode::kInvalidArgument,
        "the value of the header " + std::string(name) + " of a call has a line end or another control character",
        "take it out");
  }
  return {};
}

}  // namespace mnema
