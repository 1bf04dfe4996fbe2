#include "memory/vector/snapshot_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "memory/vector/byte_stream.hpp"
#include "runtime/base/sha256.hpp"

namespace mnema {
namespace {

constexpr std::array<char, 8> kMagic = {'m', 'n', 'e', 'm', 'a', 'v', 'e', 'c'};
constexpr std::uint32_t kFormat = 2;
constexpr std::size_t kDigestBytes = 32;
constexpr std::uint32_t kHeaderBytesMax = 4'096;
constexpr std::size_t kBufferBytes = 1 << 20;

Error storage(const std::string& what, const std::string& path) {
  return fail(ErrorCode::kStorage, what + " '" + path + "': " + std::strerror(errno),
              "check the folder's permissions and free space");
}
Error corrupt(const std::string& path, const std::string& why) {
  return fail(ErrorCode::kCorrupt, "index snapshot '" + path + "': " + why, "it will be rebuilt from the database");
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool open() const { return fd_ >= 0; }

 private:
  int fd_;
};

class FileSink final : public ByteSink {
 public:
  explicit FileSink(int fd) : fd_(fd) { buffer_.reserve(kBufferBytes); }

  void write(const void* bytes, std::size_t count) override {
    const auto* from = static_cast<const char*>(bytes);
    if (buffer_.size() + count > kBufferBytes) flush();
    if (count >= kBufferBytes) {
      put({from, count});
    } else {
      buffer_.insert(buffer_.end(), from, from + count);
    }
  }
  /// The digest of all that was written, and whether all of it was.
  bool finish() {
    flush();
    const Sha256Digest digest = digest_.finish();
    put_bytes({reinterpret_cast<const char*>(digest.data()), digest.size()});
    return !failed_;
  }

 private:
  void flush() {
    put({buffer_.data(), buffer_.size()});
    buffer_.clear();
  }
  void put(std::string_view bytes) {
    digest_.update(bytes);
    put_bytes(bytes);
  }
  void put_bytes(std::string_view bytes) {
    while (!bytes.empty() && !failed_) {
      const ssize_t put = ::write(fd_, bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      failed_ = put < 0;
      if (!failed_) bytes.remove_prefix(static_cast<std::size_t>(put));
    }
  }

  int fd_;
  std::vector<char> buffer_;
  Sha256 digest_;
  bool failed_ = false;
};

/// Reads what stands before the digest.
class FileSource final : public ByteSource {
 public:
  FileSource(int fd, const std::string& path, std::uint64_t bytes) : fd_(fd), path_(path), remaining_(bytes) {}

  Status read(void* bytes, std::size_t count) override {
    if (count > remaining_) return corrupt(path_, "ends too early");
    auto* to = static_cast<char*>(bytes);
    remaining_ -= count;
    while (count > 0) {
      if (used_ == buffer_.size()) RETURN_IF_ERROR(refill());
      const std::size_t part = std::min(count, buffer_.size() - used_);
      std::memcpy(to, buffer_.data() + used_, part);
      used_ += part;
      to += part;
      count -= part;
    }
    return {};
  }
  std::uint64_t remaining() const override { return remaining_; }

