// memory/folder_ingest.hpp
//
// What of a folder is to be read in: the files that count, in order of name, and one of them as a document.
//
// Threads: pure functions over the disk; not on the loop.
#pragma once

#include <string>
#include <vector>

#include "memory/store.hpp"

namespace mnema {

struct FolderFile {
  std::string path;
  std::string uri;  // COLLECTION/relative path
};

/// Hidden files and folders are passed over, links to folders not followed. A single file is a folder of one.
/// Errors: `kNotFound`, `kStorage`.
[[nodiscard]] Result<std::vector<FolderFile>> folder_files(const FolderSource& folder);
[[nodiscard]] std::string collection_of(const FolderSource& folder);
/// Errors: `kInvalidArgument` (too large), `kStorage` (unreadable).
[[nodiscard]] Result<Document> read_document(const FolderSource& folder, const FolderFile& file,
                                             std::int64_t bytes_max);

}  // namespace mnema
