// runtime/store/checksum_vfs.hpp
//
// Notices what a disk returns otherwise than it was written: an SQLite VFS over another one that keeps a checksum in
// the last eight bytes of every page of the database file (SQLite leaves them free where it is asked to when the file
// is made), sets it at every write and compares it at every read. A page that does not fit is SQLITE_IOERR_DATA, which
// is `kCorrupt` to us: never a row of it is served. SQLite itself has no checksums but in its log, whose frames it
// checks when it recovers (wal_check.hpp).
//
// Which files: those of ours that were made by it. The header says so twice, by the reserved bytes and by the
// application id (schema_versions.hpp), so that no single damaged bit turns the checks off. Older files work as before,
// unchecked. Another program may read the file; if it writes, its pages do not fit any more.
//
// Threads:   any, as the VFS below.
// Ownership: a VFS is registered at its first use and stays; a base that goes is told by `forget_checksum_vfs`.
// Invariant: the checksum covers the page's number too: a page in another one's place does not fit.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>

#include "runtime/base/result.hpp"

namespace mnema {

inline constexpr int kChecksumBytes = 8;
/// "MNEC", the application id in the header of a file whose pages have checksums.
inline constexpr std::uint32_t kCheckedApplicationId = 0x4d4e4543;

/// The name of the VFS with checksums over `base` ("" = the default one).
[[nodiscard]] const char* checksum_vfs_over(const std::string& base);
/// `base` goes: so does what stands on it.
void forget_checksum_vfs(const std::string& base);

/// Reads every page of the file, so that damage is found when a program starts and not when it needs the page. Nothing
/// of the log may be missing in the file. Errors: `kCorrupt`, naming the page; `kStorage`.
[[nodiscard]] Status verify_pages(sqlite3* database, const std::string& path);

}  // namespace mnema
