// runtime/private_file.hpp
//
// Files of our data are for their owner alone (0600), whatever the umask.
//
// Threads: pure functions of the file system.
#pragma once

#include <string>

#include "runtime/result.hpp"

namespace mnema {

/// Makes an empty file that its owner alone may read and write, if there is none; one that is there is closed to others
/// (as `close_to_others`). Opens no file that is there: to close it again would drop SQLite's locks on it.
/// Errors: `kStorage` (cannot be made).
[[nodiscard]] Status make_private_file(const std::string& path);

/// Takes from others what they may do with a file, if it is there; if that fails, the log warns.
void close_to_others(const std::string& path);

}  // namespace mnema
