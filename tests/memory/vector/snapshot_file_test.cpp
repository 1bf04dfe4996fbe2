#include "memory/vector/snapshot_file.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/sha256.hpp"
#include "tests/memory/temporary_folder.hpp"
#include "tests/memory/vector/vectors.hpp"

namespace mnema {
namespace {

using testing::random_vector;
using testing::TemporaryFolder;

constexpr int kDimensions = 8;
constexpr std::size_t kDigestBytes = 32;

VectorIndex::Options options() {
  VectorIndex::Options small;
  small.exact_max = 16;
  small.segment_max = 64;
  small.graph = {4, 16};
  return small;
}

SnapshotHeader header_of(const VectorIndex& index) {
  return {"database one", "words/1", 3, kDimensions, 70, 71, index.size()};
}

/// An index with a graph, removed vectors and a flat part.
std::unique_ptr<VectorIndex> filled(VectorLabel first = 0) {
  SeededRandom random(1);
  auto index = std::make_unique<VectorIndex>(VectorCodec(kDimensions), options());
  for (VectorLabel label = first; label < first + 40; ++label) index->add(label, 1, random_vector(random, kDimensions));
  while (index->upkeep_due()) index->upkeep(64);
  for (VectorLabel label = first; label < first + 5; ++label) index->remove(label);
  for (VectorLabel label = first + 40; label < first + 45; ++label) {
    index->add(label, 1, random_vector(random, kDimensions));
  }
  return index;
}

std::string written(const TemporaryFolder& folder, const VectorIndex& index) {
  const Status done = write_snapshot(folder / "x.vectors", header_of(index), index);
  EXPECT_TRUE(done.ok()) << done.error().text();
  return folder.read("x.vectors");
}

Result<Snapshot> read(const TemporaryFolder& folder, const std::string& bytes) {
  return read_snapshot(folder.write("x.vectors", bytes), options());
}

/// The digest made right again over bytes that were changed.
std::string sealed(std::string bytes) {
  const Sha256Digest digest = sha256({bytes.data(), bytes.size() - kDigestBytes});
  std::copy(digest.begin(), digest.end(), bytes.end() - kDigestBytes);
  return bytes;
}

TEST(SnapshotFile, BringsBackTheIndexAsItWas) {
  const TemporaryFolder folder;
  const auto index = filled();
  written(folder, *index);
  const Result<Snapshot> snapshot = read_snapshot(folder / "x.vectors", options());
  ASSERT_TRUE(snapshot.ok()) << snapshot.error().text();
  EXPECT_EQ(snapshot->header, header_of(*index));
  EXPECT_EQ(snapshot->index->labels(), index->labels());
  EXPECT_EQ(snapshot->index->in_graphs(), index->in_graphs());
  snapshot->index->check_integrity();
  SeededRandom random(9);
  for (int i = 0; i < 20; ++i) {
    const std::vector<float> query = random_vector(random, kDimensions);
    const auto before = index->search(query, 5, {}).matches;
    const auto after = snapshot->index->search(query, 5, {}).matches;
    ASSERT_EQ(before.size(), after.size());
    for (std::size_t k = 0; k < before.size(); ++k) EXPECT_EQ(before[k].label, after[k].label);
  }
}

TEST(SnapshotFile, TakesMoreVectorsAfterItWasRead) {
  const TemporaryFolder folder;
  written(folder, *filled());
  const Result<Snapshot> snapshot = read_snapshot(folder / "x.vectors", options());
  ASSERT_TRUE(snapshot.ok());
  SeededRandom random(9);
  for (VectorLabel label = 100; label < 200; ++label)
    snapshot->index->add(label, 1, random_vector(random, kDimensions));
  while (snapshot->index->upkeep_due()) snapshot->index->upkeep(64);
  snapshot->index->check_integrity();
  EXPECT_EQ(snapshot->index->size(), 140U);
}

TEST(SnapshotFile, OfAnEmptyIndexIsReadToo) {
  const TemporaryFolder folder;
  const VectorIndex empty(VectorCodec(kDimensions), options());
  EXPECT_EQ(read(folder, written(folder, empty))->index->size(), 0U);
}

TEST(SnapshotFile, ThatIsNotThereIsNotFound) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_snapshot(folder / "none", options()).error().code, ErrorCode::kNotFound);
}

TEST(SnapshotFile, CutOffAnywhereIsRefused) {
  const TemporaryFolder folder;
  const std::string whole = written(folder, *filled());
  for (std::size_t size = 0; size < whole.size(); size += size < 200 ? 1 : 37) {
    EXPECT_EQ(read(folder, whole.substr(0, size)).error().code, ErrorCode::kCorrupt) << size;
  }
  EXPECT_EQ(read(folder, whole + "x").error().code, ErrorCode::kCorrupt);
}

