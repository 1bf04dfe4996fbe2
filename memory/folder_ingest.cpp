#include "memory/folder_ingest.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "memory/documents/format.hpp"
#include "memory/documents/shown_name.hpp"

namespace mnema {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kOthersMax = 10'000;

/// Looks into `folder` and what is below it; `prefix` is what its files' uris begin with.
class Walk {
 public:
  Walk(const std::vector<std::string>& extensions, FolderListing& listing)
      : extensions_(extensions), listing_(listing) {}

  [[nodiscard]] std::error_code into(const fs::path& folder, const std::string& prefix) {
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
      const std::string own_name = entry->path().filename().string();
      if (own_name.starts_with('.')) continue;
      const std::string name = shown_name(own_name);
      std::error_code unknown;  // what it is cannot be told: it is no file to read
      if (entry->is_directory(unknown)) {
        if (!entry->is_symlink(unknown)) below(entry->path(), prefix + name + "/");
      } else if (entry->is_regular_file(unknown)) {
        if (wanted(own_name))
          listing_.files.push_back({entry->path().string(), prefix + name});
        else if (listing_.others.size() < kOthersMax)
          listing_.others.push_back(prefix + name);
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

  bool wanted(const std::string& name) const {
    if (extensions_.empty()) return format_of(name).has_value();
    return std::find(extensions_.begin(), extensions_.end(), extension_of(name)) != extensions_.end();
  }

  const std::vector<std::string>& extensions_;
  FolderListing& listing_;
};

Time modified_time(const struct stat& status) {
  return from_micros(static_cast<long long>(status.st_mtim.tv_sec) * 1'000'000 + status.st_mtim.tv_nsec / 1'000);
}

fs::path absolute(const FolderSource& folder) {
  std::error_code error;
  const fs::path path = fs::absolute(folder.path, error).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

std::string absolute_path_of(const FolderSource& folder) { return absolute(folder).string(); }

std::string collection_of(const FolderSource& folder) {
  return folder.collection.empty() ? shown_name(absolute(folder).filename().string()) : folder.collection;
}

std::string collection_name(const FolderSource& folder, int attempt) {
  if (attempt == 1) return collection_of(folder);
  const std::string parent = shown_name(absolute(folder).parent_path().filename().string());
  const std::string number = attempt == 2 ? "" : std::to_string(attempt - 1);
  return collection_of(folder) + " (" + parent + (parent.empty() || number.empty() ? "" : " ") + number + ")";
}

Result<FolderListing> list_folder(const FolderSource& folder, const std::string& collection) {
  std::error_code error;
  const fs::path root(folder.path);
  FolderListing listing;
  if (fs::is_regular_file(root, error)) {
    listing.files.push_back(
        {root.string(), folder.collection.empty() ? collection : shown_name(root.filename().string())});
    return listing;
  }
  if (!fs::is_directory(root, error)) {
    return fail(ErrorCode::kNotFound, "there is no folder '" + shown_text(folder.path) + "' to read documents from",
                "name an existing folder or file");
  }
  error = Walk(folder.extensions, listing).into(root, collection + "/");
  if (error)
    return fail(ErrorCode::kStorage, "cannot read folder '" + shown_text(folder.path) + "': " + error.message());
  std::sort(listing.files.begin(), listing.files.end(),
            [](const FolderFile& a, const FolderFile& b) { return a.uri < b.uri; });
  return listing;
}

std::optional<Time> modified(const FolderFile& file) {
  struct stat status{};
  if (::stat(file.path.c_str(), &status) != 0) return {};
  return modified_time(status);
}

Result<Document> read_document(const FolderSource& folder, const std::string& collection, const FolderFile& file,
                               std::int64_t bytes_max, const TextTools& tools) {
  struct stat status{};
  if (::stat(file.path.c_str(), &status) != 0) return fail(ErrorCode::kStorage, file.uri + " cannot be read");
  if (status.st_size > bytes_max) {
    return fail(ErrorCode::kResourceExhausted, file.uri + " has " + std::to_string(status.st_size) +
                                                   " bytes, more than document_bytes_max (" +
                                                   std::to_string(bytes_max) + ")");
  }
  Document document;
  document.scope = folder.scope;
  document.uri = file.uri;
  document.collection = collection;
  document.modified = modified_time(status);
  document.trust = folder.trust;
  document.media_type = format_of(file.path).value_or(MediaType::kPlainText);
  if (TextTools::needs_one(document.media_type)) {
    Result<std::string> text = tools.read(document.media_type, file.path);
    if (!text.ok()) {
      Error error = text.error();
      error.message = file.uri + " " + error.message;
      return error;
    }
    document.bytes = std::move(*text);
    return document;
  }
  std::ifstream in(file.path, std::ios::binary);
  std::ostringstream bytes;
  if (!in || !(bytes << in.rdbuf() || status.st_size == 0)) {
    return fail(ErrorCode::kStorage, file.uri + " cannot be read");
  }
  document.bytes = std::move(bytes).str();
  return document;
}

}  // namespace mnema
