#include "inference/local_engine.hpp"

#include <algorithm>
#include <map>
#include <mutex>

#include "inference/output_stream.hpp"
#include "inference/prompt_reader.hpp"
#include "inference/scheduler.hpp"

namespace mnema {
namespace {

std::string hexadecimal(std::uint64_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[value >> shift & 15];
  return text;
}

/// One generation: what the client has, what the scheduler calls, and the answer as it grows.
struct Answer : public Generation {
  GenerateRequest request;
  Executor* reply_to = nullptr;
  GenerationCallbacks callbacks;
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
  std::function<void()> wake;  // makes the scheduler look; set before the handle is given out
  std::shared_ptr<const Tokenizer> tokenizer;
  std::unique_ptr<OutputStream> output;
  Completion completion;
  bool over = false;

  void cancel() override {
    if (!cancelled->exchange(true)) wake();
  }
  void set_turn_state(TurnState) override {}  // with one tier there is nowhere else to keep pages

  void send(Delta delta) {
    completion.text += delta.text;
    completion.reasoning += delta.reasoning;
    completion.logprobs.insert(completion.logprobs.end(), delta.logprobs.begin(), delta.logprobs.end());
    const bool empty =
        delta.text.empty() && delta.reasoning.empty() && delta.tool_calls.empty() && delta.logprobs.empty();
    if (empty || !callbacks.on_delta) return;
    reply_to->post([tell = callbacks.on_delta, delta = std::move(delta)] { tell(delta); });
  }
  void finish(Result<Completion> result) {
    if (over) return;
    over = true;
    reply_to->post([tell = callbacks.on_done, result = std::move(result)] { tell(result); });
  }
  [[nodiscard]] TokenLogprob logprob_of(const ChosenToken& token) const {
    const auto entry = [this](TokenId id, float logprob) {
      TokenLogprob made;
      made.id = id;
      made.logprob = logprob;
      if (const Result<std::string> bytes = tokenizer->decode_token(id, true); bytes.ok()) made.bytes = *bytes;
      return made;
    };
    TokenLogprob out = entry(token.id, token.logprob);
    for (const auto& [id, logprob] : token.top) out.top.push_back(entry(id, logprob));
    return out;
  }
};

}  // namespace

/// Everything behind the engine's methods. `texts_` is shared by all threads under a mutex; the rest but `published_`
/// lives on the compute executor.
class LocalEngine::State : public std::enable_shared_from_this<LocalEngine::State> {
 public:
  State(EngineOptions engine_options, Executors lent, std::shared_ptr<ModelLoader> opener, const Clock& time,
        Random& numbers, const Limits& bounds)
      : options(std::move(engine_options)),
        executors(lent),
        loader(std::move(opener)),
        clock(time),
        random(numbers),
        limits(bounds),
        salts(numbers) {}

  struct Loaded {
    std::unique_ptr<ModelCompute> compute;
    std::shared_ptr<Scheduler> scheduler;  // nullptr with encoders
    MonotonicTime last_used{};
  };

  [[nodiscard]] std::string resolved(const std::string& model) const {
    return model.empty() || model == "default" ? options.model : model;
  }

  /// The model's text side, read on first use. Any thread.
  Result<std::shared_ptr<const ModelText>> text_of(const std::string& model) {
    const std::string name = resolved(model);
    const std::lock_guard lock(mutex);
    if (const auto found = texts.find(name); found != texts.end()) return found->second;
    ASSIGN_OR_RETURN(const ModelFile file, loader->locate(name));
    ASSIGN_OR_RETURN(std::shared_ptr<const ModelText> text, loader->load_text(file));
    texts[name] = text;
    return text;
  }

  /// On the compute executor: the model's computing side, loaded on first use. Steps of other models wait meanwhile,
  /// because both want all cores.
  Result<Loaded*> compute_of(const std::string& name) {
    if (const auto found = loaded.find(name); found != loaded.end()) {
      found->second.last_used = clock.monotonic_now();
      return &found->second;
    }
    ASSIGN_OR_RETURN(const ModelFile file, loader->locate(name));
    RETURN_IF_ERROR(make_room(loader->estimate_bytes(file)));
    Loaded made;
    ASSIGN_OR_RETURN(made.compute, loader->load_compute(file));
    if (made.compute->backend != nullptr) {
      made.scheduler = std::make_shared<Scheduler>(*made.compute->backend, executors.compute, clock, options);
    }
    made.last_used = clock.monotonic_now();
    ++counts.models_loaded;
    Loaded& kept = loaded[name] = std::move(made);
    watch_idle();
    return &kept;
  }

