#include "cli/models/mirror_download.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace mnema {
namespace {

namespace fs = std::filesystem;

TEST(MirrorDownload, ASourcePackageIsRefusedBeforeAnyOfItsCodeRuns) {
  if (std::system("python3 -m pip --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "pip is not here";
  const fs::path folder = fs::path(::testing::TempDir()) / "mnema_mirror_download_test";
  fs::remove_all(folder);
  fs::create_directories(folder / "evil-1.0");
  fs::create_directories(folder / "work");
  const std::string witness = (folder / "it_ran").string();
  std::ofstream(folder / "evil-1.0" / "pyproject.toml")
      << "[build-system]\nrequires = []\nbuild-backend = 'evil'\nbackend-path = ['.']\n";
  std::ofstream(folder / "evil-1.0" / "evil.py") << "open('" << witness << "', 'w')\n";
  std::ofstream(folder / "evil-1.0" / "PKG-INFO") << "Metadata-Version: 1.0\nName: evil\nVersion: 1.0\n";
  ASSERT_EQ(
      std::system(("tar -C '" + folder.string() + "' -czf '" + folder.string() + "/evil-1.0.tar.gz' evil-1.0").c_str()),
      0);
  ::setenv("PIP_NO_INDEX", "1", 1);
  ::setenv("PIP_FIND_LINKS", folder.c_str(), 1);
  const Status status =
      download_from_mirror({{"evil==1.0", "model.bin"}}, (folder / "joined").string(), (folder / "work").string(), {});
  ::unsetenv("PIP_NO_INDEX");
  ::unsetenv("PIP_FIND_LINKS");
  EXPECT_FALSE(status.ok());
  EXPECT_FALSE(fs::exists(witness)) << "its build code was run";
  fs::remove_all(folder);
}

}  // namespace
}  // namespace mnema
