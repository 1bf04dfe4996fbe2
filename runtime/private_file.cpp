#include "runtime/private_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/log.hpp"

namespace mnema {

Status make_private_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor >= 0) {
    ::close(descriptor);
  } else if (errno != EEXIST) {
    return fail(ErrorCode::kStorage, "cannot make '" + path + "': " + std::strerror(errno),
                "check that the folder exists and may be written");
  }
  close_to_others(path);
  return {};
}

void close_to_others(const std::string& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0 || (info.st_mode & 077) == 0) return;
  if (::chmod(path.c_str(), info.st_mode & 0700) == 0) return;
  log_warning("files", "a file of the data folder could not be closed to others",
              {{"file", path}, {"why", std::strerror(errno)}});
}

}  // namespace mnema
