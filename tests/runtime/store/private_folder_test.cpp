#include "runtime/store/private_folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/runtime/log_capture.hpp"
#include "tests/runtime/store/file_modes.hpp"

namespace mnema {
namespace {

namespace fs = std::filesystem;

using testing::mode_of;

class PrivateFolder : public testing::UnderAnOpenUmask {
 protected:
  const fs::path folder = base / "above" / "data";
};

TEST_F(PrivateFolder, IsMadeForItsOwnerAloneWhateverTheUmask) {
  ASSERT_TRUE(make_private_folder(folder).ok());
  EXPECT_EQ(mode_of(folder), 0700U);
  EXPECT_EQ(mode_of(folder.parent_path()), 0700U) << "nobody else may put another in its place";
  EXPECT_TRUE(make_private_folder(folder.string() + "/").ok()) << "it may be there";
  EXPECT_EQ(make_private_folder("").error().code, ErrorCode::kStorage);
}

TEST_F(PrivateFolder, ClosesOneOfOursThatIsOpen) {
  fs::create_directories(folder);
  ::chmod(folder.c_str(), 0755);
  ASSERT_TRUE(make_private_folder(folder).ok());
  EXPECT_EQ(mode_of(folder), 0700U) << "an empty one";
  std::ofstream(folder / "mnema.db") << "data";
  ::chmod(folder.c_str(), 0777);
  ASSERT_TRUE(make_private_folder(folder).ok());
  EXPECT_EQ(mode_of(folder), 0700U) << "one with our data";
}

TEST_F(PrivateFolder, LeavesOneOpenThatIsUsedForSomethingElseAndWarns) {
  testing::LogCapture log;
  fs::create_directories(folder);
  std::ofstream(folder / "thesis.txt") << "chapter 1";
  ::chmod(folder.c_str(), 0755);
  ASSERT_TRUE(make_private_folder(folder).ok());
  EXPECT_EQ(mode_of(folder), 0755U);
  EXPECT_EQ(log.with({"others may look", folder.string()}).size(), 1U);
}

TEST_F(PrivateFolder, SaysWhatIsInItsWay) {
  std::ofstream(base / "file") << "x";
  const Status refused = make_private_folder(base / "file");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kStorage);
  EXPECT_NE(refused.error().message.find("a file of that name"), std::string::npos) << refused.error().text();
  EXPECT_FALSE(make_private_folder(base / "file" / "below").ok());
}

}  // namespace
}  // namespace mnema
