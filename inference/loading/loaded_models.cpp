#include "inference/loading/loaded_models.hpp"

#include <algorithm>
#include <vector>

namespace mnema {
namespace {

bool in_use(const LoadedModel& model) { return model.scheduler != nullptr && !model.scheduler->idle(); }

}  // namespace

Result<LoadedModel*> LoadedModels::use(const std::string& model) {
  ASSIGN_OR_RETURN(const ModelFile file, texts_.file_of(model));
  if (const auto found = loaded_.find(file.path); found != loaded_.end()) {
    found->second.last_used = clock_.monotonic_now();
    return &found->second;
  }
  RETURN_IF_ERROR(evict_until_fits(file.name, loader_->estimate_bytes(file)));
  LoadedModel made;
  made.file = file;
  ASSIGN_OR_RETURN(made.compute, loader_->load_compute(file));
  if (made.compute->backend != nullptr) {
    made.scheduler = std::make_shared<Scheduler>(*made.compute->backend, compute_, clock_, options_);
    made.scheduler->between_steps(between_steps_);
  }
  made.last_used = clock_.monotonic_now();
  ++loads_;
  LoadedModel& kept = loaded_[file.path] = std::move(made);
  watch_idle();
  return &kept;
}

bool LoadedModels::is_loaded(const std::string& model) const {
  const Result<ModelFile> file = texts_.file_of(model);
  return file.ok() && loaded_.contains(file->path);
}

void LoadedModels::touch(const std::string& path) {
  if (const auto used = loaded_.find(path); used != loaded_.end()) used->second.last_used = clock_.monotonic_now();
}

bool LoadedModels::pinned(const LoadedModel& model) const {
  return std::any_of(options_.pinned.begin(), options_.pinned.end(), [&](const std::string& name) {
    const Result<ModelFile> file = texts_.file_of(name);
    return name == model.file.name || (file.ok() && file->path == model.file.path);
  });
}

/// Unloads the longest unused models until `bytes` more fit the budget, and none where that cannot help.
Status LoadedModels::evict_until_fits(const std::string& name, std::int64_t bytes) {
  if (options_.memory_bytes_max <= 0) return {};
  std::int64_t used = 0, pinned_bytes = 0, busy_bytes = 0;
  std::vector<const LoadedModel*> unused;
  for (const auto& [path, model] : loaded_) {
    used += model.compute->memory_bytes;
    if (pinned(model))
      pinned_bytes += model.compute->memory_bytes;
    else if (in_use(model))
      busy_bytes += model.compute->memory_bytes;
    else
      unused.push_back(&model);
  }
  if (pinned_bytes + bytes > options_.memory_bytes_max) {
    return fail(ErrorCode::kResourceExhausted,
                "model '" + name + "' takes " + std::to_string(bytes) + " bytes, more than the models' budget leaves",
                "raise memory_bytes_max, lower kv_memory_bytes or pin less");
  }
  if (pinned_bytes + busy_bytes + bytes > options_.memory_bytes_max) {
    return fail_retryable(ErrorCode::kResourceExhausted, "the models' memory budget is taken by models in use",
                          "raise memory_bytes_max or try again later");
  }
  std::sort(unused.begin(), unused.end(),
            [](const LoadedModel* a, const LoadedModel* b) { return a->last_used < b->last_used; });
  for (const LoadedModel* model : unused) {
    if (used + bytes <= options_.memory_bytes_max) break;
    used -= model->compute->memory_bytes;
    loaded_.erase(std::string(model->file.path));
    ++unloads_;
  }
  return {};
}

/// One look is under way at most.
void LoadedModels::watch_idle() {
  if (options_.keep_alive_ms <= 0 || watching_) return;
  watching_ = true;
  compute_.post_after(std::chrono::milliseconds(options_.keep_alive_ms), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->unload_idle();
  });
}

void LoadedModels::unload_idle() {
  watching_ = false;
  const MonotonicTime before = clock_.monotonic_now() - std::chrono::milliseconds(options_.keep_alive_ms);
  const Result<ModelFile> first = texts_.file_of("default");
  unloads_ += static_cast<long long>(std::erase_if(loaded_, [&](const auto& entry) {
    const auto& [path, model] = entry;
    const bool kept = in_use(model) || pinned(model) || (first.ok() && path == first->path);
    return model.last_used <= before && !kept;
  }));
  if (!loaded_.empty()) watch_idle();
}

}  // namespace mnema