  [[nodiscard]] bool may_unload(const std::string& name, const Loaded& model) const {
    return (model.scheduler == nullptr || model.scheduler->idle()) &&
           std::find(options.pinned.begin(), options.pinned.end(), name) == options.pinned.end();
  }

  /// Unloads the longest unused models until `bytes` more fit the budget.
  Status make_room(std::int64_t bytes) {
    if (options.memory_bytes_max <= 0) return {};
    for (;;) {
      std::int64_t used = 0;
      auto oldest = loaded.end();
      for (auto at = loaded.begin(); at != loaded.end(); ++at) {
        used += at->second.compute->memory_bytes;
        if (may_unload(at->first, at->second) &&
            (oldest == loaded.end() || at->second.last_used < oldest->second.last_used))
          oldest = at;
      }
      if (used + bytes <= options.memory_bytes_max) return {};
      if (oldest == loaded.end()) {
        Error error = fail(ErrorCode::kResourceExhausted, "the models' memory budget is taken by models in use",
                           "raise memory_bytes_max or try again later");
        error.retryable = !loaded.empty();
        return error;
      }
      loaded.erase(oldest);
      ++counts.models_unloaded;
    }
  }

  /// Unloads what has not been used for the keep-alive time. One check is under way at most.
  void watch_idle() {
    if (options.keep_alive_ms <= 0 || watching) return;
    watching = true;
    executors.compute.post_after(std::chrono::milliseconds(options.keep_alive_ms), [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->watching = false;
      const MonotonicTime before = self->clock.monotonic_now() - std::chrono::milliseconds(self->options.keep_alive_ms);
      const auto unloaded = std::erase_if(self->loaded, [&](const auto& entry) {
        return entry.second.last_used <= before && entry.first != self->options.model &&
               self->may_unload(entry.first, entry.second);
      });
      self->counts.models_unloaded += unloaded;
      if (!self->loaded.empty()) self->watch_idle();
    });
  }

  /// On the background executor: everything that needs no model weights.
  void prepare(const std::shared_ptr<Answer>& answer) {
    Result<SequenceRequest> ready = read(answer);
    if (!ready.ok()) return fail_answer(answer, ready.error());
    auto sequence = std::make_shared<SequenceRequest>(std::move(*ready));
    executors.compute.post(
        [self = shared_from_this(), answer, sequence] { self->start(answer, std::move(*sequence)); });
  }

  Result<SequenceRequest> read(const std::shared_ptr<Answer>& answer) {
    GenerateRequest& request = answer->request;
    ASSIGN_OR_RETURN(const std::shared_ptr<const ModelText> text, text_of(request.model));
    answer->tokenizer = text->tokenizer;
    if (request.tool_choice == ToolChoice::kNone) request.prompt.tools.clear();
    if (request.tool_choice == ToolChoice::kRequired) {
      return fail(ErrorCode::kUnsupported, "tool_choice 'required' is not supported by this model's engine yet",
                  "use 'auto'");
    }
    ASSIGN_OR_RETURN(ReadPrompt prompt, read_prompt(*text, request.prompt, limits));
    const int length = static_cast<int>(prompt.tokens.size()), context = text->info.context_length;
    if (length + 1 > context) {
      return fail(
          ErrorCode::kContextLengthExceeded,
          "the prompt has " + std::to_string(length) + " tokens; this model's context is " + std::to_string(context),
          "shorten the messages");
    }
    std::unique_ptr<TokenMask> mask;
    if (!std::holds_alternative<NoConstraint>(request.constraint)) {
      if (!text->compile) return fail(ErrorCode::kUnsupported, "this model's output cannot be constrained");
      ASSIGN_OR_RETURN(mask, text->compile(request.constraint));
    }
    OutputParser::Options parser;
    if (text->chat_template != nullptr && !request.prompt.raw_text && !request.prompt.raw_tokens) {
      parser.tool_calls = !request.prompt.tools.empty() && mask == nullptr;
      parser.reasoning = text->chat_template->has_reasoning();
      parser.begins_in_reasoning = prompt.begins_in_reasoning;
    }
    parser.call_id_prefix = "call_" + hexadecimal(answer->completion.seed) + "_";
    answer->output = std::make_unique<OutputStream>(text->tokenizer, request.stop, std::move(parser));
    answer->completion.model = text->info.name;

    SequenceRequest sequence;
    sequence.tokens = std::move(prompt.tokens);
    sequence.borders = prompt.borders;
    sequence.salts = salts.of(request.scope);
    const std::vector<TokenId>& ends = text->tokenizer->end_of_generation();
    sequence.sampler =
        std::make_unique<Sampler>(request.sampling, answer->completion.seed,
                                  request.ignore_end_of_sequence ? ends : std::vector<TokenId>{}, std::move(mask));
    sequence.sampler->note_context(sequence.tokens);
    sequence.end_tokens = ends;
    const int wanted = request.tokens_max > 0 ? request.tokens_max : limits.completion_tokens_default;
    sequence.tokens_max = std::min(wanted, context - length);
    sequence.echo_top = request.echo_logprobs ? std::max(0, request.sampling.logprobs_top) : -1;
    sequence.priority = request.priority;
    sequence.deadline = request.deadline;
    sequence.cancelled = answer->cancelled;
    return sequence;
  }

