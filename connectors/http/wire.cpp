#include "connectors/http/wire.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return c > ' ' && c < 0x7F &&
           std::string_view("()<>@,;:\\\"/[]?={}").find(static_cast<char>(c)) == std::string_view::npos;
  });
}

bool stays_in_line(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

bool is_framing(std::string_view name) {
  return equal_ignoring_case(name, "content-length") || equal_ignoring_case(name, "transfer-encoding") ||
         equal_ignoring_case(name, "connection");
}

}  // namespace

std::string response_head(int status, const HttpHeaders& headers, const ResponseFraming& framing) {
  std::string out = framing.http_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ";
  out += std::to_string(status);
  out += ' ';
  out += reason_of(status);
  out += "\r\n";
  for (const auto& [name, value] : headers) {
    if (is_framing(name) || !is_token(name) || !stays_in_line(value)) continue;
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  }
  bool has_no_body = status == 204 || status == 304 || status < 200;
  if (framing.body_bytes && !has_no_body) {
    out += "content-length: " + std::to_string(*framing.body_bytes) + "\r\n";
  } else if (!framing.body_bytes && !framing.http_1_0) {
    out += "transfer-encoding: chunked\r\n";
  }
  if (framing.close) {
    out += "connection: close\r\n";
  } else if (framing.http_1_0) {
    out += "connection: keep-alive\r\n";
  }
  out += "\r\n";
  return out;
}

std::string chunk(std::string_view bytes) {
  CHECK(!bytes.empty(), "an empty chunk would end the body");
  std::array<char, 24> size{};
  int length = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  std::string out;
  out.reserve(bytes.size() + static_cast<std::size_t>(length) + 2);
  out.append(size.data(), static_cast<std::size_t>(length));
  out += bytes;
  out += "\r\n";
  return out;
}

}  // namespace mnema