 private:
  Status refill() {
    buffer_.resize(kBufferBytes);
    used_ = 0;
    ssize_t got = 0;
    do {
      got = ::read(fd_, buffer_.data(), buffer_.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) return storage("reading index snapshot", path_);
    buffer_.resize(static_cast<std::size_t>(got));
    if (got == 0) return corrupt(path_, "ends too early");
    return {};
  }

  int fd_;
  const std::string& path_;
  std::uint64_t remaining_;
  std::vector<char> buffer_;
  std::size_t used_ = 0;
};

/// Reads all of the file once: its last bytes must be the digest of the `bytes` before them. A wrong number inside it
/// can then no more ask for absurd memory.
Status check_digest(int fd, const std::string& path, std::uint64_t bytes) {
  FileSource source(fd, path, bytes + kDigestBytes);
  Sha256 digest;
  std::vector<char> part(kBufferBytes);
  for (std::uint64_t left = bytes; left > 0;) {
    const std::size_t count = std::min<std::uint64_t>(left, part.size());
    RETURN_IF_ERROR(source.read(part.data(), count));
    digest.update({part.data(), count});
    left -= count;
  }
  Sha256Digest found{};
  RETURN_IF_ERROR(source.read(found.data(), found.size()));
  if (found != digest.finish()) return corrupt(path, "its digest does not fit its bytes");
  if (::lseek(fd, 0, SEEK_SET) != 0) return storage("reading index snapshot", path);
  return {};
}

void put_text(std::string& to, const std::string& text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  to.append(reinterpret_cast<const char*>(&size), sizeof size).append(text);
}
template <class T>
void put_number(std::string& to, T number) {
  to.append(reinterpret_cast<const char*>(&number), sizeof number);
}

std::string encode(const SnapshotHeader& header) {
  std::string bytes;
  put_text(bytes, header.database_id);
  put_text(bytes, header.embedder_id);
  put_number<std::int64_t>(bytes, header.tenant);
  put_number<std::uint32_t>(bytes, static_cast<std::uint32_t>(header.dimensions));
  put_number<std::int64_t>(bytes, header.last_change);
  put_number<std::int64_t>(bytes, header.change_tag);
  put_number<std::uint64_t>(bytes, header.vectors);
  return bytes;
}

Status read_text(ByteSource& source, std::string& text) {
  std::uint32_t size = 0;
  RETURN_IF_ERROR(source.read_number(size));
  if (size > kHeaderBytesMax) return fail(ErrorCode::kCorrupt, "index snapshot: impossible name");
  text.resize(size);
  return source.read(text.data(), size);
}

Result<SnapshotHeader> read_header(ByteSource& source) {
  SnapshotHeader header;
  std::uint32_t dimensions = 0;
  RETURN_IF_ERROR(read_text(source, header.database_id));
  RETURN_IF_ERROR(read_text(source, header.embedder_id));
  RETURN_IF_ERROR(source.read_number(header.tenant));
  RETURN_IF_ERROR(source.read_number(dimensions));
  RETURN_IF_ERROR(source.read_number(header.last_change));
  RETURN_IF_ERROR(source.read_number(header.change_tag));
  RETURN_IF_ERROR(source.read_number(header.vectors));
  if (dimensions == 0 || dimensions > 131'072)
    return fail(ErrorCode::kCorrupt, "index snapshot: impossible dimensions");
  header.dimensions = static_cast<int>(dimensions);
  return header;
}

}  // namespace

Status write_snapshot(const std::string& path, const SnapshotHeader& header, const VectorIndex& index,
                      const std::function<void(std::string_view)>& at_step) {
  const auto step = [&](std::string_view name) {
    if (at_step) at_step(name);
  };
  const std::string temporary = path + ".tmp";
  {
    const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file.open()) return storage("creating index snapshot", temporary);
    FileSink sink(file.get());
    const std::string bytes = encode(header);
    sink.write(kMagic.data(), kMagic.size());
    sink.write_number<std::uint32_t>(kFormat);
    sink.write_number<std::uint32_t>(static_cast<std::uint32_t>(bytes.size()));
    sink.write(bytes.data(), bytes.size());
    index.write(sink);
    const bool whole = sink.finish();
    step("written");
    if (!whole || ::fsync(file.get()) != 0) {
      const Error error = storage("writing index snapshot", temporary);
      ::unlink(temporary.c_str());
      return error;
    }
    step("synced");
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return storage("renaming index snapshot", temporary);
  step("renamed");
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.open() || ::fsync(directory.get()) != 0)
    return storage("syncing the folder of index snapshots", folder);
  step("folder synced");
  return {};
}

Result<Snapshot> read_snapshot(const std::string& path, VectorIndex::Options options) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.open()) {
    if (errno == ENOENT) return fail(ErrorCode::kNotFound, "no index snapshot '" + path + "'");
    return storage("opening index snapshot", path);
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return storage("reading index snapshot", path);
  if (status.st_size < static_cast<off_t>(kMagic.size() + kDigestBytes)) return corrupt(path, "is too short");
  const std::uint64_t bytes = static_cast<std::uint64_t>(status.st_size) - kDigestBytes;
  RETURN_IF_ERROR(check_digest(file.get(), path, bytes));

  FileSource source(file.get(), path, bytes);
  std::array<char, 8> magic{};
  std::uint32_t format = 0;
  std::uint32_t header_bytes = 0;
  RETURN_IF_ERROR(source.read(magic.data(), magic.size()));
  if (magic != kMagic) return corrupt(path, "is no index snapshot");
  RETURN_IF_ERROR(source.read_number(format));
  if (format != kFormat)
    return corrupt(path, "has format " + std::to_string(format) + ", this build reads " + std::to_string(kFormat));
  RETURN_IF_ERROR(source.read_number(header_bytes));
  const std::uint64_t before = source.remaining();
  Snapshot snapshot;
  ASSIGN_OR_RETURN(snapshot.header, read_header(source));
  if (before - source.remaining() != header_bytes) return corrupt(path, "its header is not as long as it says");
  ASSIGN_OR_RETURN(snapshot.index, VectorIndex::read(VectorCodec(snapshot.header.dimensions), options, source));
  if (source.remaining() != 0) return corrupt(path, "has bytes that belong to nothing");
  if (snapshot.index->size() != snapshot.header.vectors) return corrupt(path, "its count does not fit");
  return snapshot;
}

}  // namespace mnema