  void start(const std::shared_ptr<Answer>& answer, SequenceRequest sequence) {
    --counts.preparing;
    if (answer->cancelled->load()) {
      ++counts.generations_cancelled;
      answer->completion.finish_reason = FinishReason::kCancelled;
      return answer->finish(answer->completion);
    }
    Result<Loaded*> model = compute_of(resolved(answer->request.model));
    if (!model.ok()) {
      ++counts.generations_failed;
      return answer->finish(model.error());
    }
    if ((*model)->scheduler == nullptr) {
      ++counts.generations_failed;
      return answer->finish(fail(ErrorCode::kUnsupported, "an encoder makes vectors, not text", "choose a decoder"));
    }
    sequence.on_token = [answer](const ChosenToken& token) {
      Delta delta;
      const bool goes_on = answer->output->push(token.id, delta);
      if (answer->request.sampling.logprobs_top >= 0) delta.logprobs.push_back(answer->logprob_of(token));
      if (!delta.reasoning.empty()) ++answer->completion.usage.reasoning_tokens;
      answer->send(std::move(delta));
      return goes_on;
    };
    sequence.on_echo = [answer](std::vector<ChosenToken> tokens) {
      for (const ChosenToken& token : tokens) answer->completion.logprobs.push_back(answer->logprob_of(token));
    };
    sequence.on_done = [self = shared_from_this(), answer](Result<FinishReason> reason, const Usage& usage) {
      self->end(*answer, std::move(reason), usage);
    };
    std::erase_if(active, [](const auto& weak) { return weak.expired(); });
    active.push_back(answer);
    (*model)->scheduler->submit(std::move(sequence));
  }

  void end(Answer& answer, Result<FinishReason> reason, const Usage& usage) {
    if (!reason.ok()) {
      ++counts.generations_failed;
      answer.finish(reason.error());
    } else {
      Delta rest;
      answer.output->finish(rest);
      answer.send(std::move(rest));
      Completion& completion = answer.completion;
      const int reasoning = completion.usage.reasoning_tokens;
      completion.usage = usage;
      completion.usage.reasoning_tokens = reasoning;
      completion.tool_calls = answer.output->calls();
      completion.finish_reason =
          *reason == FinishReason::kStop && !completion.tool_calls.empty() ? FinishReason::kToolCalls : *reason;
      ++(*reason == FinishReason::kCancelled ? counts.generations_cancelled : counts.generations_finished);
      answer.finish(completion);
    }
    audit_when_idle();
  }

  void fail_answer(const std::shared_ptr<Answer>& answer, Error error) {
    executors.compute.post([self = shared_from_this(), answer, error = std::move(error)] {
      --self->counts.preparing;
      ++self->counts.generations_failed;
      answer->finish(error);
    });
  }

  void wake_all() {
    for (auto& [name, model] : loaded) {
      if (model.scheduler != nullptr) model.scheduler->wake();
    }
  }

  /// Texts being turned into vectors, a few at a time, so that no turn waits for all of them.
  struct Embedding {
    std::string model;
    std::vector<std::string> texts;
    std::vector<std::vector<float>> vectors;
    Executor* reply_to = nullptr;
    std::function<void(Result<std::vector<std::vector<float>>>)> on_done;
  };

