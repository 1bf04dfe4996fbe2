#include "runtime/store/private_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/base/log.hpp"

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

namespace {

/// Closes a descriptor at the end of a function.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const { return number_; }

 private:
  const int number_;
};

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Status write_private_file(const std::string& path, std::string_view bytes) {
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());  // of a process that was killed while it wrote
  const Descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.number() >= 0 && write_all(file.number(), bytes) && ::rename(fresh.c_str(), path.c_str()) == 0) return {};
  Error error = fail(ErrorCode::kStorage, "cannot write '" + path + "': " + std::strerror(errno),
                     "check that the folder exists, may be written, and has space left");
  if (file.number() >= 0) ::unlink(fresh.c_str());
  return error;
}

Result<std::string> read_private_file(const std::string& path, std::size_t bytes_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (file.number() < 0) {
    const int why = errno;
    const std::string message = "cannot read '" + path + "': " + std::strerror(why);
    if (why == ENOENT) return fail(ErrorCode::kNotFound, message);
    if (why == EACCES) return fail(ErrorCode::kPermissionDenied, message, "run this as the user whose file it is");
    return fail(ErrorCode::kStorage, message);
  }
  struct stat info = {};
  if (::fstat(file.number(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return fail(ErrorCode::kStorage, "'" + path + "' is not a plain file");
  }
  const uid_t user = ::geteuid();
  if (info.st_uid != user && user != 0) {
    return fail(ErrorCode::kPermissionDenied, "'" + path + "' belongs to another user", "run this as that user");
  }
  if ((info.st_mode & 077) != 0) {
    return fail(ErrorCode::kPermissionDenied, "others may read or write '" + path + "', so it cannot be trusted",
                "close its folder to others (chmod 700), and have the file written again");
  }
  std::string bytes(bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got = ::read(file.number(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(ErrorCode::kStorage, "cannot read '" + path + "': " + std::strerror(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > bytes_max) return fail(ErrorCode::kStorage, "'" + path + "' is larger than it can be");
  bytes.resize(size);
  return bytes;
}

void close_to_others(const std::string& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0 || (info.st_mode & 077) == 0) return;
  if (::chmod(path.c_str(), info.st_mode & 0700) == 0) return;
  log_warning("files", "a file of the data folder could not be closed to others",
              {{"file", path}, {"why", std::strerror(errno)}});
}

}  // namespace mnema
