#include "cli/bench/disk_limit.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "runtime/store/sqlite.hpp"

namespace mnema {
namespace {

constexpr std::size_t kRowBytes = 200;  // a small webhook's body and its names

void remove_database(const std::string& path) {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix, ignored);
}

Result<Latency> measure_sync(const std::string& path, Duration each, const Clock& clock) {
  const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return fail(ErrorCode::kStorage, "cannot make '" + path + "'", "name another folder with --data DIR");
  const std::string page(4096, 'x');
  std::vector<Duration> waits;
  bool written = true;
  const MonotonicTime begun = clock.monotonic_now();
  while (written && clock.monotonic_now() - begun < each) {
    const MonotonicTime before = clock.monotonic_now();
    written = ::write(file, page.data(), page.size()) == static_cast<ssize_t>(page.size()) && ::fdatasync(file) == 0;
    waits.push_back(clock.monotonic_now() - before);
  }
  ::close(file);
  if (!written) return fail(ErrorCode::kStorage, "cannot write and sync '" + path + "'");
  return latency_of(std::move(waits));
}

Result<double> measure_rows(const std::string& path, int group, Duration each, const Clock& clock) {
  ASSIGN_OR_RETURN(const auto connection, SqliteConnection::open(path, SqliteConnection::Mode::kReadWriteCreate));
  // The settings of the writer in runtime/store/database.cpp.
  RETURN_IF_ERROR(
      connection->execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
                          "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -16384;"
                          "CREATE TABLE events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB NOT NULL)"));
  const std::string row(kRowBytes, 'x');
  long long rows = 0;
  const MonotonicTime begun = clock.monotonic_now();
  while (clock.monotonic_now() - begun < each) {
    RETURN_IF_ERROR(connection->execute("BEGIN IMMEDIATE"));
    for (int i = 0; i < group; ++i) {
      ASSIGN_OR_RETURN(Statement insert, connection->prepare("INSERT INTO events (data) VALUES (?)"));
      RETURN_IF_ERROR(insert.bind_blob(1, row).run());
    }
    RETURN_IF_ERROR(connection->execute("COMMIT"));
    rows += group;
  }
  const double seconds = std::chrono::duration<double>(clock.monotonic_now() - begun).count();
  return static_cast<double>(rows) / seconds;
}

}  // namespace

Result<DiskLimit> measure_disk(const std::string& folder, Duration each, const Clock& clock) {
  DiskLimit limit;
  const std::string sync_file = folder + "/sync.bench";
  const Result<Latency> synced = measure_sync(sync_file, each, clock);
  std::error_code ignored;
  std::filesystem::remove(sync_file, ignored);
  if (!synced.ok()) return synced.error();
  limit.fdatasync = *synced;
  for (const int group : {1, 8, 64, 500}) {
    const std::string path = folder + "/rows.bench";
    remove_database(path);
    const Result<double> rate = measure_rows(path, group, each, clock);
    remove_database(path);
    if (!rate.ok()) return rate.error();
    limit.groups.push_back({group, *rate});
  }
  return limit;
}

}  // namespace mnema
