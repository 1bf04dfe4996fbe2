#include "inference/loading/model_loader.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <span>

#include "inference/loading/catalogue.hpp"
#include "tests/inference/formats/gguf_builder.hpp"
#include "tests/support/paths.hpp"

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

  /// A file with a tokenizer of three tokens and an embedding table of so many rows.
  Result<std::shared_ptr<const ModelText>> text_with_embeddings(std::uint64_t rows) {
    const std::vector<float> table(rows * 4);
    testing::GgufBuilder file;
    file.string("general.architecture", "llama").string("tokenizer.ggml.model", "gpt2");
    file.string("tokenizer.ggml.pre", "smollm").strings("tokenizer.ggml.tokens", {"<|endoftext|>", "a", "b"});
    file.strings("tokenizer.ggml.merges", {"a b"});
    file.tensor("token_embd.weight", QuantType::kF32, {4, rows}, std::as_bytes(std::span(table)));
    const std::vector<std::byte> bytes = file.build();
    const std::string path = (folder / "made.gguf").string();
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return loader->load_text({"made", path});
  }

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

TEST_F(ModelLoaderTest, ACopyOfAnEncoderOfTheCatalogueIsReadAsThatModelWhicheverOfItsFilesIsNamed) {
  fs::create_directories(folder / "bge-small-en-v1.5");
  fs::create_directory_symlink(folder / "bge-small-en-v1.5", folder / "another");
  std::ofstream(folder / "bge-small-en-v1.5" / "model.onnx") << "x";
  std::ofstream(folder / "bge-small-en-v1.5" / "vocab.txt") << "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n";
  for (const char* name : {"bge-small-en-v1.5", "bge-small-en-v1.5/", "bge-small-en-v1.5/model.onnx"}) {
    const auto text = loader->load_text(loader->locate((folder / name).string()).value());
    ASSERT_TRUE(text.ok()) << text.error().text();
    EXPECT_EQ((*text)->info.context_length, 512) << name;
  }
  const std::string through_link = (folder / "another" / "model.onnx").string();
  EXPECT_EQ((*loader->load_text(*loader->locate(through_link)))->info.context_length,
            encoder_profile(through_link).options.tokens_max);
}

TEST_F(ModelLoaderTest, AModelWithMoreTokensThanEmbeddingsIsRefused) {
  const auto text = text_with_embeddings(2);
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(text.error().message.find("3 tokens, its embedding table only 2 rows"), std::string::npos)
      << text.error().text();
}

TEST_F(ModelLoaderTest, APaddedEmbeddingTableIsRight) {
  for (const std::uint64_t rows : {3U, 64U}) {
    const auto text = text_with_embeddings(rows);
    ASSERT_TRUE(text.ok()) << text.error().text();
    EXPECT_EQ((*text)->info.vocabulary, 3);
  }
}

TEST_F(ModelLoaderTest, AnEncoderWithMoreWordsThanEmbeddingsIsRefused) {
  const fs::path whole = testing::minilm_folder();
  if (!fs::exists(whole / "model.safetensors")) GTEST_SKIP() << "the encoder is not here (./dev test fetches it)";
  fs::create_symlink(whole / "model.safetensors", folder / "inside" / "model.safetensors");
  fs::copy_file(whole / "vocab.txt", folder / "inside" / "vocab.txt");
  ASSERT_TRUE(loader->load_compute({"inside", (folder / "inside").string()}).ok());
  std::ofstream(folder / "inside" / "vocab.txt", std::ios::app) << "onewordmore\n";
  const auto compute = loader->load_compute({"inside", (folder / "inside").string()});
  ASSERT_FALSE(compute.ok());
  EXPECT_EQ(compute.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace mnema
