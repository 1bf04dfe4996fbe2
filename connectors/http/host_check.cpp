#include "connectors/http/host_check.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <string>

namespace mnema {
namespace {

/// `Host` without its port.
std::string_view name_of(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, std::min(host.size(), host.find(']') + 1));
  return host.substr(0, host.rfind(':'));
}

}  // namespace

bool is_loopback_host(std::string_view host) {
  if (host.size() > 2 && host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (equal_ignoring_case(host, "localhost")) return true;
  const std::string text(host);  // whole addresses only: "127.0.0.1.evil.example" is none
  in_addr four{};
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
  in6_addr six{};
  return inet_pton(AF_INET6, text.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

Status check_loopback_host(const HttpRequest& request) {
  if (!request.headers.has("host")) return {};
  const std::string_view host = request.headers.get("host");
  if (is_loopback_host(name_of(host))) return {};
  return fail(ErrorCode::kPermissionDenied,
              "this server listens on loopback only and does not answer as '" + std::string(host) + "'",
              "call it as localhost or 127.0.0.1; a proxy or tunnel in front of it must send that as Host");
}

}  // namespace mnema
