#include "cli/models/pull.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "cli/models/hub_download.hpp"
#include "cli/models/mirror_download.hpp"
#include "cli/models/on_disk.hpp"
#include "cli/models/progress_bar.hpp"

namespace mnema {
namespace {

namespace fs = std::filesystem;

/// Holds an exclusive lock on `path` while it lives.
class FolderLock {
 public:
  explicit FolderLock(const std::string& path) : descriptor_(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644)) {
    if (descriptor_ >= 0) ::flock(descriptor_, LOCK_EX);
  }
  ~FolderLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

Status move_into_place(const std::string& part, const std::string& path, const std::string& sha256) {
  std::error_code error;
  fs::rename(part, path, error);
  if (error) return fail(ErrorCode::kStorage, "cannot rename '" + part + "': " + error.message());
  if (!sha256.empty()) mark_good(path, sha256);
  return {};
}

Status pull_from_home(const CatalogueFile& file, const std::string& part, const PullOptions& options,
                      ProgressBar* bar) {
  const HubAccess access = HubAccess::from_environment();
  ASSIGN_OR_RETURN(const HubFile hub, HubFile::parse(file.home));
  ASSIGN_OR_RETURN(const HubFileInfo info, look_up(access, hub, options.answer_seconds));
  if (!info.sha256.empty() && info.sha256 != file.sha256) {
    return fail(ErrorCode::kCorrupt, "the hub's " + file.home + " is another file now (SHA-256 " + info.sha256 + ")");
  }
  RETURN_IF_ERROR(download(access, hub, part, [&](std::int64_t done) {
    if (bar) bar->update(done);
  }));
  return check_digest(part, file.sha256);
}

Status pull_file(const CatalogueFile& file, const std::string& path, const std::string& work_folder,
                 const PullOptions& options, const Clock& clock) {
  std::error_code error;
  if (is_marked_good(path, file)) return {};
  if (fs::exists(path, error)) {
    if (check_digest(path, file.sha256).ok()) {
      mark_good(path, file.sha256);
      return {};
    }
    fs::remove(path, error);
  }
  const std::string part = path + ".part";
  std::unique_ptr<ProgressBar> bar;
  if (!options.quiet) bar = std::make_unique<ProgressBar>(file.name, file.bytes, clock);
  std::string reasons;
  if (!file.home.empty()) {
    const Status status = pull_from_home(file, part, options, bar.get());
    if (status.ok()) return move_into_place(part, path, file.sha256);
    reasons += "; hub: " + status.error().message;
    if (status.error().code == ErrorCode::kCorrupt) fs::remove(part, error);
  }
  if (!file.mirror.empty()) {
    const std::string joined = path + ".joined";
    Status status = download_from_mirror(file.mirror, joined, work_folder, [&](std::int64_t done) {
      if (bar) bar->update(std::min(done, file.bytes));
    });
    if (status.ok()) status = check_digest(joined, file.sha256);
    if (status.ok()) {
      fs::remove(part, error);
      return move_into_place(joined, path, file.sha256);
    }
    fs::remove(joined, error);
    reasons += "; mirror: " + status.error().message;
  }
  return fail_retryable(ErrorCode::kUnavailable, "'" + file.name + "' could not be fetched" + reasons,
                        "check the network and proxy settings, or put the file at " + path);
}

/// Whether the file at `path` is what the hub says, as far as it says anything.
Status check_against(const HubFileInfo& info, const std::string& path) {
  std::error_code error;
  const auto bytes = static_cast<std::int64_t>(fs::file_size(path, error));
  if (error) return fail(ErrorCode::kNotFound, "there is no file '" + path + "'");
  if (info.bytes > 0 && bytes != info.bytes) {
    return fail(ErrorCode::kCorrupt, "'" + path + "' has " + std::to_string(bytes) + " bytes, the hub's file has " +
                                         std::to_string(info.bytes));
  }
  return info.sha256.empty() ? Status{} : check_digest(path, info.sha256);
}

/// A file of any repository on the hub, kept at FOLDER/hub/ORG/REPO/FILE.
Result<std::string> pull_from_hub(const std::string& text, const PullOptions& options, const Clock& clock) {
  ASSIGN_OR_RETURN(const HubFile hub, HubFile::parse(text));
  const HubAccess access = HubAccess::from_environment();
  ASSIGN_OR_RETURN(const HubFileInfo info, look_up(access, hub, options.answer_seconds * 3));
  const std::string path = options.folder + "/hub/" + hub.repository + "/" + hub.file;
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  const FolderLock lock(path + ".lock");
  CatalogueFile wanted;
  wanted.bytes = info.bytes;
  wanted.sha256 = info.sha256;
  if (!info.sha256.empty() && is_marked_good(path, wanted)) return path;
  const bool can_tell = info.bytes > 0 || !info.sha256.empty();
  if (can_tell && check_against(info, path).ok()) {
    if (!info.sha256.empty()) mark_good(path, info.sha256);
    return path;
  }
  const std::string part = path + ".part";
  // Without a digest nothing would say whether the rest of today's file belongs to what was begun.
  if (info.sha256.empty()) fs::remove(part, error);
  {
    std::unique_ptr<ProgressBar> bar;
    if (!options.quiet) bar = std::make_unique<ProgressBar>(hub.file, info.bytes, clock);
    RETURN_IF_ERROR(download(access, hub, part, [&](std::int64_t done) {
      if (bar) bar->update(done);
    }));
  }
  if (const Status status = check_against(info, part); !status.ok()) {
    fs::remove(part, error);
    return fail(status.error().code, status.error().message, "run the command again: it begins anew");
  }
  RETURN_IF_ERROR(move_into_place(part, path, info.sha256));
  return path;
}

}  // namespace

Result<std::string> pull_model(const std::string& name, const PullOptions& options, const Clock& clock) {
  if (name.starts_with("hf:")) return pull_from_hub(name.substr(3), options, clock);
  const CatalogueModel* model = find_in_catalogue(name);
  if (model == nullptr) {
    std::string known;
    for (const CatalogueModel& each : catalogue()) known += (known.empty() ? "" : ", ") + each.name;
    return fail(ErrorCode::kNotFound, "no model named '" + name + "' in the catalogue",
                "known: " + known + "; or hf:ORG/REPO:FILE");
  }
  const std::string folder = options.folder + "/" + model->name;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail(ErrorCode::kStorage, "cannot create '" + folder + "': " + error.message());
  const FolderLock lock(folder + "/.lock");
  const std::string work_folder = folder + "/.mirror";
  Status status;
  for (const CatalogueFile& file : model->files) {
    if (status.ok())
      status = pull_file(file, path_in_folder(options.folder, *model, file), work_folder, options, clock);
  }
  fs::remove_all(work_folder, error);
  RETURN_IF_ERROR(status);
  return path_in_folder(options.folder, *model, model->files.front());
}

}  // namespace mnema
