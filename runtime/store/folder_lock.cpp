#include "runtime/store/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/store/private_file.hpp"

namespace mnema {
namespace {

std::string holder_of(int descriptor) {
  char text[32] = {};
  const ssize_t bytes = pread(descriptor, text, sizeof text - 1, 0);
  const std::string_view view(text, bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  return std::string(view.substr(0, view.find('\n')));
}

}  // namespace

Result<std::unique_ptr<FolderLock>> FolderLock::take(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return fail(ErrorCode::kStorage, "cannot open '" + path + "': " + std::strerror(errno),
                "check that the folder exists and may be written");
  }
  std::unique_ptr<FolderLock> lock(new FolderLock(descriptor));
  close_to_others(path);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    const std::string holder = holder_of(descriptor);
    return fail(ErrorCode::kFailedPrecondition,
                "the data folder is in use" + (holder.empty() ? std::string() : " by process " + holder) + " ('" +
                    path + "' is locked)",
                "stop that program, or choose another data folder");
  }
  // For the message above only; the lock itself is the kernel's.
  const std::string line = std::to_string(getpid()) + "\n";
  if (ftruncate(descriptor, 0) == 0) static_cast<void>(!pwrite(descriptor, line.data(), line.size(), 0));
  return lock;
}

FolderLock::~FolderLock() { ::close(descriptor_); }

}  // namespace mnema
