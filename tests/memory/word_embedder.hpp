// tests/memory/word_embedder.hpp
//
// An embedder without a model: each word has a fixed random direction, a text is the sum of its words. So texts that
// share words, or what a test calls synonyms, are near each other. It fails, falls silent or breaks its word where a
// test asks for it.
#pragma once

#include <cctype>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "memory/embedder.hpp"
#include "runtime/base/random.hpp"

namespace mnema::testing {

class WordEmbedder final : public Embedder {
 public:
  explicit WordEmbedder(std::string id = "words/1", int dimensions = 128)
      : id_(std::move(id)), dimensions_(dimensions) {}

  [[nodiscard]] std::string id() const override { return id_; }
  [[nodiscard]] int dimensions() const override { return dimensions_; }

  void embed(std::vector<std::string> texts, Kind /*kind*/, bool /*interactive*/, Executor& reply_to,
             std::function<void(Result<std::vector<std::vector<float>>>)> on_done) override {
    asked.push_back(texts);
    if (silent) return;
    for (const std::string& text : texts) {
      const auto refusal = refused.find(text);
      if (refusal != refused.end()) return reply_to.post([on_done, error = refusal->second] { on_done(error); });
    }
    if (failure) return reply_to.post([on_done, error = *failure] { on_done(error); });
    std::vector<std::vector<float>> vectors;
    for (const std::string& text : texts) vectors.push_back(vector_of(text));
    reply_to.post([on_done, vectors = std::move(vectors)] { on_done(vectors); });
  }

  [[nodiscard]] bool tells_tokens() const override { return tells; }
  void embed_with_tokens(std::vector<std::string> texts, Kind kind, bool interactive, Executor& reply_to,
                         std::function<void(Result<std::vector<EmbeddedText>>)> on_done) override {
    embed_without_tokens(texts, kind, interactive, reply_to,
                         [this, texts, on_done = std::move(on_done)](auto embedded) {
                           for (std::size_t i = 0; embedded.ok() && tells && i < texts.size(); ++i)
                             add_tokens(texts[i], (*embedded)[i]);
                           on_done(std::move(embedded));
                         });
  }
  /// Each word is a token.
  void add_tokens(const std::string& text, EmbeddedText& embedded) const {
    for (std::size_t end = 0; end < text.size();) {
      const std::size_t begin = end;
      while (end < text.size() && std::isalnum(static_cast<unsigned char>(text[end])) != 0) ++end;
      if (end == begin) {
        ++end;
        continue;
      }
      embedded.tokens.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
      const std::vector<float> vector = vector_of(text.substr(begin, end - begin));
      embedded.token_vectors.insert(embedded.token_vectors.end(), vector.begin(), vector.end());
    }
  }

  [[nodiscard]] std::vector<float> vector_of(const std::string& text) const {
    std::vector<float> sum(static_cast<std::size_t>(given_dimensions.value_or(dimensions_)));
    std::string word;
    for (const char c : text + " ") {
      if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
        word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      } else if (!word.empty()) {
        const auto synonym = synonyms.find(word);
        SeededRandom direction(std::hash<std::string>()(synonym == synonyms.end() ? word : synonym->second));
        for (float& component : sum) component += static_cast<float>(direction.unit() * 2 - 1);
        word.clear();
      }
    }
    double squares = 0;
    for (const float component : sum) squares += static_cast<double>(component) * component;
    if (squares == 0) sum[0] = 1;
    for (float& component : sum) component /= squares == 0 ? 1 : static_cast<float>(std::sqrt(squares));
    return sum;
  }

  std::vector<std::vector<std::string>> asked;  // every batch
  std::map<std::string, std::string> synonyms;  // word -> the one it means the same as
  std::optional<Error> failure;
  std::map<std::string, Error> refused;  // text -> why no batch with it is answered
  bool silent = false;                   // never answers
  bool tells = false;                    // gives tokens
  std::optional<int> given_dimensions;   // breaks its word

 private:
  const std::string id_;
  const int dimensions_;
};

}  // namespace mnema::testing
