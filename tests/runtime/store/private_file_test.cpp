#include "runtime/store/private_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "runtime/exec/thread_pool_executor.hpp"
#include "runtime/runtime.hpp"
#include "runtime/store/folder_lock.hpp"
#include "tests/runtime/store/file_modes.hpp"

namespace mnema {
namespace {

namespace fs = std::filesystem;

using testing::mode_of;

class PrivateFile : public testing::UnderAnOpenUmask {
 protected:
  const fs::path folder = base;
};

TEST_F(PrivateFile, IsMadeEmptyAndClosedAndKeepsWhatIsInItWhenItIsThere) {
  const fs::path path = folder / "file";
  ASSERT_TRUE(make_private_file(path).ok());
  EXPECT_EQ(mode_of(path), 0600U);
  std::ofstream(path) << "kept";
  ::chmod(path.c_str(), 0664);
  ASSERT_TRUE(make_private_file(path).ok());
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(fs::file_size(path), 4U);
  EXPECT_EQ(make_private_file(folder / "missing" / "file").error().code, ErrorCode::kStorage);
}

TEST_F(PrivateFile, IsReplacedWholeAndStaysClosed) {
  const fs::path path = folder / "file";
  ASSERT_TRUE(write_private_file(path, "first, and longer").ok());
  EXPECT_EQ(mode_of(path), 0600U);
  ::chmod(path.c_str(), 0644);
  std::ofstream(path.string() + ".new") << "what a killed process left";
  ASSERT_TRUE(write_private_file(path, "second").ok());
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(read_private_file(path, 100).value(), "second");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1) << "nothing is left beside it";
  EXPECT_EQ(write_private_file(folder / "missing" / "file", "x").error().code, ErrorCode::kStorage);
}

TEST_F(PrivateFile, IsNotBelievedWhenOthersCouldHaveReadOrMadeIt) {
  const fs::path path = folder / "file";
  EXPECT_EQ(read_private_file(path, 100).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(write_private_file(path, "secret").ok());
  for (const mode_t mode : {0604U, 0640U, 0602U, 0620U, 0666U}) {
    ::chmod(path.c_str(), mode);
    const Result<std::string> read = read_private_file(path, 100);
    ASSERT_FALSE(read.ok()) << mode;
    EXPECT_EQ(read.error().code, ErrorCode::kPermissionDenied) << mode;
    EXPECT_EQ(read.error().text().find("secret"), std::string::npos);
  }
  ::chmod(path.c_str(), 0600);
  EXPECT_EQ(read_private_file(path, 6).value(), "secret");
  EXPECT_EQ(read_private_file(path, 5).error().code, ErrorCode::kStorage) << "larger than it can be";
  fs::create_symlink(path, folder / "link");
  EXPECT_EQ(read_private_file(folder / "link", 100).error().code, ErrorCode::kStorage);
  EXPECT_EQ(read_private_file(folder, 100).error().code, ErrorCode::kStorage);
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_private_file(folder / "pipe", 100).error().code, ErrorCode::kStorage) << "and does not wait";
}

TEST_F(PrivateFile, IsEveryFileOfADatabaseAndItsCopy) {
  const SystemClock clock;
  const Limits limits;
  ThreadPoolExecutor loop("loop", 1);
  ThreadPoolExecutor store("store", 1);
  const auto open = [&] {
    Runtime::Options options;
    options.database.path = folder / "mnema.db";
    return Runtime::open(std::move(options), {loop, store}, clock, random, limits);
  };
  const auto check = [&](const std::string& when) {
    for (const auto& entry : fs::directory_iterator(folder)) EXPECT_EQ(mode_of(entry), 0600U) << when << entry.path();
  };
  {
    auto runtime = open();
    ASSERT_TRUE(runtime.ok()) << runtime.error().text();
    ASSERT_TRUE((*runtime)->database().backup_to(folder / "copy.db").ok());
    EXPECT_TRUE(fs::exists(folder / "mnema.db-wal") && fs::exists(folder / "mnema.db-shm"));
    check("new: ");
    // As a version left them that did not close them.
    for (const auto& entry : fs::directory_iterator(folder)) ::chmod(entry.path().c_str(), 0644);
    (*runtime)->close();
  }
  auto runtime = open();
  ASSERT_TRUE(runtime.ok()) << runtime.error().text();
  fs::remove(folder / "copy.db");
  check("opened again: ");
  (*runtime)->close();
  loop.stop();
  store.stop();
}

}  // namespace
}  // namespace mnema
