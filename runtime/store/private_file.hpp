// runtime/store/private_file.hpp
//
// Files of our data are for their owner alone (0600), whatever the umask.
//
// Threads: pure functions of the file system.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace mnema {

/// Makes an empty file that its owner alone may read and write, if there is none; one that is there is closed to others
/// (as `close_to_others`). Opens no file that is there: to close it again would drop SQLite's locks on it.
/// Errors: `kStorage` (cannot be made).
[[nodiscard]] Status make_private_file(const std::string& path);

/// Replaces the file at `path`, if there is one, by one of these bytes: who reads it gets the old ones or the new ones
/// whole. It is not forced to disk. Errors: `kStorage`.
[[nodiscard]] Status write_private_file(const std::string& path, std::string_view bytes);

/// What is in a file that nobody but this user can have written or read. Errors: `kNotFound`; `kPermissionDenied` (it
/// is another user's, or others may read or write it); `kStorage` (no plain file, or above `bytes_max`).
[[nodiscard]] Result<std::string> read_private_file(const std::string& path, std::size_t bytes_max);

/// Takes from others what they may do with a file, if it is there; if that fails, the log warns.
void close_to_others(const std::string& path);

}  // namespace mnema
