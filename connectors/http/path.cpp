#include "connectors/http/path.hpp"

#include <algorithm>
#include <array>

#include "connectors/http/message.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace {

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

Error refused(const std::string& why) {
  return fail(ErrorCode::kInvalidArgument, "the path of a call " + why,
              "build it with path(\"v1\").segment(text).query(name, value), which encodes each part");
}

std::string hex_of(char c) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  return {kHex[byte >> 4], kHex[byte & 15]};
}

}  // namespace

std::string percent_encode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      out += '%' + hex_of(c);
    }
  }
  return out;
}

HttpPath& HttpPath::segment(std::string_view text) {
  CHECK(!has_query_, "the segments of a path come before its query");
  text_ += '/';
  text_ += text.empty() ? "." : percent_encode(text);
  return *this;
}

HttpPath& HttpPath::query(std::string_view name, std::string_view value) {
  text_ += (has_query_ ? '&' : '?') + percent_encode(name) + '=' + percent_encode(value);
  has_query_ = true;
  return *this;
}

HttpPath path(std::string_view first_segment) {
  HttpPath built;
  built.segment(first_segment);
  return built;
}

Status check_request_target(std::string_view target) {
  if (target.empty()) return {};
  if (target[0] != '/') return refused("does not begin with '/'");
  constexpr std::string_view kForbidden = "#\\\"<>";
  for (std::size_t i = 0; i < target.size(); ++i) {
    const char c = target[i];
    if (c <= ' ' || c >= 0x7F || kForbidden.find(c) != std::string_view::npos) {
      return refused("has the byte 0x" + hex_of(c) + " at position " + std::to_string(i) + ", which must be encoded");
    }
  }
  // Servers differ in whether they see %2F as a slash; a segment of dots must be none in either reading.
  const std::optional<std::string> decoded = percent_decode(target.substr(0, target.find('?')), false);
  if (!decoded || !percent_decode(target, false)) return refused("has a '%' that is not followed by two hex digits");
  std::string_view rest = *decoded;
  while (!rest.empty()) {
    const std::string_view segment = rest.substr(0, rest.find_first_of("/\\"));
    if (segment == "." || segment == "..") return refused("has an empty segment, or one that is '.' or '..'");
    rest.remove_prefix(std::min(rest.size(), segment.size() + 1));
  }
  return {};
}

}  // namespace mnema
