// runtime/store/private_folder.hpp
//
// The folder of our data is for its owner alone (0700), whatever the umask: what agents remember and what people said
// to them is in it.
//
// Threads: pure function of the file system.
#pragma once

#include <string>

#include "runtime/base/result.hpp"

namespace mnema {

/// Makes the folder, and those above it that are missing, for its owner alone. One that is there and ours (this user's,
/// and empty or with our data file in it) is closed to others, with a warning in the log if that fails. Any other stays
/// as it is, because it is used for something else too: the log warns if others may read it.
/// Errors: `kStorage` (cannot be made; is no folder).
[[nodiscard]] Status make_private_folder(const std::string& path);

}  // namespace mnema
