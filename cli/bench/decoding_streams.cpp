#include "cli/bench/decoding_streams.hpp"

#include <chrono>
#include <utility>

namespace mnema {
namespace {

constexpr int kTokensEach = 256;  // then the stream begins anew, so that its context stays small

EngineOptions engine_options(const std::string& model) {
  EngineOptions options;
  options.model = model;
  return options;
}

}  // namespace

DecodingStreams::DecodingStreams(const Options& options, const Clock& clock, Random& random)
    : options_(options),
      clock_(clock),
      engine_(std::make_unique<LocalEngine>(engine_options(options.model), LocalEngine::Executors{compute_, prepare_},
                                            cpu_model_loader(engine_options(options.model), limits_), clock, random,
                                            limits_)) {}

Result<std::unique_ptr<DecodingStreams>> DecodingStreams::start(const Options& options, const Clock& clock,
                                                                Random& random) {
  std::unique_ptr<DecodingStreams> self(new DecodingStreams(options, clock, random));
  self->running_ = options.streams;
  for (int i = 0; i < options.streams; ++i) self->decode();
  std::unique_lock lock(self->mutex_);
  self->changed_.wait(lock, [&] { return self->started_ >= options.streams || !self->status_.ok(); });
  if (!self->status_.ok()) return self->status_.error();
  self->tokens_ = 0;
  self->began_ = clock.monotonic_now();
  return self;
}

DecodingStreams::~DecodingStreams() {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
  }
  engine_->stop();
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return running_ == 0; });
  }
  engine_.reset();
  for (ThreadPoolExecutor* pool : {&compute_, &prepare_, &reply_}) pool->stop();
}

void DecodingStreams::decode() {
  GenerateRequest request;
  request.prompt.raw_text = "Once upon a time";
  request.tokens_max = kTokensEach;
  request.ignore_end_of_sequence = true;
  request.sampling.logprobs_top = 0;  // a delta for every token
  auto is_first = std::make_shared<bool>(true);
  GenerationCallbacks callbacks;
  callbacks.on_delta = [this, is_first](const Delta&) {
    const std::lock_guard lock(mutex_);
    ++tokens_;
    if (std::exchange(*is_first, false)) ++started_;
    changed_.notify_all();
  };
  callbacks.on_done = [this](const Result<Completion>& done) { on_done(done); };
  engine_->generate(std::move(request), reply_, std::move(callbacks));
}

void DecodingStreams::on_done(const Result<Completion>& done) {
  {
    const std::lock_guard lock(mutex_);
    if (!done.ok() && status_.ok() && !stopping_) status_ = done.error();
    if (stopping_ || !status_.ok()) {
      --running_;
      changed_.notify_all();
      return;
    }
  }
  decode();
}

double DecodingStreams::tokens_per_s() const {
  const std::lock_guard lock(mutex_);
  return static_cast<double>(tokens_) / std::chrono::duration<double>(clock_.monotonic_now() - began_).count();
}

Status DecodingStreams::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace mnema
