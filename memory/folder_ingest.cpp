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

}  // namespace

std::string collection_of(const FolderSource& folder) {
  if (!folder.collection.empty()) return folder.collection;
  fs::path path = fs::absolute(folder.path).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path.filename().string();
}

Result<std::vector<FolderFile>> folder_files(const FolderSource& folder) {
  std::error_code error;
  const fs::path root(folder.path);
  const std::string collection = collection_of(folder);
  std::vector<FolderFile> files;
  if (fs::is_regular_file(root, error)) return std::vector<FolderFile>{{root.string(), root.filename().string()}};
  if (!fs::is_directory(root, error)) {
    return fail(ErrorCode::kNotFound, "there is no folder '" + folder.path + "' to read documents from",
                "name an existing folder or file");
  }
  fs::recursive_directory_iterator entry(root, fs::directory_options::skip_permission_denied, error);
  for (const fs::recursive_directory_iterator end; !error && entry != end; entry.increment(error)) {
    const fs::path& path = entry->path();
    if (path.filename().string().starts_with('.')) {
      if (entry->is_directory(error)) entry.disable_recursion_pending();
      continue;
    }
    const std::string extension = extension_of(path);
    if (std::find(folder.extensions.begin(), folder.extensions.end(), extension) == folder.extensions.end()) continue;
    if (!entry->is_regular_file(error)) continue;
    files.push_back({path.string(), collection + "/" + path.lexically_relative(root).generic_string()});
  }
  if (error) return fail(ErrorCode::kStorage, "cannot read folder '" + folder.path + "': " + error.message());
  std::sort(files.begin(), files.end(), [](const FolderFile& a, const FolderFile& b) { return a.uri < b.uri; });
  return files;
}

Result<Document> read_document(const FolderSource& folder, const FolderFile& file, std::int64_t bytes_max) {
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
  document.collection = collection_of(folder);
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
