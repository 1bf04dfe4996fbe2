#include "runtime/store/private_folder.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "runtime/base/log.hpp"

namespace mnema {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kOthers = 077;

bool is_ours(const std::string& path, const struct stat& info) {
  if (info.st_uid != geteuid()) return false;
  std::error_code error;
  return fs::is_empty(path, error) || fs::exists(path + "/mnema.db", error);
}

Error cannot_make(const std::string& path, const std::string& why) {
  return fail(ErrorCode::kStorage, "cannot make the folder '" + path + "': " + why,
              "check the path and who may write there");
}

}  // namespace

Status make_private_folder(const std::string& path) {
  bool is_new = false;
  fs::path made;
  for (const fs::path& part : fs::path(path)) {
    made /= part;
    is_new = ::mkdir(made.c_str(), 0700) == 0;
    if (!is_new && errno != EEXIST) return cannot_make(made, std::strerror(errno));
  }
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) return cannot_make(path, std::strerror(errno));
  if (!S_ISDIR(info.st_mode)) return cannot_make(path, "there is a file of that name");
  // Also of a new one: a default access control list of the folder above may have widened it.
  if ((info.st_mode & kOthers) == 0) return {};
  if (!is_new && !is_ours(path, info)) {
    log_warning("files", "others may look into the data folder; it is used for something else too, so it stays open",
                {{"folder", path}, {"hint", "choose a folder of its own, or close it with chmod 700"}});
    return {};
  }
  if (::chmod(path.c_str(), 0700) == 0) return {};
  log_warning("files", "the data folder could not be closed to others",
              {{"folder", path}, {"why", std::strerror(errno)}});
  return {};
}

}  // namespace mnema
