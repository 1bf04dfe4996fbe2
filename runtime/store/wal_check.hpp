// runtime/store/wal_check.hpp
//
// Looks at a write-ahead log before SQLite does. SQLite takes the log up to its first frame that does not check and
// drops the rest without a word: right where a power cut tore the last transaction, which nobody was told of; a loss of
// acknowledged work where a byte in the middle was damaged. Here the two are told apart: only one transaction at a time
// is not synced, so if two more stand behind the first bad frame, that frame was damaged.
//
// What cannot be told: damage in the very last transaction from a torn one, and a log that lost its end.
//
// Threads:   the thread that opens the database, before anything else has it open.
// Ownership: none; reads through the VFS and closes again.
#pragma once

#include <string>

#include "runtime/base/result.hpp"

namespace mnema {

/// Removes a log that cannot be read and of which the database has all. Errors: `kCorrupt`, if transactions would be
/// lost; `kStorage`.
[[nodiscard]] Status check_wal(const std::string& database_path, const std::string& vfs);

}  // namespace mnema
