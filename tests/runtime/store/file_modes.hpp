// tests/runtime/store/file_modes.hpp
//
// What others may do with a file, and a folder of a test alone under a umask that closes nothing.
//
// Threads: the test's; the umask is the process's.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "runtime/base/random.hpp"

namespace mnema::testing {

inline mode_t mode_of(const std::filesystem::path& path) {
  struct stat info = {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

class UnderAnOpenUmask : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(base);
    old_mask = ::umask(0);
  }
  void TearDown() override {
    ::umask(old_mask);
    std::filesystem::remove_all(base);
  }
  SystemRandom random;
  const std::filesystem::path base = std::filesystem::temp_directory_path() / ("mnema_private_" + random.uuid());
  mode_t old_mask = 0;
};

}  // namespace mnema::testing
