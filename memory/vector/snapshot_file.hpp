// memory/vector/snapshot_file.hpp
//
// The file that saves an index from being rebuilt at the next start. It is never the only copy of anything, and never
// believed: a reader looks into it only after its digest was found right, and takes it only if its header names the
// very rows it is about to serve.
//
//   magic "mnemavec" | format u32 | header bytes u32
//   header: database id, embedder id (u32 length + bytes each) | tenant i64 | dimensions u32
//           | last change i64 | change tag i64 | vectors u64
//   body:   VectorIndex::write
//   digest: SHA-256 of all before it, 32 bytes
//
// Numbers are little-endian. Written to "NAME.tmp", synced, renamed, and the folder synced, so that a crash leaves the
// old file or the new one.
//
// Threads: one writer per file; no state.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "memory/vector/index.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// What the rows must be for the file to fit them.
struct SnapshotHeader {
  std::string database_id;
  std::string embedder_id;
  std::int64_t tenant = 0;
  int dimensions = 0;
  std::int64_t last_change = 0;  // of the rows when it was written
  std::int64_t change_tag = 0;   // of that change: tells a database that went another way from the one that was left
  std::uint64_t vectors = 0;

  bool operator==(const SnapshotHeader&) const = default;
};

struct Snapshot {
  SnapshotHeader header;
  std::unique_ptr<VectorIndex> index;
};

/// Replaces the file at `path`. `at_step` is called between the steps, by name ("written", "synced", "renamed",
/// "folder synced"): where tests let the process die. Errors: `kStorage`; the old file is then still there.
[[nodiscard]] Status write_snapshot(const std::string& path, const SnapshotHeader& header, const VectorIndex& index,
                                    const std::function<void(std::string_view step)>& at_step = {});

/// Errors: `kNotFound`, `kCorrupt` (any byte wrong, or of another format), `kResourceExhausted`, `kStorage`.
[[nodiscard]] Result<Snapshot> read_snapshot(const std::string& path, VectorIndex::Options options);

}  // namespace mnema
