// agents/rest/admin_file.hpp
//
// Where the running server of a data folder takes commands, and the token that it takes them by: DATA/admin.json, for
// its owner alone. Who may read it may read the data itself, so it gives nobody more than they have. The token lives as
// long as the process. A process that is killed leaves its file: whether a server lives is told by the folder's lock,
// and never by this file.
//
// Threads: pure functions of the file system.
#pragma once

#include <string>

#include "runtime/base/result.hpp"
#include "runtime/base/secret.hpp"

namespace mnema {

struct AdminFile {
  std::string address;  // "127.0.0.1:41873"
  Secret token;
};

/// The file's path in the data folder `folder`.
[[nodiscard]] std::string admin_file_path(const std::string& folder);

/// Errors: `kStorage`.
[[nodiscard]] Status write_admin_file(const std::string& folder, const AdminFile& file);
/// Errors: those of read_private_file; `kCorrupt` (it is no such file).
[[nodiscard]] Result<AdminFile> read_admin_file(const std::string& folder);

}  // namespace mnema
