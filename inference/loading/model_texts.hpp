// inference/loading/model_texts.hpp
//
// The text sides of models (tokenizer, chat template, constraint compiler) by the names that are asked for, read on
// first use. The configured models' stay; of the others the longest unused goes when there are too many.
//
// Threads:   every method from any thread; a mutex guards what is kept.
// Ownership: what it returns is shared and immutable, and stays alive with who uses it. Borrows the options.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "inference/engine_options.hpp"
#include "inference/loading/model_loader.hpp"

namespace mnema {

class ModelTexts {
 public:
  ModelTexts(const EngineOptions& options, std::shared_ptr<ModelLoader> loader)
      : options_(options), loader_(std::move(loader)) {}

  /// The file that a name stands for; "" and "default" are the options' model. A file's own name stands for it too,
  /// while its text is kept. Errors: those of ModelLoader::locate.
  [[nodiscard]] Result<ModelFile> file_of(const std::string& model) const;
  /// Errors: those of ModelLoader::locate and load_text.
  [[nodiscard]] Result<std::shared_ptr<const ModelText>> text_of(const std::string& model);
  /// What could be asked for: what the loader knows of, and more exactly what has been read.
  [[nodiscard]] std::vector<ModelInfo> models() const;

 private:
  struct Kept {
    std::shared_ptr<const ModelText> text;
    std::uint64_t last_use = 0;
    bool configured = false;  // named in the options: stays
  };

  [[nodiscard]] std::string resolved(const std::string& model) const;
  [[nodiscard]] bool configured(const std::string& name) const;
  void evict();  // requires mutex_

  const EngineOptions& options_;
  const std::shared_ptr<ModelLoader> loader_;
  mutable std::mutex mutex_;           // guards all below
  std::map<std::string, Kept> texts_;  // by path
  std::uint64_t uses_ = 0;
};

}  // namespace mnema
