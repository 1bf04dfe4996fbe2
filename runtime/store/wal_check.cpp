#include "runtime/store/wal_check.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/store/checksum_vfs.hpp"

namespace mnema {
namespace {

constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kFrameHeaderBytes = 24;

using Sum = std::array<std::uint32_t, 2>;

std::uint32_t big_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

std::uint32_t little_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i > 0; --i) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i - 1]);
  return value;
}

/// The beginning of a file, or none if there is no such file.
Result<std::optional<std::string>> read_file(const std::string& path, const std::string& vfs_name, int kind,
                                             std::size_t bytes_max = SIZE_MAX) {
  sqlite3_vfs* vfs = sqlite3_vfs_find(vfs_name.empty() ? nullptr : vfs_name.c_str());
  int exists = 0;
  if (vfs->xAccess(vfs, path.c_str(), SQLITE_ACCESS_EXISTS, &exists) != SQLITE_OK || exists == 0) {
    return std::optional<std::string>();
  }
  const Error unreadable = fail_retryable(ErrorCode::kStorage, "cannot read '" + path + "'", "check the disk");
  const std::string name = path + std::string(4, '\0');  // ended as SQLite ends the names it hands to a VFS
  std::vector<std::max_align_t> memory(static_cast<std::size_t>(vfs->szOsFile) / sizeof(std::max_align_t) + 1);
  auto* file = reinterpret_cast<sqlite3_file*>(memory.data());
  if (vfs->xOpen(vfs, name.c_str(), file, SQLITE_OPEN_READONLY | kind, nullptr) != SQLITE_OK) return unreadable;
  sqlite3_int64 size = 0;
  int code = file->pMethods->xFileSize(file, &size);
  std::string bytes(code == SQLITE_OK ? std::min(bytes_max, static_cast<std::size_t>(size)) : 0, '\0');
  constexpr std::size_t kPiece = 1 << 20;
  for (std::size_t at = 0; code == SQLITE_OK && at < bytes.size(); at += kPiece) {
    code = file->pMethods->xRead(file, bytes.data() + at, static_cast<int>(std::min(kPiece, bytes.size() - at)),
                                 static_cast<sqlite3_int64>(at));
  }
  file->pMethods->xClose(file);
  if (code != SQLITE_OK) return unreadable;
  return std::optional<std::string>(std::move(bytes));
}

