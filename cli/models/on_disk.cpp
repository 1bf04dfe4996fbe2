#include "cli/models/on_disk.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "cli/models/file_digest.hpp"

namespace mnema {
namespace {

namespace fs = std::filesystem;

std::string mark_of(const std::string& path, const std::string& sha256) {
  return path + ".sha256-" + sha256.substr(0, 16);
}

/// Bytes of a file, -1 where there is none.
std::int64_t size_of(const std::string& path) {
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  return error ? -1 : static_cast<std::int64_t>(bytes);
}

Status verify_file(const CatalogueFile& file, const std::string& path) {
  const std::int64_t bytes = size_of(path);
  if (bytes < 0) return fail(ErrorCode::kNotFound, fmt::format("'{}' is missing", path));
  if (bytes != file.bytes) {
    return fail(ErrorCode::kCorrupt, fmt::format("'{}' is {}: {} bytes where {} are right", path,
                                                 bytes < file.bytes ? "cut short" : "too long", bytes, file.bytes));
  }
  return check_digest(path, file.sha256);
}

}  // namespace

OnDisk on_disk(const CatalogueModel& model, const std::string& folder) {
  std::size_t there = 0, right = 0;
  for (const CatalogueFile& file : model.files) {
    const std::int64_t bytes = size_of(path_in_folder(folder, model, file));
    there += bytes >= 0 ? 1 : 0;
    right += bytes == file.bytes ? 1 : 0;
  }
  if (there == 0) return OnDisk::kNothing;
  return right == model.files.size() ? OnDisk::kWhole : OnDisk::kPart;
}

bool is_marked_good(const std::string& path, const CatalogueFile& file) {
  std::error_code error;
  return fs::exists(mark_of(path, file.sha256), error) && size_of(path) == file.bytes;
}

void mark_good(const std::string& path, const std::string& sha256) {
  const int descriptor = ::open(mark_of(path, sha256).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  if (descriptor >= 0) ::close(descriptor);
}

Status check_digest(const std::string& path, const std::string& sha256) {
  ASSIGN_OR_RETURN(const std::string actual, sha256_of_file(path));
  if (actual == sha256) return {};
  return fail(ErrorCode::kCorrupt, fmt::format("'{}' has SHA-256 {}, expected {}", path, actual, sha256));
}

Status verify_model(const CatalogueModel& model, const std::string& folder) {
  for (const CatalogueFile& file : model.files) {
    const std::string path = path_in_folder(folder, model, file);
    const Status status = verify_file(file, path);
    if (status.ok()) continue;
    std::error_code ignored;
    fs::remove(mark_of(path, file.sha256), ignored);
    return fail(status.error().code, fmt::format("model '{}': {}", model.name, status.error().message),
                fmt::format("'mnema models pull {}' fetches what is not right", model.name));
  }
  return {};
}

}  // namespace mnema