TEST(SnapshotFile, WithAFlippedBitAnywhereIsRefused) {
  const TemporaryFolder folder;
  const std::string whole = written(folder, *filled());
  for (std::size_t at = 0; at < whole.size(); at += at < 200 ? 1 : 7) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    EXPECT_EQ(read(folder, flipped).error().code, ErrorCode::kCorrupt) << at;
  }
}

TEST(SnapshotFile, OfAnotherFormatIsRefusedAndSaysSo) {
  const TemporaryFolder folder;
  std::string other = written(folder, *filled());
  for (const char format : {1, 3}) {
    other[8] = format;
    const Result<Snapshot> refused = read(folder, sealed(other));
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
    const std::string says = "has format " + std::to_string(format) + ", this build reads 2";
    EXPECT_NE(refused.error().message.find(says), std::string::npos) << refused.error().message;
  }
}

// The digest keeps accidents out. What somebody made on purpose, with a right digest, is refused or is an index.
TEST(SnapshotFile, NeverCrashesOnWhatWasMadeOnPurpose) {
  const TemporaryFolder folder;
  const std::string whole = written(folder, *filled());
  constexpr std::string_view kNumbers[] = {"\x00\x00\x00\x00", "\xff\xff\xff\xff", "\xff\xff\xff\x7f",
                                           "\x01\x00\x00\x00"};
  int refused = 0;
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    SeededRandom random(seed);
    std::string changed = whole;
    for (std::uint64_t left = 1 + random.below(3); left > 0; --left) {
      const std::size_t at = 12 + random.below(changed.size() - kDigestBytes - 16);
      if (random.below(2) == 0) {
        changed[at] = static_cast<char>(random.below(256));
      } else {
        changed.replace(at, 4, std::string(kNumbers[random.below(std::size(kNumbers))].data(), 4));
      }
    }
    const Result<Snapshot> snapshot = read(folder, sealed(changed));
    if (!snapshot.ok()) {
      ++refused;
      continue;
    }
    const std::size_t dimensions = static_cast<std::size_t>(snapshot->header.dimensions);
    (void)snapshot->index->search(std::vector<float>(dimensions, 0.1F), 10, {});
    for (const VectorLabel label : snapshot->index->labels()) snapshot->index->remove(label);
  }
  EXPECT_GT(refused, 100);
}

TEST(SnapshotFile, WithALinkOrAScaleThatCannotBeIsRefused) {
  const TemporaryFolder folder;
  const std::string whole = written(folder, *filled());
  int links = 0;
  int scales = 0;
  for (std::size_t at = 12; at + 4 + kDigestBytes <= whole.size(); ++at) {
    std::string changed = whole;
    changed.replace(at, 4, "\xff\xff\xff\x7f");  // no node; as a float, not a number
    const Result<Snapshot> snapshot = read(folder, sealed(changed));
    if (snapshot.ok()) continue;
    links += snapshot.error().message.find("a link leads nowhere") != std::string::npos ? 1 : 0;
    scales += snapshot.error().message.find("impossible scale") != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(links, 40);
  EXPECT_GE(scales, 45) << "one of each vector";
}

TEST(SnapshotFile, IsTheOldOneOrTheNewOneWhereverTheProcessDies) {
  const auto old_index = filled(0);
  const auto new_index = filled(1'000);
  for (const std::string_view death : {"written", "synced", "renamed", "folder synced"}) {
    const TemporaryFolder folder;
    written(folder, *old_index);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      (void)write_snapshot(folder / "x.vectors", header_of(*new_index), *new_index, [&](std::string_view step) {
        if (step == death) _exit(0);
      });
      _exit(1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "died at the step " << death;
    const Result<Snapshot> snapshot = read_snapshot(folder / "x.vectors", options());
    ASSERT_TRUE(snapshot.ok()) << death << ": " << snapshot.error().text();
    const bool renamed = death == "renamed" || death == "folder synced";
    EXPECT_EQ(snapshot->index->labels(), (renamed ? new_index : old_index)->labels()) << death;
    EXPECT_TRUE(write_snapshot(folder / "x.vectors", header_of(*new_index), *new_index).ok())
        << "what was left behind is in nobody's way";
  }
}

TEST(SnapshotFile, SaysWhereItCannotBeWritten) {
  const auto index = filled();
  const Status refused = write_snapshot("/nowhere/at/all/x.vectors", header_of(*index), *index);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kStorage);
  EXPECT_NE(refused.error().message.find("/nowhere/at/all"), std::string::npos);
}

}  // namespace
}  // namespace mnema
