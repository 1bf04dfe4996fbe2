#include "cli/models/hub_download.hpp"

#include <httplib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace mnema {
namespace {

constexpr char kUsualEndpoint[] = "https://huggingface.co";

std::string environment(const char* upper, const char* lower) {
  if (const char* value = std::getenv(upper); value != nullptr && *value != '\0') return value;
  if (const char* value = std::getenv(lower); value != nullptr && *value != '\0') return value;
  return {};
}

std::string host_of(std::string url) {
  if (const auto scheme = url.find("://"); scheme != std::string::npos) url.erase(0, scheme + 3);
  return url.substr(0, url.find_first_of(":/"));
}

bool excluded_from_proxy(const std::string& host) {
  std::string list = environment("NO_PROXY", "no_proxy");
  for (std::size_t begin = 0; begin < list.size();) {
    std::size_t end = std::min(list.find(',', begin), list.size());
    std::string entry = list.substr(begin, end - begin);
    entry.erase(0, entry.find_first_not_of(" ."));
    if (entry == "*" || entry == host) return true;
    if (!entry.empty() && host.size() > entry.size() && host.ends_with("." + entry)) return true;
    begin = end + 1;
  }
  return false;
}

httplib::Headers headers_of(const HubAccess& access) {
  httplib::Headers headers{{"User-Agent", "mnema"}};
  if (!access.token.empty()) headers.emplace("Authorization", "Bearer " + std::string(access.token.reveal()));
  return headers;
}

httplib::Client client_for(const HubAccess& access) {
  httplib::Client client(access.endpoint);
  client.set_follow_location(true);
  if (!access.proxy_host.empty()) client.set_proxy(access.proxy_host.c_str(), access.proxy_port);
  return client;
}

std::string path_of(const HubFile& file) { return "/" + file.repository + "/resolve/main/" + file.file; }

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
  const bool secure = access.endpoint.starts_with("https://");
  std::string proxy = secure ? environment("HTTPS_PROXY", "https_proxy") : environment("HTTP_PROXY", "http_proxy");
  if (!proxy.empty() && !excluded_from_proxy(host_of(access.endpoint))) {
    access.proxy_host = host_of(proxy);
    const auto colon = proxy.rfind(':');
    access.proxy_port = colon == std::string::npos ? 0 : std::atoi(proxy.c_str() + colon + 1);
    if (access.proxy_port == 0) access.proxy_port = 80;
  }
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
  httplib::Client client = client_for(access);
  // The hub names digest and size on its own answer, before it redirects to where the bytes are.
  client.set_follow_location(false);
  client.set_connection_timeout(limit_seconds);
  client.set_read_timeout(limit_seconds);
  const auto answer = client.Head(path_of(file).c_str(), headers_of(access));
  if (!answer) {
    return fail_retryable(ErrorCode::kUnavailable,
                          "no answer from " + access.endpoint + " (" + httplib::to_string(answer.error()) + ")",
                          "check the network, HTTPS_PROXY and HF_ENDPOINT");
  }
  if (answer->status >= 400) return refused(answer->status, file);
  HubFileInfo info;
  const std::string size = answer->get_header_value("X-Linked-Size");
  info.bytes = std::atoll((size.empty() ? answer->get_header_value("Content-Length") : size).c_str());
  std::string digest = answer->get_header_value("X-Linked-Etag");
  std::erase(digest, '"');
  if (digest.size() == 64) info.sha256 = digest;
  return info;
}

Status download(const HubAccess& access, const HubFile& file, const std::string& path,
                const std::function<void(std::int64_t)>& on_progress) {
  std::error_code ignored;
  std::int64_t have =
      std::filesystem::exists(path, ignored) ? static_cast<std::int64_t>(std::filesystem::file_size(path, ignored)) : 0;
  httplib::Client client = client_for(access);
  client.set_connection_timeout(10);
  client.set_read_timeout(60);
  httplib::Headers headers = headers_of(access);
  if (have > 0) headers.emplace("Range", "bytes=" + std::to_string(have) + "-");
  std::ofstream out;
  int status = 0;
  bool disk_full = false;
  const auto answer = client.Get(
      path_of(file).c_str(), headers,
      [&](const httplib::Response& response) {
        status = response.status;
        if (status != 200 && status != 206) return status >= 300 && status < 400;
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
  if (disk_full) return fail(ErrorCode::kStorage, "cannot write '" + path + "'", "is the disk full?");
  if (status == 416) return {};  // nothing left to send: the digest decides whether that was the file
  if (status >= 400) return refused(status, file);
  if (!answer) {
    return fail_retryable(ErrorCode::kUnavailable,
                          "the transfer of " + file.file + " broke off (" + httplib::to_string(answer.error()) + ")",
                          "run the command again: it goes on where it stopped");
  }
  return {};
}

}  // namespace mnema
