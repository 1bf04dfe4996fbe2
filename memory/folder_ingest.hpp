// memory/folder_ingest.hpp
//
// What of a folder is to be read in: the files that count, in order of name, and one of them as a document.
//
// Threads: pure functions over the disk; not on the loop.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "memory/documents/text_tools.hpp"
#include "memory/store.hpp"

namespace mnema {

struct FolderFile {
  std::string path;
  std::string uri;  // the collection and the relative path, as shown_name writes it
};

struct FolderListing {
  std::vector<FolderFile> files;
  std::vector<std::string> unread;  // beginnings of uris: folders that could not be looked into
  std::vector<std::string> notes;   // one sentence for each of them
  std::vector<std::string> others;  // uris of files that are no documents by their names; the first 10,000
};

/// Hidden files and folders are passed over, links to folders not followed. A single file is a folder of one. `uri`s
/// begin with `collection`. Errors: `kNotFound`, `kStorage` (the folder itself cannot be read).
[[nodiscard]] Result<FolderListing> list_folder(const FolderSource& folder, const std::string& collection);

/// What names the folder on this machine, however it was written.
[[nodiscard]] std::string absolute_path_of(const FolderSource& folder);
/// The name that it would like: the one it was given, or its own.
[[nodiscard]] std::string collection_of(const FolderSource& folder);
/// The name to try on the `attempt`-th time, counted from 1, when another folder has those before: "docs",
/// "docs (parent)", "docs (parent 2)", ... Without a slash of its own, so that no two collections share a uri.
[[nodiscard]] std::string collection_name(const FolderSource& folder, int attempt);

/// When the file was last modified, by the file system's word; none: it cannot be told.
[[nodiscard]] std::optional<Time> modified(const FolderFile& file);

/// Of a PDF or DOCX the text. Errors: `kResourceExhausted` (too large), `kStorage` (unreadable), those of `tools`.
[[nodiscard]] Result<Document> read_document(const FolderSource& folder, const std::string& collection,
                                             const FolderFile& file, std::int64_t bytes_max, const TextTools& tools);

}  // namespace mnema
