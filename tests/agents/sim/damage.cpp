// What a disk does to files between two processes: bits flip, ends are missing. A damaged file is refused when the
// process starts, or repaired, or the damage was where nothing stands; it is never served. After a refusal an operator
// restores the files as they were.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/agents/sim/scenario.hpp"

namespace mnema::testing {
namespace {

constexpr const char* kLog = "/mnema.db-wal";
constexpr std::size_t kLogHeaderBytes = 32;
constexpr std::size_t kFrameHeaderBytes = 24;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

/// Where the transactions of a log end, the last of which may be torn: by its frames' headers alone.
std::vector<std::size_t> ends_of_transactions(const std::string& log) {
  std::vector<std::size_t> ends;
  if (log.size() < kLogHeaderBytes) return ends;
  constexpr std::size_t kFrameBytes = kFrameHeaderBytes + 4'096;
  for (std::size_t at = kLogHeaderBytes; at + kFrameBytes <= log.size(); at += kFrameBytes) {
    if (log.compare(at + 8, 8, log, 16, 8) != 0) break;  // of an older log
    if (log.compare(at + 4, 4, std::string(4, '\0')) != 0) ends.push_back(at + kFrameBytes);
  }
  return ends;
}

}  // namespace

std::string Scenario::flip_a_bit(std::string bytes, std::size_t begin, std::size_t end) {
  Random& random = process_.simulation.random();
  char& byte = bytes[begin + random.below(end - begin)];
  byte = static_cast<char>(byte ^ (1 << random.below(8)));
  return bytes;
}

bool Scenario::damage_database() {
  const std::string whole = process_.disk.contents(Process::kDatabase);
  if (whole.size() < 2) return false;
  Random& random = process_.simulation.random();
  process_.disk.plant(Process::kDatabase, one_in(4) ? whole.substr(0, 1 + random.below(whole.size() - 1))
                                                    : flip_a_bit(whole, 0, whole.size()));
  return true;
}

/// The last transactions are left alone: their damage cannot be told from what a power cut does to a transaction that
/// nobody was told of (runtime/store/wal_check.hpp).
bool Scenario::damage_log() {
  const std::string whole = process_.disk.contents(kLog);
  const std::vector<std::size_t> ends = ends_of_transactions(whole);
  if (ends.size() < 4) return false;
  process_.disk.plant(kLog, flip_a_bit(whole, 0, one_in(3) ? kLogHeaderBytes : ends[ends.size() - 4]));
  return true;
}

bool Scenario::damage_snapshot() {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(process_.index_folder, ignored)) {
    const std::string whole = read_file(entry.path());
    if (whole.empty() || !one_in(2)) continue;
    Random& random = process_.simulation.random();
    std::ofstream(entry.path(), std::ios::binary | std::ios::trunc)
        << (one_in(4) ? whole.substr(0, random.below(whole.size())) : flip_a_bit(whole, 0, whole.size()));
    return true;
  }
  return false;
}

void Scenario::boot_over_damage(bool after_crash) {
  const std::string database = process_.disk.contents(Process::kDatabase), log = process_.disk.contents(kLog);
  enum Target { kNothing, kFile, kWal, kSnapshot };
  const auto target = static_cast<Target>(one_in(4) ? 1 + process_.simulation.random().below(3) : 0);
  bool damaged = false;
  if (target == kFile) damaged = damage_database();
  if (target == kWal) damaged = damage_log();
  if (target == kSnapshot) damaged = damage_snapshot();
  if (!damaged) return boot();

  breakers_.clear();
  const Status booted = process_.boot(&trace_);
  if (booted.ok()) {
    trace_.write("damage did no harm");
    const auto statistics = process_.runtime->memory().statistics();
    if (target == kSnapshot && statistics.ok() && statistics->index_rebuilds > 0) {
      sometimes_.hit("snapshot damaged and rebuilt");
    }
    // After an orderly end every page of the file is what it must be.
    EXPECT_FALSE(target == kFile && !after_crash && log.empty()) << "a damaged database was opened";
    return;
  }
  trace_.write("damage refused: " + booted.error().text());
  EXPECT_EQ(booted.error().code, ErrorCode::kCorrupt) << booted.error().text();
  EXPECT_FALSE(booted.error().hint.empty()) << "it is said what to do";
  EXPECT_NE(target, kSnapshot) << "an index is rebuilt from the rows: " << booted.error().text();
  sometimes_.hit(target == kFile ? "database damage refused" : "log damage refused");
  process_.disk.plant(Process::kDatabase, database);
  process_.disk.plant(kLog, log);
  boot();
}

}  // namespace mnema::testing
