#include "inference/loading/model_texts.hpp"

#include <algorithm>

namespace mnema {
namespace {

/// Text sides that are kept, the configured models' not counted; each is some ten megabytes.
constexpr std::size_t kTextsMax = 16;

}  // namespace

std::string ModelTexts::resolved(const std::string& model) const {
  return model.empty() || model == "default" ? options_.model : model;
}

bool ModelTexts::configured(const std::string& name) const {
  return name == options_.model || name == options_.embedding_model ||
         std::find(options_.pinned.begin(), options_.pinned.end(), name) != options_.pinned.end();
}

Result<ModelFile> ModelTexts::file_of(const std::string& model) const {
  const std::string name = resolved(model);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [path, kept] : texts_) {
      if (kept.text->info.name == name) return ModelFile{name, path};
    }
  }
  return loader_->locate(name);
}

Result<std::shared_ptr<const ModelText>> ModelTexts::text_of(const std::string& model) {
  ASSIGN_OR_RETURN(const ModelFile file, file_of(model));
  const std::lock_guard lock(mutex_);
  auto found = texts_.find(file.path);
  if (found == texts_.end()) {
    ASSIGN_OR_RETURN(std::shared_ptr<const ModelText> text, loader_->load_text(file));
    evict();
    found = texts_.emplace(file.path, Kept{std::move(text)}).first;
  }
  found->second.last_use = ++uses_;
  found->second.configured |= configured(resolved(model));
  return found->second.text;
}

void ModelTexts::evict() {
  while (texts_.size() >= kTextsMax) {
    auto oldest = texts_.end();
    for (auto at = texts_.begin(); at != texts_.end(); ++at) {
      if (at->second.configured) continue;
      if (oldest == texts_.end() || at->second.last_use < oldest->second.last_use) oldest = at;
    }
    if (oldest == texts_.end()) return;
    texts_.erase(oldest);
  }
}

std::vector<ModelInfo> ModelTexts::models() const {
  std::vector<ModelInfo> known = loader_->known();
  const std::lock_guard lock(mutex_);
  for (const auto& [path, kept] : texts_) {
    const ModelInfo& read = kept.text->info;
    const auto same =
        std::find_if(known.begin(), known.end(), [&](const ModelInfo& info) { return info.name == read.name; });
    if (same == known.end())
      known.push_back(read);
    else
      *same = read;
  }
  return known;
}

}  // namespace mnema
