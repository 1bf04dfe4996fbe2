#include "cli/models/hub_download.hpp"

#include <httplib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "connectors/http/url.hpp"

namespace mnema {
namespace {

constexpr char kUsualEndpoint[] = "https://huggingface.co";

std::string environment(const char* upper, const char* lower) {
  if (const char* value = std::getenv(upper); value != nullptr && *value != '\0') return value;
  if (const char* value = std::getenv(lower); value != nullptr && *value != '\0') return value;
  return {};
}

/// A connection to where `url` lies. The token goes to the hub alone: what a redirect leads to is another's server,
/// whose addresses carry what they need.
httplib::Client client_for(const HttpUrl& url) {
  httplib::Client client(url.origin());
  if (const auto proxy = proxy_for(url, [](const char* name) -> const char* { return std::getenv(name); })) {
    client.set_proxy(proxy->host, proxy->port);
  }
  return client;
}

httplib::Headers headers_of(const HubAccess& access, bool at_the_hub) {
  httplib::Headers headers{{"User-Agent", "mnema"}};
  if (at_the_hub && !access.token.empty()) {
    headers.emplace("Authorization", "Bearer " + std::string(access.token.reveal()));
  }
  return headers;
}

Result<HttpUrl> url_of(const HubAccess& access, const HubFile& file) {
  return HttpUrl::parse(access.endpoint + "/" + file.repository + "/resolve/main/" + file.file);
}

bool is_redirect(int status) { return status >= 300 && status < 400 && status != 304; }

/// Where `location` leads, seen from `url`.
Result<HttpUrl> redirected(const HttpUrl& url, const std::string& location) {
  ASSIGN_OR_RETURN(HttpUrl next, resolve(url, location));
  if (url.is_https && !next.is_https) {
    return fail(ErrorCode::kPermissionDenied,
                url.origin() + " redirects to " + next.origin() + ", which is not secure");
  }
  return next;
}

Error refused(int status, const HubFile& file) {
  const std::string what = "the hub answered " + std::to_string(status) + " for " + file.repository + ":" + file.file;
  if (status == 404) return fail(ErrorCode::kNotFound, what, "check the repository's and the file's names");
  if (status == 401 || status == 403) {
    return fail(ErrorCode::kPermissionDenied, what, "accept the model's terms on the hub and set HF_TOKEN");
  }
  return fail_retryable(ErrorCode::kUnavailable, what, "try again later");
}

}  // namespace

HubAccess HubAccess::from_environment() {
  HubAccess access;
  access.endpoint = environment("HF_ENDPOINT", "hf_endpoint");
  if (access.endpoint.empty()) access.endpoint = kUsualEndpoint;
  while (access.endpoint.ends_with('/')) access.endpoint.pop_back();
  access.token = Secret(environment("HF_TOKEN", "hf_token"));
  return access;
}

Result<HubFile> HubFile::parse(const std::string& text) {
  const auto colon = text.find(':');
  const auto slash = text.find('/');
  if (colon == std::string::npos || slash == std::string::npos || slash > colon || colon + 1 >= text.size() ||
      text.find("..") != std::string::npos) {
    return fail(ErrorCode::kInvalidArgument, "'" + text + "' is not ORG/REPO:FILE",
                "for example hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF:qwen2.5-0.5b-instruct-q4_k_m.gguf");
  }
  return HubFile{text.substr(0, colon), text.substr(colon + 1)};
}

Result<HubFileInfo> look_up(const HubAccess& access, const HubFile& file, int limit_seconds) {
  ASSIGN_OR_RETURN(const HttpUrl url, url_of(access, file));
  httplib::Client client = client_for(url);
  client.set_connection_timeout(limit_seconds);
  client.set_read_timeout(limit_seconds);
  // The hub names digest and size on its own answer, before it redirects to where the bytes are.
  const auto answer = client.Head(url.path, headers_of(access, true));
  if (!answer) {
    return fail_retryable(ErrorCode::kUnavailable,
                          "no answer from " + access.endpoint + " (" + httplib::to_string(answer.error()) + ")",
                          "check the network, HTTPS_PROXY and HF_ENDPOINT");
  }
  if (answer->status >= 400) return refused(answer->status, file);
  HubFileInfo info;
  std::string size = answer->get_header_value("X-Linked-Size");
  if (size.empty() && !is_redirect(answer->status)) size = answer->get_header_value("Content-Length");
  info.bytes = std::atoll(size.c_str());
  std::string digest = answer->get_header_value("X-Linked-Etag");
  std::erase(digest, '"');
  if (digest.size() == 64) info.sha256 = digest;
  return info;
}

Status download(const HubAccess& access, const HubFile& file, const std::string& path,
                const std::function<void(std::int64_t)>& on_progress) {
  constexpr int kRedirectsMax = 5;
  std::error_code ignored;
  std::int64_t have =
      std::filesystem::exists(path, ignored) ? static_cast<std::int64_t>(std::filesystem::file_size(path, ignored)) : 0;
  ASSIGN_OR_RETURN(const HttpUrl hub, url_of(access, file));
  HttpUrl url = hub;
  for (int redirects = 0; redirects <= kRedirectsMax; ++redirects) {
    httplib::Client client = client_for(url);
    client.set_connection_timeout(10);
    client.set_read_timeout(60);
    httplib::Headers headers = headers_of(access, url.origin() == hub.origin());
    if (have > 0) headers.emplace("Range", "bytes=" + std::to_string(have) + "-");
    std::ofstream out;
    int status = 0;
    std::string location;
    bool disk_full = false;
    const auto answer = client.Get(
        url.path, headers,
        [&](const httplib::Response& response) {
          status = response.status;
          location = response.get_header_value("Location");
          if (status != 200 && status != 206) return is_redirect(status);
          // A server that ignores Range sends the whole file again.
          if (status == 200) have = 0;
          out.open(path, std::ios::binary | (have > 0 ? std::ios::app : std::ios::trunc));
          return out.is_open();
        },
        [&](const char* data, std::size_t bytes) {
          if (!out.is_open()) return true;
          out.write(data, static_cast<std::streamsize>(bytes));
          if (!out) {
            disk_full = true;
            return false;
          }
          have += static_cast<std::int64_t>(bytes);
          if (on_progress) on_progress(have);
          return true;
        });
    if (is_redirect(status)) {
      ASSIGN_OR_RETURN(url, redirected(url, location));
      continue;
    }
    if (disk_full) return fail(ErrorCode::kStorage, "cannot write '" + path + "'", "is the disk full?");
    if (status == 416) return {};  // nothing left to send: size and digest decide whether that was the file
    if (status >= 400) return refused(status, file);
    if (!answer) {
      return fail_retryable(ErrorCode::kUnavailable,
                            "the transfer of " + file.file + " broke off (" + httplib::to_string(answer.error()) + ")",
                            "run the command again: it goes on where it stopped");
    }
    out.close();
    if (!out) return fail(ErrorCode::kStorage, "cannot write '" + path + "'", "is the disk full?");
    return {};
  }
  return fail(ErrorCode::kUnavailable, "the hub redirected " + file.file + " more than five times");
}

}  // namespace mnema
