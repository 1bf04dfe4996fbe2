#include "connectors/http/url.hpp"

#include <charconv>

#include "connectors/http/message.hpp"

namespace mnema {

Result<HttpUrl> HttpUrl::parse(std::string_view text) {
  auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::kInvalidArgument,
                "'" + std::string(text) + "' is not a URL that can be called: " + std::string(why),
                "write it as http://host:port/path or https://host/path");
  };
  HttpUrl url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    url.is_https = true;
    url.port = 443;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return refuse("it begins with neither http:// nor https://");
  }
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
    url.host = authority.substr(1, bracket - 1);
    port = authority.substr(bracket + 1);
  } else {
    std::size_t colon = authority.find(':');
    url.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon);
  }
  if (url.host.empty() || url.host.find_first_of(" \t\r\n\\<>\"") != std::string::npos) return refuse("it has no host");
  if (!port.empty()) {
    port.remove_prefix(1);
    auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc{} || stop != port.data() + port.size() || url.port < 1 || url.port > 65535) {
      return refuse("its port is not a number from 1 to 65535");
    }
  }
  if (url.path.find_first_of("\r\n \t") != std::string::npos) return refuse("its path has a space or line end");
  return url;
}

std::string HttpUrl::origin() const {
  bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_https ? "https://" : "http://") + (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<HttpUrl> resolve(const HttpUrl& base, std::string_view location) {
  if (location.starts_with("http://") || location.starts_with("https://")) return HttpUrl::parse(location);
  if (location.starts_with("//")) return HttpUrl::parse((base.is_https ? "https:" : "http:") + std::string(location));
  if (location.starts_with('/')) return HttpUrl::parse(base.origin() + std::string(location));
  std::string folder = base.path.substr(0, base.path.find('?'));
  folder.resize(folder.rfind('/') == std::string::npos ? 0 : folder.rfind('/'));
  return HttpUrl::parse(base.origin() + folder + "/" + std::string(location));
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
