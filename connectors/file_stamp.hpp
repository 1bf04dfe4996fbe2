// connectors/file_stamp.hpp
//
// Whether a file is still the one that was read: its device, inode, size and time of change as a text to compare.
//
// Threads: pure function of the file system.
#pragma once

#include <string>

namespace mnema {

/// "absent" where there is none, or it may not be looked at.
[[nodiscard]] std::string file_stamp(const std::string& path);

}  // namespace mnema
