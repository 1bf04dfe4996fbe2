#include "connectors/http/url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "connectors/http/message.hpp"
#include "connectors/http/path.hpp"

namespace mnema {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

/// "https" of "HTTPS://h"; "" if `text` begins with no scheme (RFC 3986 §3.1).
std::string_view scheme_of(std::string_view text) {
  if (text.empty() || !is_letter(text[0])) return {};
  std::size_t end = 1;
  while (end < text.size() &&
         (is_letter(text[end]) || is_digit(text[end]) || text[end] == '+' || text[end] == '-' || text[end] == '.')) {
    ++end;
  }
  return end < text.size() && text[end] == ':' ? text.substr(0, end) : std::string_view{};
}

/// Letters, digits, '-' and '_' in labels that are not empty; one dot may end it. Others are written in punycode.
bool is_host_name(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty() || host.size() > 253) return false;
  std::size_t label = 0;
  for (const char c : host) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
    } else if (is_letter(c) || is_digit(c) || c == '-' || c == '_') {
      if (++label > 63) return false;
    } else {
      return false;
    }
  }
  return label > 0;
}

bool is_ipv6(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

/// RFC 3986 §5.2.4, for a path that begins with '/'.
std::string without_dot_segments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.size(), path.find('/', 1));
    const std::string_view segment = path.substr(0, end);
    const bool is_last = end == path.size();
    if (segment == "/.." || segment == "/.") {
      if (segment == "/..") out.resize(out.rfind('/') == std::string::npos ? 0 : out.rfind('/'));
      if (is_last) out += '/';
    } else {
      out += segment;
    }
    path.remove_prefix(end);
  }
  return out;
}

}  // namespace

Result<HttpUrl> HttpUrl::parse(std::string_view text) {
  auto refuse = [&](std::string_view why) {
    // A text that may hold a password, or line ends, is not repeated.
    const bool is_clean = text.find('@') == std::string_view::npos &&
                          std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7F; });
    return fail(ErrorCode::kInvalidArgument,
                (is_clean ? "'" + std::string(text) + "'" : std::string("a text")) +
                    " is not a URL that can be called: " + std::string(why),
                "write it as http://host:port/path or https://host/path");
  };
  HttpUrl url;
  const std::string_view scheme = scheme_of(text);
  std::string_view rest = text.substr(std::min(text.size(), scheme.size() + 1));
  if (equal_ignoring_case(scheme, "https")) {
    url.is_https = true;
    url.port = 443;
  } else if (!equal_ignoring_case(scheme, "http")) {
    return refuse("it begins with neither http:// nor https://");
  }
  if (!rest.starts_with("//")) return refuse("it begins with neither http:// nor https://");
  rest.remove_prefix(2);
  rest = rest.substr(0, rest.find('#'));
  std::size_t end = rest.find_first_of("/?");
  std::string_view authority = rest.substr(0, end);
  if (end != std::string_view::npos) url.path = (rest[end] == '?' ? "/" : "") + std::string(rest.substr(end));
  if (authority.find('@') != std::string_view::npos) {
    // The text itself is not repeated: it may hold a password.
    return fail(ErrorCode::kInvalidArgument, "a URL has a user name or password in it", "give it as a secret instead");
  }
  std::string_view port;
  if (authority.starts_with('[')) {
    std::size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return refuse("its [ is not closed");
    url.host = lower(authority.substr(1, bracket - 1));
    port = authority.substr(bracket + 1);
    if (!is_ipv6(url.host)) return refuse("what stands in [] is no IPv6 address");
  } else {
    std::size_t colon = authority.find(':');
    url.host = lower(authority.substr(0, colon));
    if (colon != std::string_view::npos) port = authority.substr(colon);
    if (url.host.empty()) return refuse("it has no host");
    if (!is_host_name(url.host)) return refuse("its host is no name");
  }
  if (!port.empty()) {
    if (!port.starts_with(':')) return refuse("something stands between its host and its port");
    port.remove_prefix(1);
    auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc{} || stop != port.data() + port.size() || url.port < 1 || url.port > 65535) {
      return refuse("its port is not a number from 1 to 65535");
    }
  }
  if (const Status target = check_request_target(url.path); !target.ok()) return refuse(target.error().message);
  return url;
}

std::string HttpUrl::origin() const {
  const bool has_brackets = host.find(':') != std::string::npos;
  return (is_https ? "https://" : "http://") + (has_brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<HttpUrl> resolve(const HttpUrl& base, std::string_view location) {
  location = location.substr(0, location.find('#'));
  if (!scheme_of(location).empty()) return HttpUrl::parse(location);
  if (location.starts_with("//")) return HttpUrl::parse((base.is_https ? "https:" : "http:") + std::string(location));
  const std::string base_path = base.path.empty() ? "/" : base.path.substr(0, base.path.find('?'));
  const std::string_view query = location.substr(std::min(location.size(), location.find('?')));
  std::string path(location.substr(0, location.find('?')));
  if (path.empty()) {
    path = base_path;
  } else if (!path.starts_with('/')) {
    path.insert(0, base_path.substr(0, base_path.rfind('/') + 1));
  }
  return HttpUrl::parse(base.origin() + without_dot_segments(path) + std::string(query));
}

namespace {

const char* first_set(const std::function<const char*(const char*)>& environment,
                      std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = environment(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return nullptr;
}

/// `list` is comma separated: "*", a host, or a domain with or without its leading dot; a port after ':' must match.
bool is_excluded(const HttpUrl& url, std::string_view list) {
  while (!list.empty()) {
    std::string_view entry = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), entry.size() + 1));
    while (entry.starts_with(' ')) entry.remove_prefix(1);
    while (entry.ends_with(' ')) entry.remove_suffix(1);
    if (entry == "*") return true;
    std::size_t colon = entry.find(':');
    if (colon != std::string_view::npos && colon == entry.rfind(':')) {
      if (entry.substr(colon + 1) != std::to_string(url.port)) continue;
      entry = entry.substr(0, colon);
    }
    if (entry.starts_with('.')) entry.remove_prefix(1);
    if (entry.empty() || url.host.size() < entry.size()) continue;
    std::string_view tail = std::string_view(url.host).substr(url.host.size() - entry.size());
    bool at_label = url.host.size() == entry.size() || url.host[url.host.size() - entry.size() - 1] == '.';
    if (at_label && equal_ignoring_case(tail, entry)) return true;
  }
  return false;
}

}  // namespace

std::optional<HttpUrl> proxy_for(const HttpUrl& url, const std::function<const char*(const char*)>& environment) {
  if (url.host == "localhost" || url.host == "::1" || url.host.starts_with("127.")) return std::nullopt;
  if (const char* list = first_set(environment, {"no_proxy", "NO_PROXY"}); list && is_excluded(url, list))
    return std::nullopt;
  // HTTP_PROXY in capitals is not read: under CGI a client's "Proxy:" header would set it.
  const char* proxy = url.is_https ? first_set(environment, {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
                                   : first_set(environment, {"http_proxy", "all_proxy", "ALL_PROXY"});
  if (proxy == nullptr) return std::nullopt;
  std::string text = proxy;
  if (text.find("://") == std::string::npos) text = "http://" + text;
  Result<HttpUrl> parsed = HttpUrl::parse(text);
  if (!parsed.ok()) return std::nullopt;
  return *parsed;
}

}  // namespace mnema
