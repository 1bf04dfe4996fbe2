#include "runtime/store/folder_lock.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "runtime/base/random.hpp"

namespace mnema {
namespace {

class FolderLockTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder); }
  void TearDown() override { std::filesystem::remove_all(folder); }
  SystemRandom random;
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("mnema_lock_" + random.uuid());
  const std::string path = folder / "mnema.db.lock";
};

TEST_F(FolderLockTest, IsHeldByOneAndSaysByWhom) {
  auto first = FolderLock::take(path);
  ASSERT_TRUE(first.ok()) << first.error().text();
  const auto second = FolderLock::take(path);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(second.error().message.find("by process " + std::to_string(getpid())), std::string::npos)
      << second.error().message;
  first->reset();
  EXPECT_TRUE(FolderLock::take(path).ok());
}

TEST_F(FolderLockTest, GoesWithAProcessThatIsKilled) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto lock = FolderLock::take(path);
    const char byte = lock.ok() ? '1' : '0';
    static_cast<void>(!write(ready[1], &byte, 1));
    for (;;) pause();
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, '1');
  EXPECT_FALSE(FolderLock::take(path).ok());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(FolderLock::take(path).ok());
  close(ready[0]);
  close(ready[1]);
}

TEST_F(FolderLockTest, SaysWhatIsWrongWithTheFolder) {
  const auto lock = FolderLock::take(folder / "none" / "lock");
  ASSERT_FALSE(lock.ok());
  EXPECT_EQ(lock.error().code, ErrorCode::kStorage);
  EXPECT_NE(lock.error().message.find("No such file"), std::string::npos);
}

}  // namespace
}  // namespace mnema
