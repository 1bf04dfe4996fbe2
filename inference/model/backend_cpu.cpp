#include "inference/model/backend_cpu.hpp"

#include <fmt/format.h>

#include <new>

#include "inference/model/decoder.hpp"
#include "inference/model/model.hpp"
#include "inference/model/page_store_cpu.hpp"
#include "inference/model/weights_digest.hpp"
#include "runtime/base/sha256.hpp"

namespace mnema {
namespace {

class CpuBackend final : public Backend {
 public:
  CpuBackend(std::unique_ptr<Model> model, std::unique_ptr<PageStoreCpu> pages, const CpuBackendOptions& options,
             ThreadPool& pool)
      : model_(std::move(model)),
        pages_(std::move(pages)),
        tokens_per_step_max_(options.tokens_per_step_max),
        decoder_(*model_, options.isa, *pages_, options.tokens_per_step_max, pool) {
    info_.name = name_of(options.isa);
    info_.architecture = model_->parameters.architecture;
    info_.fingerprint = sha256_hex(fmt::format("{} {} {}", model_->weights_digest, pages_->layout_id(), info_.name));
    info_.context_length = model_->parameters.context_length;
    info_.vocabulary = model_->parameters.vocabulary;
    info_.weight_bytes_mapped = model_->bytes_mapped;
    info_.weight_bytes_resident = model_->bytes_resident;
    info_.weight_bytes_per_token = model_->bytes_per_token;
  }

  const BackendInfo& info() const override { return info_; }
  PageStore& page_store() override { return *pages_; }
  int tokens_per_step_max() const override { return tokens_per_step_max_; }

  void step(std::span<SequenceStep> batch, std::function<void(Status)> on_done) override {
    Status status = decoder_.run(batch);
    on_done(std::move(status));
  }

 private:
  std::unique_ptr<Model> model_;
  std::unique_ptr<PageStoreCpu> pages_;
  int tokens_per_step_max_;
  Decoder decoder_;
  BackendInfo info_;
};

}  // namespace

Result<std::unique_ptr<Backend>> load_cpu_backend(std::shared_ptr<GgufFile> file, const CpuBackendOptions& options,
                                                  ThreadPool& pool) {
  constexpr int kTokensPerStepMax = 1 << 16;
  if (options.tokens_per_step_max < 1 || options.tokens_per_step_max > kTokensPerStepMax) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("tokens_per_step_max is {}, outside 1..{}",
                                                         options.tokens_per_step_max, kTokensPerStepMax));
  }
  try {
    ASSIGN_OR_RETURN(std::unique_ptr<Model> model, load_model(std::move(file), options.isa, pool));
    const HyperParameters& p = model->parameters;
    KvShape shape{p.layers, p.kv_heads, p.key_dim, p.value_dim, options.kv_type};
    ASSIGN_OR_RETURN(std::unique_ptr<PageStoreCpu> pages, PageStoreCpu::create(shape, options.kv_memory_bytes));
    return std::unique_ptr<Backend>(new CpuBackend(std::move(model), std::move(pages), options, pool));
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kResourceExhausted, "not enough memory for the model's weights and activations",
                "use a smaller model or a smaller tokens_per_step_max");
  }
}

}  // namespace mnema
