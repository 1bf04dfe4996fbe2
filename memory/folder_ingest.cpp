#include "memory/folder_ingest.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace mnema {
namespace fs = std::filesystem;

namespace {

std::string extension_of(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return extension;
}

/// Looks into `folder` and what is below it; `prefix` is what its files' uris begin with.
class Walk {
 public:
  Walk(const std::vector<std::string>& extensions, FolderListing& listing)
      : extensions_(extensions), listing_(listing) {}

  [[nodiscard]] std::error_code into(const fs::path& folder, const std::string& prefix) {
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      if (name.starts_with('.')) continue;
      std::error_code unknown;  // what it is cannot be told: it is no file to read
      if (entry->is_directory(unknown)) {
        if (!entry->is_symlink(unknown)) below(entry->path(), prefix + name + "/");
      } else if (entry->is_regular_file(unknown) && wanted(entry->path())) {
        listing_.files.push_back({entry->path().string(), prefix + name});
      }
    }
    return error;
  }

 private:
  void below(const fs::path& folder, const std::string& prefix) {
    const std::error_code error = into(folder, prefix);
    if (!error || error == std::errc::no_such_file_or_directory) return;  // gone meanwhile is gone
    listing_.unread.push_back(prefix);
    listing_.notes.push_back("folder " + prefix + " cannot be read: " + error.message() +
                             "; what was read from it before is kept");
  }

  bool wanted(const fs::path& path) const {
    return std::find(extensions_.begin(), extensions_.end(), extension_of(path)) != extensions_.end();
  }

  const std::vector<std::string>& extensions_;
  FolderListing& listing_;
};

fs::path absolute(const FolderSource& folder) {
  std::error_code error;
  const fs::path path = fs::absolute(folder.path, error).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

std::string absolute_path_of(const FolderSource& folder) { return absolute(folder).string(); }

std::string collection_of(const FolderSource& folder) {
  return folder.collection.empty() ? absolute(folder).filename().string() : folder.collection;
}

std::string collection_name(const FolderSource& folder, int attempt) {
  if (attempt == 1) return collection_of(folder);
  const std::string parent = absolute(folder).parent_path().filename().string();
  const std::string number = attempt == 2 ? "" : std::to_string(attempt - 1);
  return collection_of(folder) + " (" + parent + (parent.empty() || number.empty() ? "" : " ") + number + ")";
}

Result<FolderListing> list_folder(const FolderSource& folder, const std::string& collection) {
  std::error_code error;
  const fs::path root(folder.path);
  FolderListing listing;
  if (fs::is_regular_file(root, error)) {
    listing.files.push_back({root.string(), folder.collection.empty() ? collection : root.filename().string()});
    return listing;
  }
  if (!fs::is_directory(root, error)) {
    return fail(ErrorCode::kNotFound, "there is no folder '" + folder.path + "' to read documents from",
                "name an existing folder or file");
  }
  error = Walk(folder.extensions, listing).into(root, collection + "/");
  if (error) return fail(ErrorCode::kStorage, "cannot read folder '" + folder.path + "': " + error.message());
  std::sort(listing.files.begin(), listing.files.end(),
            [](const FolderFile& a, const FolderFile& b) { return a.uri < b.uri; });
  return listing;
}

Result<Document> read_document(const FolderSource& folder, const std::string& collection, const FolderFile& file,
                               std::int64_t bytes_max) {
  struct stat status{};
  if (::stat(file.path.c_str(), &status) != 0) return fail(ErrorCode::kStorage, file.uri + " cannot be read");
  if (status.st_size > bytes_max) {
    return fail(ErrorCode::kInvalidArgument, file.uri + " has " + std::to_string(status.st_size) +
                                                 " bytes, more than document_bytes_max (" + std::to_string(bytes_max) +
                                                 ")");
  }
  std::ifstream in(file.path, std::ios::binary);
  std::ostringstream bytes;
  if (!in || !(bytes << in.rdbuf() || status.st_size == 0)) {
    return fail(ErrorCode::kStorage, file.uri + " cannot be read");
  }
  Document document;
  document.scope = folder.scope;
  document.uri = file.uri;
  document.collection = collection;
  document.bytes = std::move(bytes).str();
  document.modified = from_micros(static_cast<long long>(status.st_mtime) * 1'000'000);
  document.trust = folder.trust;
  const std::string extension = extension_of(file.path);
  document.media_type = extension == ".html" || extension == ".htm"      ? MediaType::kHtml
                        : extension == ".md" || extension == ".markdown" ? MediaType::kMarkdown
                                                                         : MediaType::kPlainText;
  return document;
}

}  // namespace mnema
