#include "inference/model_loader.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace mnema {
namespace {

namespace fs = std::filesystem;

class ModelLoaderTest : public ::testing::Test {
 protected:
  ModelLoaderTest() {
    options.models_folder = folder.string();
    fs::create_directories(folder / "inside");
    std::ofstream(folder / "one.gguf") << "x";
    loader = cpu_model_loader(options, limits);
  }
  ~ModelLoaderTest() override { fs::remove_all(folder); }
  std::string path_of(const fs::path& name) { return loader->locate(name.string()).value().path; }

  const fs::path folder =
      fs::canonical(fs::temp_directory_path()) / ("mnema_model_loader_test_" + std::to_string(::getpid()));
  EngineOptions options;
  const Limits limits;
  std::shared_ptr<ModelLoader> loader;
};

TEST_F(ModelLoaderTest, AFileHasOnePathHoweverItIsNamed) {
  const std::string one = (folder / "one.gguf").string();
  fs::create_directory_symlink(folder / "inside", folder / "shortcut");
  for (const char* name : {"one.gguf", "./one.gguf", "././one.gguf", "inside/../one.gguf", "shortcut/../one.gguf"}) {
    EXPECT_EQ(path_of(folder / name), one) << name;
    EXPECT_EQ(loader->locate((folder / name).string())->name, "one");
  }
  EXPECT_EQ(path_of(folder / "inside/"), (folder / "inside").string());
  EXPECT_EQ(path_of(folder / "inside/."), (folder / "inside").string());
  EXPECT_EQ(loader->locate((folder / "inside/").string())->name, "inside");
}

TEST_F(ModelLoaderTest, ALinkKeepsItsOwnName) {
  fs::create_symlink(folder / "one.gguf", folder / "two.gguf");
  EXPECT_EQ(path_of(folder / "two.gguf"), (folder / "two.gguf").string());
  EXPECT_EQ(loader->locate((folder / "two.gguf").string())->name, "two");
}

}  // namespace
}  // namespace mnema