  void embed_next(const std::shared_ptr<Embedding>& job) {
    constexpr std::size_t kTextsAtOnce = 8;
    const auto answer = [&job](Result<std::vector<std::vector<float>>> result) {
      job->reply_to->post([job, result = std::move(result)] { job->on_done(result); });
    };
    Result<Loaded*> model = compute_of(job->model);
    if (!model.ok()) return answer(model.error());
    if ((*model)->compute->encoder == nullptr) {
      return answer(
          fail(ErrorCode::kUnsupported, "model '" + job->model + "' makes text, not vectors", "use all-minilm-l6-v2"));
    }
    const std::size_t begin = job->vectors.size(), count = std::min(kTextsAtOnce, job->texts.size() - begin);
    Result<std::vector<std::vector<float>>> part =
        (*model)->compute->encoder->encode(std::span(job->texts).subspan(begin, count));
    if (!part.ok()) return answer(part.error());
    counts.texts_embedded += count;
    std::move(part->begin(), part->end(), std::back_inserter(job->vectors));
    if (job->vectors.size() == job->texts.size()) return answer(std::move(job->vectors));
    executors.compute.post([self = shared_from_this(), job] { self->embed_next(job); });
  }

  void audit_when_idle() {
    for (auto& [name, model] : loaded) {
      if (model.scheduler == nullptr || !model.scheduler->idle()) continue;
      const std::string report = model.scheduler->audit();
      if (!report.empty() && tell_violation) tell_violation(name + ": " + report);
    }
  }

  /// A copy for other threads; after each change of state that they might ask for.
  void publish(const std::function<void(EngineStats)>& take) {
    EngineStats copy = counts;
    for (const auto& [name, model] : loaded) {
      if (model.scheduler == nullptr) continue;
      copy.models.push_back(model.scheduler->stats());
      copy.models.back().model = name;
    }
    take(std::move(copy));
  }

  const EngineOptions options;
  const Executors executors;
  const std::shared_ptr<ModelLoader> loader;
  const Clock& clock;
  Random& random;
  const Limits& limits;
  const kv::Salts salts;
  std::function<void(const std::string&)> tell_violation;

  std::mutex mutex;
  std::map<std::string, std::shared_ptr<const ModelText>> texts;  // guarded by mutex
  EngineStats published;                                          // guarded by mutex

  // On the compute executor.
  std::map<std::string, Loaded> loaded;
  std::vector<std::weak_ptr<Answer>> active;
  EngineStats counts;
  bool watching = false;
};

LocalEngine::LocalEngine(EngineOptions options, Executors executors, std::shared_ptr<ModelLoader> loader,
                         const Clock& clock, Random& random, const Limits& limits)
    : state_(std::make_shared<State>(std::move(options), executors, std::move(loader), clock, random, limits)) {}

LocalEngine::~LocalEngine() {
  state_->executors.compute.post([state = state_] {
    for (const auto& weak : state->active) {
      if (const auto answer = weak.lock()) answer->cancelled->store(true);
    }
    state->wake_all();
  });
}

std::shared_ptr<Generation> LocalEngine::generate(GenerateRequest request, Executor& reply_to,
                                                  GenerationCallbacks callbacks) {
  auto answer = std::make_shared<Answer>();
  answer->request = std::move(request);
  answer->reply_to = &reply_to;
  answer->callbacks = std::move(callbacks);
  answer->wake = [weak = std::weak_ptr(state_)] {
    const auto state = weak.lock();
    if (!state) return;
    state->executors.compute.post([state] { state->wake_all(); });
  };
  state_->executors.compute.post([state = state_, answer] {
    ++state->counts.generations_started;
    ++state->counts.preparing;
    answer->completion.seed = answer->request.sampling.seed.value_or(state->random.next_u64());
    if (state->counts.preparing > state->limits.generations_waiting_max) {
      --state->counts.preparing;
      ++state->counts.generations_failed;
      Error full =
          fail(ErrorCode::kResourceExhausted, "too many requests are waiting for the model", "try again later");
      full.retryable = true;
      full.retry_after_ms = 1000;
      return answer->finish(std::move(full));
    }
    state->executors.background.post([state, answer] { state->prepare(answer); });
  });
  return answer;
}

void LocalEngine::prestage(std::string model, Scope scope, Prompt prompt) {
  GenerateRequest request;
  request.model = std::move(model);
  request.scope = std::move(scope);
  request.prompt = std::move(prompt);
  request.tokens_max = 1;
  request.priority = Priority::kPrestage;
  GenerationCallbacks callbacks;
  callbacks.on_done = [](const Result<Completion>&) {};  // advisory: what counts are the pages it leaves
  generate(std::move(request), state_->executors.background, std::move(callbacks));
}

Result<int> LocalEngine::count_tokens(const std::string& model, const Prompt& prompt) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const ModelText> text, state_->text_of(model));
  ASSIGN_OR_RETURN(const ReadPrompt read, read_prompt(*text, prompt, state_->limits));
  return static_cast<int>(read.tokens.size());
}

