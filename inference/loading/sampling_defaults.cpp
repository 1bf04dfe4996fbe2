#include "inference/loading/sampling_defaults.hpp"

#include "inference/loading/catalogue.hpp"

namespace mnema {
namespace {

/// True: `key` is there and within its range, and `into` has it.
bool take(const GgufFile& file, const char* key, double min, double max, float& into) {
  const std::optional<double> value = file.number(key);
  if (!value || !(*value >= min && *value <= max)) return false;
  into = static_cast<float>(*value);
  return true;
}

}  // namespace

std::optional<SamplingOptions> sampling_in(const GgufFile& file) {
  SamplingOptions sampling;
  sampling.temperature = 1.0F;
  bool any = take(file, "general.sampling.temp", 0, 2, sampling.temperature);
  any |= take(file, "general.sampling.top_p", 0, 1, sampling.top_p);
  any |= take(file, "general.sampling.min_p", 0, 1, sampling.min_p);
  any |= take(file, "general.sampling.penalty_repeat", 0.01, 10, sampling.repetition_penalty);
  if (const auto top_k = file.integer("general.sampling.top_k"); top_k && *top_k >= 0 && *top_k <= 1'000'000) {
    sampling.top_k = static_cast<int>(*top_k);
    any = true;
  }
  if (!any) return std::nullopt;
  return sampling;
}

std::optional<SamplingOptions> sampling_in_catalogue(const std::string& name) {
  const CatalogueModel* model = find_in_catalogue(name);
  return model == nullptr ? std::nullopt : model->sampling;
}

}  // namespace mnema