class Log {
 public:
  explicit Log(std::string bytes) : bytes_(std::move(bytes)) {
    if (bytes_.size() < kHeaderBytes) return;
    is_big_endian_ = (big_endian(bytes_, 0) & 1) != 0;
    page_bytes_ = big_endian(bytes_, 8);
    if (page_bytes_ < 512 || page_bytes_ > 65'536 || (page_bytes_ & (page_bytes_ - 1)) != 0) page_bytes_ = 4096;
    frames_ = (bytes_.size() - kHeaderBytes) / (kFrameHeaderBytes + page_bytes_);
  }

  /// The same log, with its sums over words of the other byte order.
  [[nodiscard]] Log in_other_order() const {
    Log other = *this;
    other.is_big_endian_ = !is_big_endian_;
    return other;
  }
  [[nodiscard]] std::size_t frames() const { return frames_; }
  [[nodiscard]] std::size_t page_bytes() const { return page_bytes_; }
  [[nodiscard]] bool header_checks() const {
    const std::uint32_t magic = big_endian(bytes_, 0);
    return (magic == 0x377f0682 || magic == 0x377f0683) && big_endian(bytes_, 8) == page_bytes_ &&
           header_sum() == sum_over({0, 0}, std::string_view(bytes_).substr(0, 24));
  }
  [[nodiscard]] Sum header_sum() const { return {big_endian(bytes_, 24), big_endian(bytes_, 28)}; }
  [[nodiscard]] std::string_view header_salts() const { return std::string_view(bytes_).substr(16, 8); }

  [[nodiscard]] std::string_view salts(std::size_t frame) const { return at(frame).substr(8, 8); }
  [[nodiscard]] Sum stored_sum(std::size_t frame) const {
    return {big_endian(at(frame), 16), big_endian(at(frame), 20)};
  }
  /// What its checksum must be, if the one before it has this.
  [[nodiscard]] Sum sum_after(Sum before, std::size_t frame) const {
    return sum_over(sum_over(before, at(frame).substr(0, 8)), page(frame));
  }
  [[nodiscard]] bool commits(std::size_t frame) const { return big_endian(at(frame), 4) != 0; }
  [[nodiscard]] std::uint32_t page_number(std::size_t frame) const { return big_endian(at(frame), 0); }
  [[nodiscard]] std::string_view page(std::size_t frame) const {
    return at(frame).substr(kFrameHeaderBytes, page_bytes_);
  }

 private:
  [[nodiscard]] std::string_view at(std::size_t frame) const {
    const std::size_t bytes = kFrameHeaderBytes + page_bytes_;
    return std::string_view(bytes_).substr(kHeaderBytes + frame * bytes, bytes);
  }
  [[nodiscard]] Sum sum_over(Sum sum, std::string_view data) const {
    for (std::size_t i = 0; i + 8 <= data.size(); i += 8) {
      sum[0] += (is_big_endian_ ? big_endian(data, i) : little_endian(data, i)) + sum[1];
      sum[1] += (is_big_endian_ ? big_endian(data, i + 4) : little_endian(data, i + 4)) + sum[0];
    }
    return sum;
  }

  std::string bytes_;
  bool is_big_endian_ = false;
  std::size_t page_bytes_ = 0;
  std::size_t frames_ = 0;
};

/// Whether whole transactions stand behind `bad`, a frame that does not check. A frame alone can be judged by the sum
/// before it; one power cut leaves at most one transaction that is not whole, and pieces of one that failed before.
bool transactions_follow(const Log& log, std::size_t bad, Sum computed) {
  int commits = log.commits(bad) ? 1 : 0;
  for (std::size_t frame = bad + 1; frame < log.frames(); ++frame) {
    const bool fits = log.salts(frame) == log.header_salts() &&
                      (log.sum_after(log.stored_sum(frame - 1), frame) == log.stored_sum(frame) ||
                       (frame == bad + 1 && log.sum_after(computed, frame) == log.stored_sum(frame)));
    if (!fits) {
      commits = 0;
      continue;
    }
    commits += log.commits(frame) ? 1 : 0;
    if (commits >= 2) return true;
  }
  return false;
}

/// A log whose header does not check is passed over by SQLite as a whole. Right, if it is one that was begun anew: then
/// all that stands in it is in the database. Its frames are believed where they fit to each other.
bool holds_what_the_file_lacks(const Log& log, std::string_view database) {
  std::map<std::uint32_t, std::size_t> pending, committed;  // page -> its last frame
  for (std::size_t frame = 1; frame < log.frames(); ++frame) {
    if (log.salts(frame) != log.salts(0) || log.sum_after(log.stored_sum(frame - 1), frame) != log.stored_sum(frame)) {
      break;
    }
    pending[log.page_number(frame)] = frame;
    if (!log.commits(frame)) continue;
    for (const auto& [number, last] : pending) committed[number] = last;
    pending.clear();
  }
  for (const auto& [number, frame] : committed) {
    const std::size_t begin = (number - std::size_t{1}) * log.page_bytes();
    const std::size_t compared = log.page_bytes() - kChecksumBytes;
    if (begin + log.page_bytes() > database.size()) return true;
    if (database.substr(begin, compared) != log.page(frame).substr(0, compared)) return true;
  }
  return false;
}

// SQLite would begin anew in it, perhaps under the same salts: then what is left of the old frames could be taken for
// damaged new ones.
Status remove_file(const std::string& path, const std::string& vfs_name) {
  sqlite3_vfs* vfs = sqlite3_vfs_find(vfs_name.empty() ? nullptr : vfs_name.c_str());
  if (vfs->xDelete(vfs, path.c_str(), 1) == SQLITE_OK) return {};
  return fail_retryable(ErrorCode::kStorage, "cannot remove '" + path + "'", "check the disk");
}

}  // namespace

Status check_wal(const std::string& database_path, const std::string& vfs) {
  const std::string path = database_path + "-wal";
  ASSIGN_OR_RETURN(std::optional<std::string> bytes, read_file(path, vfs, SQLITE_OPEN_WAL));
  if (!bytes) return {};
  const Log log(std::move(*bytes));
  if (log.frames() == 0) return {};
  const Error damaged = fail(ErrorCode::kCorrupt, "the log '" + path + "' is damaged: transactions in it would be lost",
                             "check the disk, and restore both files from a backup");
  const bool header_checks = log.header_checks();
  ASSIGN_OR_RETURN(const std::optional<std::string> database,
                   read_file(database_path, vfs, SQLITE_OPEN_MAIN_DB, header_checks ? 1 : SIZE_MAX));
  if (!database || database->empty()) {
    return fail(ErrorCode::kCorrupt, "'" + database_path + "' is empty or gone, and its log is not",
                "restore both files from a backup; or remove the log to begin anew");
  }
  if (!header_checks) {
    // The byte order is said by one bit of the header that may be the one that is wrong.
    for (const Log& read : {log, log.in_other_order()}) {
      if (holds_what_the_file_lacks(read, *database)) return damaged;
    }
    return remove_file(path, vfs);
  }
  Sum before = log.header_sum();
  for (std::size_t frame = 0; frame < log.frames(); ++frame) {
    const Sum computed = log.sum_after(before, frame);
    if (log.salts(frame) == log.header_salts() && computed == log.stored_sum(frame)) {
      before = computed;
      continue;
    }
    return transactions_follow(log, frame, computed) ? Status(damaged) : Status();
  }
  return {};
}

}  // namespace mnema