Result<std::vector<TokenId>> LocalEngine::tokenize(const std::string& model, const std::string& text, bool add_special,
                                                   bool parse_special) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const ModelText> side, state_->text_of(model));
  return side->tokenizer->encode(text, add_special, parse_special);
}

Result<std::string> LocalEngine::detokenize(const std::string& model, const std::vector<TokenId>& ids) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const ModelText> side, state_->text_of(model));
  return side->tokenizer->decode(ids, true);
}

Result<std::string> LocalEngine::apply_template(const std::string& model, const Prompt& prompt) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const ModelText> side, state_->text_of(model));
  if (side->chat_template == nullptr) {
    return fail(ErrorCode::kUnsupported, "model '" + side->info.name + "' has no chat template", "choose a decoder");
  }
  ASSIGN_OR_RETURN(RenderedPrompt rendered, side->chat_template->render(prompt));
  return std::move(rendered.text);
}

void LocalEngine::embed(std::string model, std::vector<std::string> texts, Priority, Executor& reply_to,
                        std::function<void(Result<std::vector<std::vector<float>>>)> on_done) {
  auto job = std::make_shared<State::Embedding>();
  job->model = model.empty() || model == "default" ? state_->options.embedding_model : std::move(model);
  job->texts = std::move(texts);
  job->reply_to = &reply_to;
  job->on_done = std::move(on_done);
  state_->executors.compute.post([state = state_, job] { state->embed_next(job); });
}

std::vector<ModelInfo> LocalEngine::models() const {
  std::vector<ModelInfo> known = state_->loader->known();
  const std::lock_guard lock(state_->mutex);
  for (const auto& [name, text] : state_->texts) {
    const auto same =
        std::find_if(known.begin(), known.end(), [&](const ModelInfo& info) { return info.name == text->info.name; });
    if (same == known.end())
      known.push_back(text->info);
    else
      *same = text->info;
  }
  return known;
}

Capabilities LocalEngine::capabilities() const {
  Capabilities can;
  can.tokenize = can.constrained_output = can.logprobs = can.embeddings = true;
  return can;
}

double LocalEngine::prefill_tokens_per_second(const std::string& model) const {
  const std::string name = state_->resolved(model);
  const EngineStats now = stats();
  for (const ModelStats& of : now.models) {
    if (of.model == name) return of.prefill_tokens_per_s;
  }
  return 0;
}

void LocalEngine::load(std::string model, Executor& reply_to, std::function<void(Status)> on_done) {
  Executor* reply = &reply_to;
  state_->executors.background.post([state = state_, model = std::move(model), reply, on_done = std::move(on_done)] {
    const Result<std::shared_ptr<const ModelText>> text = state->text_of(model);
    if (!text.ok()) {
      reply->post([on_done, error = text.error()] { on_done(error); });
      return;
    }
    state->executors.compute.post([state, model, reply, on_done] {
      const auto made = state->compute_of(state->resolved(model));
      Status status;
      if (!made.ok()) status = made.error();
      reply->post([on_done, status] { on_done(status); });
    });
  });
}

void LocalEngine::erase(Scope scope, Executor& reply_to, std::function<void()> on_done) {
  Executor* reply = &reply_to;
  state_->executors.compute.post([state = state_, scope = std::move(scope), reply, on_done = std::move(on_done)] {
    for (const auto& weak : state->active) {
      const auto answer = weak.lock();
      if (!answer || answer->request.scope.tenant != scope.tenant) continue;
      if (scope.user.empty() || answer->request.scope.user == scope.user) answer->cancelled->store(true);
    }
    const kv::ScopeSalts salts = state->salts.of(scope);
    state->wake_all();
    for (auto& [name, model] : state->loaded) {
      if (model.scheduler == nullptr) continue;
      model.scheduler->erase(salts.user);
      if (scope.user.empty()) model.scheduler->erase(salts.tenant);
    }
    reply->post(on_done);
  });
}

EngineStats LocalEngine::stats() const {
  // What the compute thread said last; a newer word is asked for at once.
  state_->executors.compute.post([state = state_] {
    state->publish([&](EngineStats now) {
      const std::lock_guard lock(state->mutex);
      state->published = std::move(now);
    });
  });
  const std::lock_guard lock(state_->mutex);
  return state_->published;
}

void LocalEngine::on_violation(std::function<void(const std::string& report)> tell) {
  state_->tell_violation = std::move(tell);
}

}  // namespace mnema
