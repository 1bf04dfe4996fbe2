// runtime/store/schema_versions.hpp
//
// Which migrations a data file has had, per component, and bringing it up to date. Each migration is one transaction,
// so a crash between two leaves a file that goes on from there.
//
// Threads: on the writer's connection, before it has another user.
#pragma once

#include <string>
#include <vector>

#include "runtime/store/database.hpp"

namespace mnema {

/// Marks a new file as ours. Errors: `kFailedPrecondition` (another program's; nothing of it is changed), `kStorage`.
[[nodiscard]] Status claim_file(SqliteConnection& connection, const std::string& path);

/// Whether its pages have checksums (checksum_vfs.hpp).
[[nodiscard]] Result<bool> has_checksums(SqliteConnection& connection);

/// Whether a file can be read as it is by one who changes nothing in it: it is ours, and every component of
/// `migrations` is at the version that this build knows. Errors: `kFailedPrecondition` (another program's, newer,
/// older).
[[nodiscard]] Status check_readable(SqliteConnection& connection, const std::vector<Migration>& migrations,
                                    const std::string& path);

/// Applies what is missing. Precondition (our bug, CHECKed): numbers of each component count from 1 without gaps.
/// Errors: `kFailedPrecondition` (the file is of a newer version), `kStorage`, `kCorrupt`.
[[nodiscard]] Status bring_up_to_date(SqliteConnection& connection, const std::vector<Migration>& migrations,
                                      const std::string& path);

}  // namespace mnema
