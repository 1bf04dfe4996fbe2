#include "cli/models/mirror_download.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

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

constexpr const char* kGivesAJar =
    "mkdir -p \"$out\" && python3 -c \"import sys, zipfile; z = zipfile.ZipFile(sys.argv[1] + '/m.jar', 'w'); "
    "z.writestr('data/a.bin', 'one '); z.writestr('data/b.bin', 'two')\" \"$out\"\n";

/// A `mvn` of ours before the real one: it writes down how it was called, and gives a jar or fails.
class MavenMirror : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("python3 --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "python3 is not here";
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "work");
    path_ = std::getenv("PATH");
    ::setenv("PATH", (folder_.string() + ":" + path_).c_str(), 1);
  }
  void TearDown() override {
    if (!path_.empty()) ::setenv("PATH", path_.c_str(), 1);
    fs::remove_all(folder_);
  }
  void write_mvn(const std::string& body) const {
    std::ofstream(folder_ / "mvn") << "#!/bin/sh\nfor a in \"$@\"; do case $a in -DoutputDirectory=*) "
                                   << "out=${a#*=};; esac; done\necho \"$@\" > '" << (folder_ / "called").string()
                                   << "'\npwd > '" << (folder_ / "where").string() << "'\n"
                                   << body;
    fs::permissions(folder_ / "mvn", fs::perms::owner_all);
  }
  Status download(const std::string& work = "") const {
    return download_from_mirror({{"org.example:model:1.0", "data/a.bin"}, {"org.example:model:1.0", "data/b.bin"}},
                                (folder_ / "joined").string(), work.empty() ? (folder_ / "work").string() : work, {});
  }
  const fs::path folder_ = fs::path(::testing::TempDir()) / "mnema_maven_mirror_test";
  std::string path_;
};

TEST_F(MavenMirror, GivesTheMembersOfAJar) {
  write_mvn(kGivesAJar);
  const Status status = download();
  ASSERT_TRUE(status.ok()) << status.error().text();
  std::ifstream joined(folder_ / "joined");
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(joined)), std::istreambuf_iterator<char>()), "one two");
  std::ifstream called(folder_ / "called");
  const std::string how((std::istreambuf_iterator<char>(called)), std::istreambuf_iterator<char>());
  EXPECT_NE(how.find(":maven-dependency-plugin:3.6.1:copy -Dartifact=org.example:model:1.0"), std::string::npos) << how;
}

TEST_F(MavenMirror, RunsNothingInTheUsersFolderWhoseProjectMavenWouldRead) {
  write_mvn(kGivesAJar);
  std::ofstream(folder_ / "zipfile.py") << "open('" << (folder_ / "it_ran").string() << "', 'w')\n";
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  const Status status = download("work");
  fs::current_path(before);
  EXPECT_TRUE(status.ok()) << status.error().text();
  std::string where;
  std::getline(std::ifstream(folder_ / "where"), where);
  EXPECT_TRUE(fs::equivalent(where, folder_ / "work" / "tmp")) << where;
  EXPECT_TRUE(fs::is_directory(folder_ / "work" / "tmp" / ".mvn")) << "where Maven stops looking for a project's";
  EXPECT_FALSE(fs::exists(folder_ / "it_ran")) << "Python imports what lies where it runs";
}

TEST_F(MavenMirror, UnpacksAgainWhatAPullThatWasKilledHasUnpackedInPart) {
  write_mvn("mkdir -p \"$out\" && touch \"$out/m.jar\"\n");
  // Half of a member is there when the pull is killed.
  const fs::path python = folder_ / "python3";
  std::ofstream(python) << "#!/bin/sh\nmkdir -p \"$5/data\" && printf on > \"$5/data/a.bin\"\nkill -9 $PPID\n";
  fs::permissions(python, fs::perms::owner_all);
  const pid_t pull = ::fork();
  ASSERT_GE(pull, 0);
  if (pull == 0) {
    static_cast<void>(download());
    ::_exit(0);
  }
  int how = 0;
  ASSERT_EQ(::waitpid(pull, &how, 0), pull);
  ASSERT_TRUE(WIFSIGNALED(how));
  fs::remove(python);
  write_mvn(kGivesAJar);
  const Status status = download();
  ASSERT_TRUE(status.ok()) << status.error().text();
  std::ifstream joined(folder_ / "joined");
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(joined)), std::istreambuf_iterator<char>()), "one two");
}

TEST_F(MavenMirror, SaysWhatMavenSaidWhereItGivesNothing) {
  write_mvn("echo '[INFO] asking'; echo '[ERROR] no such artifact'; echo '[ERROR] Re-run'; exit 1\n");
  const Status status = download();
  ASSERT_FALSE(status.ok());
  EXPECT_TRUE(status.error().retryable);
  EXPECT_NE(status.error().message.find("no such artifact"), std::string::npos) << status.error().text();
}

}  // namespace
}  // namespace mnema
