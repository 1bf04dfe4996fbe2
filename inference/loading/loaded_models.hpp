// inference/loading/loaded_models.hpp
//
// The models whose weights are in memory, each with its scheduler: loaded on first use, unloaded when they have not
// been used for the keep-alive time, or when another needs the memory. Models in use and pinned ones stay.
//
// Threads:   confined to the compute executor.
// Ownership: owns the models. Kept by shared_ptr: a look that is still to come holds it weakly. Borrows all else.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "inference/loading/model_loader.hpp"
#include "inference/loading/model_texts.hpp"
#include "inference/scheduler/scheduler.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

struct LoadedModel {
  ModelFile file;
  std::shared_ptr<ModelCompute> compute;  // an encoding under way keeps it too
  std::shared_ptr<Scheduler> scheduler;   // nullptr with encoders
  MonotonicTime last_used{};
};

class LoadedModels : public std::enable_shared_from_this<LoadedModels> {
 public:
  LoadedModels(const EngineOptions& options, std::shared_ptr<ModelLoader> loader, const ModelTexts& texts,
               Executor& compute, const Clock& clock)
      : options_(options), loader_(std::move(loader)), texts_(texts), compute_(compute), clock_(clock) {}

  /// The model, loaded if it is not there: seconds in which the steps of others wait, because both want all cores. The
  /// pointer holds until the next `use`. Errors: those of the loader; `kResourceExhausted`, retryable where models in
  /// use take the memory.
  [[nodiscard]] Result<LoadedModel*> use(const std::string& model);
  /// Whether `use` would load nothing.
  [[nodiscard]] bool is_loaded(const std::string& model) const;
  /// Called after each step of any model that is loaded from now on, with the time it may take.
  void between_steps(std::function<void(Duration budget)> call) { between_steps_ = std::move(call); }
  /// It has just ended a sequence.
  void touch(const std::string& path);

  /// By path.
  [[nodiscard]] std::map<std::string, LoadedModel>& all() { return loaded_; }
  [[nodiscard]] const std::map<std::string, LoadedModel>& all() const { return loaded_; }

  [[nodiscard]] long long loads() const { return loads_; }
  [[nodiscard]] long long unloads() const { return unloads_; }

 private:
  [[nodiscard]] bool pinned(const LoadedModel& model) const;
  Status evict_until_fits(const std::string& name, std::int64_t bytes);
  void watch_idle();
  void unload_idle();

  const EngineOptions& options_;
  const std::shared_ptr<ModelLoader> loader_;
  const ModelTexts& texts_;
  Executor& compute_;
  const Clock& clock_;
  std::function<void(Duration)> between_steps_;
  std::map<std::string, LoadedModel> loaded_;
  long long loads_ = 0;
  long long unloads_ = 0;
  bool watching_ = false;
};

}  // namespace mnema
