#include "agents/host/engine_embedder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "inference/loading/model_loader.hpp"
#include "memory/chunker.hpp"
#include "runtime/sim/simulation_executor.hpp"
#include "tests/agents/fixture.hpp"
#include "tests/support/paths.hpp"

namespace mnema {
namespace {

/// Keeps what it was asked for.
class RecordingEngine final : public testing::ScriptedEngine {
 public:
  using ScriptedEngine::ScriptedEngine;
  void embed(EmbeddingRequest request, Executor& reply_to, std::function<void(Result<Embeddings>)> on_done) override {
    asked.push_back(request);
    ScriptedEngine::embed(std::move(request), reply_to, std::move(on_done));
  }
  std::vector<EmbeddingRequest> asked;
};

TEST(EngineEmbedder, AsksForVectorsInWhichNoPartOfATextIsLost) {
  Simulation simulation(1);
  RecordingEngine engine(simulation.lane("engine"), [](const GenerateRequest&) { return testing::say("ok"); });
  EngineEmbedder embedder(engine, "vectors", "vectors/1", 64);
  std::size_t made = 0;
  embedder.embed({"one", "two"}, Embedder::Kind::kPassage, false, simulation.lane("reply"),
                 [&made](auto vectors) { made = vectors->size(); });
  simulation.run_ready();
  EXPECT_EQ(made, 2U);
  ASSERT_EQ(engine.asked.size(), 1U);
  EXPECT_EQ(engine.asked[0].longer, EmbeddingRequest::Longer::kAverage);
  EXPECT_EQ(engine.asked[0].priority, Priority::kBackground);
  EXPECT_EQ(engine.asked[0].kind, EmbeddingRequest::Kind::kPassage);
  embedder.embed({"one?"}, Embedder::Kind::kQuestion, true, simulation.lane("reply"), [](const auto&) {});
  simulation.run_ready();
  EXPECT_EQ(engine.asked[1].priority, Priority::kInteractive);
  EXPECT_EQ(engine.asked[1].kind, EmbeddingRequest::Kind::kQuestion);
}

TEST(EngineEmbedder, HandsOnTheTokensOfATextWithTheirPlaces) {
  class TokenEngine final : public testing::ScriptedEngine {
   public:
    using ScriptedEngine::ScriptedEngine;
    void embed(EmbeddingRequest request, Executor& reply_to, std::function<void(Result<Embeddings>)> on_done) override {
      EXPECT_TRUE(request.token_vectors);
      EXPECT_EQ(request.kind, EmbeddingRequest::Kind::kQuestion);
      EXPECT_EQ(request.priority, Priority::kInteractive);
      Embeddings made;
      made.vectors = {{1, 0}};
      made.token_vectors = {{{{7, 8}, {{0, 3}, {4, 9}}}, {1, 0, 0, 1}}};
      reply_to.post([on_done, made] { on_done(made); });
    }
  };
  Simulation simulation(1);
  TokenEngine engine(simulation.lane("engine"), [](const GenerateRequest&) { return testing::say("ok"); });
  EngineEmbedder embedder(engine, "vectors", "vectors/1", 2);
  ASSERT_TRUE(embedder.tells_tokens());
  std::vector<EmbeddedText> embedded;
  embedder.embed_with_tokens({"old ferry"}, Embedder::Kind::kQuestion, true, simulation.lane("reply"),
                             [&](auto made) { embedded = *made; });
  simulation.run_ready();
  ASSERT_EQ(embedded.size(), 1U);
  EXPECT_EQ(embedded[0].vector, (std::vector<float>{1, 0}));
  ASSERT_EQ(embedded[0].tokens.size(), 2U);
  EXPECT_EQ(embedded[0].tokens[1].begin, 4U);
  EXPECT_EQ(embedded[0].tokens[1].end, 9U);
  EXPECT_EQ(embedded[0].token_vectors, (std::vector<float>{1, 0, 0, 1}));
}

/// Memory knows no tokenizer and cuts documents by an estimate, the encoder reads so many real tokens at once.
TEST(EngineEmbedder, ReadsTheChunksOfOurOwnDocumentsInOneWindow) {
  const Limits limits;
  const std::shared_ptr<ModelLoader> loader = cpu_model_loader(EngineOptions(), limits);
  const Result<ModelFile> file = loader->locate("all-minilm-l6-v2");
  if (!file.ok()) GTEST_SKIP() << "the encoder's files are not here; run `mnema models pull all-minilm-l6-v2`";
  const std::shared_ptr<const ModelText> encoder = *loader->load_text(*file);
  int chunks = 0;
  std::size_t most = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(std::string(MNEMA_SOURCE_DIR) + "/docs")) {
    if (entry.path().extension() != ".md") continue;
    std::ifstream stream(entry.path());
    const std::string bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    const Result<CutDocument> cut = cut_document(bytes, MediaType::kMarkdown, limits.chunk_tokens_max);
    ASSERT_TRUE(cut.ok());
    for (const Chunk& chunk : cut->chunks) {
      const auto ids = encoder->tokenizer->encode(chunk.heading_path + "\n" + chunk.text, true, false);
      ASSERT_TRUE(ids.ok());
      EXPECT_LE(static_cast<int>(ids->size()), encoder->info.context_length) << entry.path() << "\n" << chunk.text;
      most = std::max(most, ids->size());
      ++chunks;
    }
  }
  EXPECT_GT(chunks, 50);
  RecordProperty("most", static_cast<int>(most));
}

}  // namespace
}  // namespace mnema
