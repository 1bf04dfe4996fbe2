// tests/memory/temporary_folder.hpp
//
// A folder of this test alone, gone with it; and a part of it that may not be read for a while.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "runtime/base/check.hpp"

namespace mnema::testing {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mnema_memory_XXXXXX").string();
    CHECK(mkdtemp(pattern.data()) != nullptr, "a temporary folder can be made");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  /// Writes a file with the folders above it; returns its path.
  std::string write(const std::string& name, const std::string& bytes) const {
    const std::filesystem::path file = *this / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
    return file.string();
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::stringstream bytes;
    bytes << std::ifstream(*this / name, std::ios::binary).rdbuf();
    return bytes.str();
  }

 private:
  std::string path_;
};

/// Takes the right to read a sub-folder away; from root by being nobody meanwhile.
class Unreadable {
 public:
  Unreadable(const TemporaryFolder& folder, const std::string& name) : path_(folder / name), user_(geteuid()) {
    namespace fs = std::filesystem;
    fs::permissions(folder.path(), fs::perms::all);
    fs::permissions(path_, fs::perms::none);
    if (user_ == 0 && seteuid(65'534) != 0) return;
    std::error_code error;
    works_ = fs::directory_iterator(path_, error) == fs::directory_iterator() && error == std::errc::permission_denied;
  }
  ~Unreadable() {
    CHECK(seteuid(user_) == 0, "the test is its user again");
    std::filesystem::permissions(path_, std::filesystem::perms::all);
  }
  Unreadable(const Unreadable&) = delete;
  Unreadable& operator=(const Unreadable&) = delete;

  [[nodiscard]] bool works() const { return works_; }

 private:
  const std::string path_;
  const uid_t user_;
  bool works_ = false;
};

}  // namespace mnema::testing
