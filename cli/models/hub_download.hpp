// cli/models/hub_download.hpp
//
// One file from a model hub (`ORG/REPO:FILE`), resumable. The hub's address is $HF_ENDPOINT or the usual one; the
// proxy is $HTTPS_PROXY / $HTTP_PROXY unless $NO_PROXY names the host; $HF_TOKEN is sent if set, to the hub and to no
// server that it redirects to.
//
// Threads: blocks the caller.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "runtime/base/result.hpp"
#include "runtime/base/secret.hpp"

namespace mnema {

/// What the environment says about reaching the hub.
struct HubAccess {
  std::string endpoint;  // "https://host[:port]"
  Secret token;

  [[nodiscard]] static HubAccess from_environment();
};

struct HubFile {
  std::string repository;  // "ORG/REPO"
  std::string file;

  /// Reads "ORG/REPO:FILE". Errors: `kInvalidArgument`.
  [[nodiscard]] static Result<HubFile> parse(const std::string& text);
};

struct HubFileInfo {
  std::int64_t bytes = 0;  // 0 where the hub does not say
  std::string sha256;      // empty where the hub does not say
};

/// Asks for size and digest. Errors: `kUnavailable` (retryable) when nothing answers within `limit_seconds`;
/// `kNotFound`, `kPermissionDenied` by the hub's word.
[[nodiscard]] Result<HubFileInfo> look_up(const HubAccess& access, const HubFile& file, int limit_seconds);

/// Fetches the file into `path`, going on where a partial `path` ends. `on_progress` gets the bytes on disk. Whether
/// what lies there then is the file is for the caller to check: a `path` that is too long already stays as it is.
[[nodiscard]] Status download(const HubAccess& access, const HubFile& file, const std::string& path,
                              const std::function<void(std::int64_t)>& on_progress);

}  // namespace mnema
