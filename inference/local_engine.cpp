#include "inference/local_engine.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "inference/embedding_scheduler.hpp"
#include "inference/loading/loaded_models.hpp"
#include "inference/loading/model_texts.hpp"
#include "inference/scheduler/scheduler.hpp"
#include "inference/text/answer.hpp"
#include "inference/text/embedding_reader.hpp"
#include "inference/text/prompt_memo.hpp"
#include "inference/text/prompt_reader.hpp"

namespace mnema {
namespace {

std::string hexadecimal(std::uint64_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[value >> shift & 15];
  return text;
}

/// Longer drafts are never right often enough.
constexpr int kSpeculationTokensMax = 32;
/// How old the numbers for other threads may become during a long generation.
constexpr Duration kPublishInterval = std::chrono::milliseconds(100);

Error about(std::string part, Error error) {
  error.part = std::move(part);
  return error;
}

/// The shape of an answer that may be given instead of calls, or behind the reasoning.
struct SetShape {
  ToolCallConstraint& calls;
  bool operator()(const NoConstraint&) const { return true; }
  bool operator()(const ToolCallConstraint&) const { return false; }
  template <class Shape>
  bool operator()(const Shape& shape) const {
    calls.answer = ToolCallConstraint::Answer::kShape;
    calls.shape = shape;
    return true;
  }
};

/// What the request says of an answer without calls: where the prompt has begun the reasoning, it holds for what comes
/// behind. A grammar that writes the end of the reasoning itself holds from the beginning.
Constraint answer_constraint(const GenerateRequest& request, bool in_reasoning) {
  const auto* grammar = std::get_if<GrammarConstraint>(&request.constraint);
  if (!in_reasoning || (grammar != nullptr && grammar->gbnf.find("</think>") != std::string::npos))
    return request.constraint;
  ToolCallConstraint after_reasoning;
  after_reasoning.in_reasoning = true;
  const bool shaped = std::visit(SetShape{after_reasoning}, request.constraint) &&
                      after_reasoning.answer == ToolCallConstraint::Answer::kShape;
  return shaped ? Constraint(std::move(after_reasoning)) : request.constraint;
}

/// What the answer must be: calls where one is required; calls or what the request says where tools may be called; else
/// what the request says.
Result<Constraint> constraint_of(const GenerateRequest& request, const ModelText& model, bool in_reasoning) {
  const bool must_call = request.tool_choice == ToolChoice::kRequired;
  const bool chat = !request.prompt.raw_text && !request.prompt.raw_tokens && model.chat_template != nullptr;
  if (!must_call && request.prompt.tools.empty()) return answer_constraint(request, chat && in_reasoning);
  const bool has_calls = chat && model.chat_template->has_tool_call_tags();
  const bool has_tools = has_calls && (!request.refuse_unread_tools || model.chat_template->supports_tools());
  if (!has_tools) {
    if (!must_call && !request.refuse_unread_tools) return answer_constraint(request, chat && in_reasoning);
    return about("tools",
                 fail(ErrorCode::kUnsupported,
                      "the chat template of model '" + model.info.name + "' has no tool calls that can be read",
                      "leave out tools, or use a model whose template has <tool_call>"));
  }
  // A grammar may write anything, calls too: what is the answer and what a call could not be told. llama.cpp's server
  // refuses it, too.
  if (std::holds_alternative<GrammarConstraint>(request.constraint)) {
    return about("constraint", fail(ErrorCode::kUnsupported, "a grammar cannot stand beside tools that may be called",
                                    "set tool_choice to 'none', or leave out one of them"));
  }
  ToolCallConstraint calls;
  calls.several = request.tool_choice_name.empty() && request.parallel_tool_calls;
  calls.may_reason = model.chat_template->has_reasoning();
  calls.in_reasoning = in_reasoning;
  bool is_strict = false;
  for (const ToolDefinition& tool : request.prompt.tools) {
    if (!request.tool_choice_name.empty() && tool.name != request.tool_choice_name) continue;
    is_strict |= tool.strict;
    calls.tools.push_back(tool);
  }
  if (calls.tools.empty()) {
    return about("tools", fail(ErrorCode::kInvalidArgument, "tool_choice asks for a tool that is not in tools",
                               "send its definition"));
  }
  if (must_call) return Constraint(std::move(calls));
  std::visit(SetShape{calls}, request.constraint);
  if (calls.answer == ToolCallConstraint::Answer::kShape) return Constraint(std::move(calls));
  if (!is_strict) return Constraint(NoConstraint{});
  calls.answer = ToolCallConstraint::Answer::kText;
  return Constraint(std::move(calls));
}

}  // namespace

/// Everything behind the engine's methods. The texts are for all threads; the rest but what is published lives on the
/// compute executor.
class LocalEngine::State : public std::enable_shared_from_this<LocalEngine::State> {
 public:
  State(EngineOptions engine_options, Executors lent, const std::shared_ptr<ModelLoader>& opener, const Clock& time,
        Random& numbers, const Limits& bounds)
      : options(std::move(engine_options)),
        executors(lent),
        clock(time),
        random(numbers),
        limits(bounds),
        salts(numbers),
        texts(options, opener),
        memo(bounds.prepared_prompt_memo_bytes_max),
        models(std::make_shared<LoadedModels>(options, opener, texts, lent.compute, time)),
        embeddings(std::make_shared<EmbeddingScheduler>(*models, lent.compute, time, options, bounds)) {
    models->between_steps([of = std::weak_ptr(embeddings)](Duration step) {
      if (const auto waiting = of.lock()) waiting->between_steps(step);
    });
    embeddings->on_change([this] { publish(); });  // only while it has jobs, and those end before this does
  }

  /// On any thread.
  Result<std::shared_ptr<const PreparedPrompt>> prepare_prompt(const std::string& model, const Prompt& prompt,
                                                               const std::string& tenant) {
    ASSIGN_OR_RETURN(const std::shared_ptr<const ModelText> text, texts.text_of(model));
    ASSIGN_OR_RETURN(const ModelFile file, texts.file_of(model));
    PromptMemo::Reader reader(memo, tenant, file.path);
    // Of ids there is nothing to remember, and a prompt with the time in it is another one later.
    const bool has_time = !prompt.raw_text && text->chat_template != nullptr && text->chat_template->writes_time();
    const bool remembered = !prompt.raw_tokens && !has_time;
    if (remembered) {
      if (std::shared_ptr<const PreparedPrompt> known = reader.find(prompt)) return known;
    }
    if (!prompt.raw_text && !prompt.raw_tokens) ++template_renders;
    Result<PreparedPrompt> read = read_prompt(*text, prompt, limits, reader, clock.now());
    tokenizer_bytes += reader.bytes_tokenized();
    if (!read.ok()) return read.error();
    read->model = file.path;
    auto prepared = std::make_shared<const PreparedPrompt>(std::move(*read));
    if (remembered) reader.keep(prepared);
    return prepared;
  }

  /// Drops a prepared prompt that is not what is to be continued: of another model, or with tools that are forbidden.
  void check_prepared(GenerateRequest& request) {
    if (request.tool_choice == ToolChoice::kNone && !request.prompt.tools.empty()) {
      request.prompt.tools.clear();
      request.prepared.reset();
    }
    if (request.prepared == nullptr) return;
    const Result<ModelFile> file = texts.file_of(request.model);
    if (!file.ok() || request.prepared->model != file->path) request.prepared.reset();
  }

  /// Nothing of it takes long: it goes straight to the compute executor.
  static bool is_quick(const GenerateRequest& request) {
    return request.prepared != nullptr && request.tool_choice != ToolChoice::kRequired &&
           std::holds_alternative<NoConstraint>(request.constraint);
  }

  /// Everything that needs no model weights. On the background executor, or where it is quick, on the compute executor.
  void prepare(const std::shared_ptr<Answer>& answer) {
    if (stopping) return fail_answer(answer, stopping_error());
    Result<SequenceRequest> ready = read(answer);
    if (!ready.ok()) return fail_answer(answer, ready.error());
    auto sequence = std::make_shared<SequenceRequest>(std::move(*ready));
    executors.compute.post([self = shared_from_this(), answer, sequence] { self->start({answer, sequence}); });
  }

  Result<SequenceRequest> read(const std::shared_ptr<Answer>& answer) {
    GenerateRequest& request = answer->request;
    ASSIGN_OR_RETURN(const std::shared_ptr<const ModelText> text, texts.text_of(request.model));
    answer->tokenizer = text->tokenizer;
    std::shared_ptr<const PreparedPrompt> prompt = std::exchange(request.prepared, nullptr);
    if (prompt == nullptr) {
      ASSIGN_OR_RETURN(prompt, prepare_prompt(request.model, request.prompt, request.scope.tenant));
    }
    const int length = prompt->size(), context = text->info.context_length;
    if (length + 1 > context) {
      return fail(
          ErrorCode::kContextLengthExceeded,
          "the prompt has " + std::to_string(length) + " tokens; this model's context is " + std::to_string(context),
          "shorten the messages");
    }
    for (const auto& [id, bias] : request.sampling.logit_bias) {
      if (id >= 0 && id < text->tokenizer->vocabulary_size()) continue;
      return about("logit_bias",
                   fail(ErrorCode::kInvalidArgument, "logit_bias names token " + std::to_string(id),
                        "this model's ids are 0 to " + std::to_string(text->tokenizer->vocabulary_size() - 1)));
    }
    ASSIGN_OR_RETURN(const Constraint constraint, constraint_of(request, *text, prompt->begins_in_reasoning));
    std::unique_ptr<TokenMask> mask;
    if (!std::holds_alternative<NoConstraint>(constraint)) {
      Result<std::unique_ptr<TokenMask>> compiled =
          text->compile ? text->compile(constraint)
                        : Error(fail(ErrorCode::kUnsupported, "this model's output cannot be constrained"));
      if (!compiled.ok()) {
        return compiled.error().part.empty() ? about("constraint", compiled.error()) : compiled.error();
      }
      mask = std::move(*compiled);
    }
    const auto* calls = std::get_if<ToolCallConstraint>(&constraint);
    const bool is_free = mask == nullptr || (calls != nullptr && calls->answer == ToolCallConstraint::Answer::kText);
    if (is_free && !request.ignore_end_of_sequence) answer->repetition.emplace(limits.repeated_tokens_max);
    OutputParser::Options parser;
    if (text->chat_template != nullptr && !request.prompt.raw_text && !request.prompt.raw_tokens) {
      parser.tool_calls = calls != nullptr ? !calls->tools.empty() : !request.prompt.tools.empty() && mask == nullptr;
      if (calls == nullptr && parser.tool_calls) {
        for (const ToolDefinition& tool : request.prompt.tools) parser.tools_without_tags.push_back(tool.name);
      }
      parser.tags_before_text = calls != nullptr ? calls->answer == ToolCallConstraint::Answer::kShape : !is_free;
      parser.reasoning = text->chat_template->has_reasoning();
      parser.begins_in_reasoning = prompt->begins_in_reasoning;
    }
    parser.call_id_prefix = "call_" + hexadecimal(answer->completion.seed) + "_";
    answer->output = std::make_unique<OutputStream>(text->tokenizer, request.stop, std::move(parser));
    answer->completion.model = text->info.name;

    SequenceRequest sequence;
    sequence.tokens = prompt->tokens;
    sequence.borders = prompt->borders;
    sequence.salts = salts.of(request.scope);
    const std::vector<TokenId>& ends = text->tokenizer->end_of_generation();
    sequence.sampler =
        std::make_unique<Sampler>(request.sampling, answer->completion.seed,
                                  request.ignore_end_of_sequence ? ends : std::vector<TokenId>{}, std::move(mask));
    sequence.sampler->note_context(sequence.tokens);
    sequence.end_tokens = ends;
    const int wanted = request.tokens_max > 0 ? request.tokens_max : limits.completion_tokens_default;
    sequence.tokens_max = std::min(wanted, context - length);
    sequence.speculation_tokens_max =
        std::min(request.speculation_tokens_max.value_or(options.speculation_tokens_max), kSpeculationTokensMax);
    sequence.echo_top = request.echo_logprobs ? std::max(0, request.sampling.logprobs_top) : -1;
    sequence.priority = request.priority;
    sequence.deadline = request.deadline;
    sequence.cancelled = answer->cancelled;
    return sequence;
  }

  /// A request that has been read, on its way to its model's scheduler.
  struct Ready {
    std::shared_ptr<Answer> answer;
    std::shared_ptr<SequenceRequest> sequence;
  };

  /// Requests whose model must wait for others to come out of use. First come, first served: who comes later waits
  /// behind them, or a busy model would stay busy for ever.
  void start(Ready ready) {
    postponed.push_back(std::move(ready));
    start_postponed();
  }

  void start_postponed() {
    for (drop_given_up(); !postponed.empty(); drop_given_up()) {
      const GenerateRequest& next = postponed.front().answer->request;
      const Result<LoadedModel*> model = models->use(next.model);
      if (!model.ok() && model.error().retryable && next.priority != Priority::kPrestage) break;
      const Ready ready = take_postponed(postponed.begin());
      if (!model.ok()) {
        fail_now(*ready.answer, model.error());
      } else if ((*model)->scheduler == nullptr) {
        fail_now(*ready.answer,
                 fail(ErrorCode::kUnsupported, "an encoder makes vectors, not text", "choose a decoder"));
      } else {
        submit(**model, ready.answer, std::move(*ready.sequence));
      }
    }
    watch_deadlines();
    publish();
  }

  Ready take_postponed(std::deque<Ready>::iterator at) {
    Ready ready = std::move(*at);
    postponed.erase(at);
    --counts.preparing;
    return ready;
  }

  /// Tells those who were cancelled or whose time is up, also behind others that go on waiting.
  void drop_given_up() {
    const MonotonicTime now = clock.monotonic_now();
    for (std::size_t i = 0; i < postponed.size();) {
      const bool cancelled = postponed[i].answer->cancelled->load();
      const std::optional<MonotonicTime>& deadline = postponed[i].sequence->deadline;
      if (!cancelled && !(deadline && *deadline <= now)) {
        ++i;
        continue;
      }
      const Ready ready = take_postponed(postponed.begin() + static_cast<std::ptrdiff_t>(i));
      if (cancelled) {
        ++counts.generations_cancelled;
        ready.answer->completion.finish_reason = FinishReason::kCancelled;
        ready.answer->finish(ready.answer->completion);
      } else {
        fail_now(*ready.answer, fail(ErrorCode::kDeadlineExceeded, "the deadline passed before the model was free"));
      }
    }
  }

  /// Looks again when the next deadline passes; nothing else may happen until then.
  void watch_deadlines() {
    std::optional<MonotonicTime> next;
    for (const Ready& ready : postponed) {
      const std::optional<MonotonicTime>& deadline = ready.sequence->deadline;
      if (deadline && (!next || *deadline < *next)) next = deadline;
    }
    if (!next || (next_look && *next_look <= *next)) return;
    next_look = next;
    executors.compute.post_after(*next - clock.monotonic_now(), [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->next_look.reset();
      self->start_postponed();
    });
  }

  void fail_now(Answer& answer, Error error) {
    ++counts.generations_failed;
    answer.finish(std::move(error));
  }

  void submit(LoadedModel& model, const std::shared_ptr<Answer>& answer, SequenceRequest sequence) {
    sequence.on_token = [self = shared_from_this(), answer](const ChosenToken& token) {
      if (self->clock.monotonic_now() - self->published_at >= kPublishInterval) self->publish_soon();
      return answer->take(token);
    };
    sequence.on_echo = [answer](std::vector<ChosenToken> tokens) {
      for (const ChosenToken& token : tokens) answer->completion.logprobs.push_back(answer->logprob_of(token));
    };
    sequence.on_done = [self = shared_from_this(), answer, path = model.file.path](Result<FinishReason> reason,
                                                                                   const Usage& usage) {
      self->models->touch(path);
      self->end(*answer, std::move(reason), usage);
    };
    model.scheduler->submit(std::move(sequence));
  }

  void end(Answer& answer, Result<FinishReason> reason, const Usage& usage) {
    if (!reason.ok()) {
      ++counts.generations_failed;
      answer.finish(reason.error());
    } else {
      ++(*reason == FinishReason::kCancelled ? counts.generations_cancelled : counts.generations_finished);
      answer.complete(*reason, usage);
    }
    audit_when_idle();
    publish_soon();
    start_postponed_soon();
  }

  /// Not at once: it may unload the very model that is ending a sequence.
  void start_postponed_soon() {
    if (postponed.empty()) return;
    executors.compute.post([self = shared_from_this()] { self->start_postponed(); });
  }

  void fail_answer(const std::shared_ptr<Answer>& answer, Error error) {
    executors.compute.post([self = shared_from_this(), answer, error = std::move(error)] {
      --self->counts.preparing;
      ++self->counts.generations_failed;
      self->publish();
      answer->finish(error);
    });
  }

  void wake_all() {
    for (auto& [path, model] : models->all()) {
      if (model.scheduler != nullptr) model.scheduler->wake();
    }
    start_postponed_soon();
  }

  /// Requests that no step has begun for. Prestages have a bound of their own; one that is being computed lets another
  /// request in.
  [[nodiscard]] int generations_waiting() const {
    int count = counts.preparing;
    for (const auto& [path, model] : models->all())
      count += model.scheduler != nullptr ? model.scheduler->waiting() : 0;
    return std::max(0, count - prestages);
  }

  static Error stopping_error() { return fail_retryable(ErrorCode::kCancelled, "the engine is stopping"); }

  /// Takes a request in, or refuses it.
  void begin(const std::shared_ptr<Answer>& answer) {
    ++counts.generations_started;
    ++counts.preparing;
    // A drawn seed survives every JSON reader, so that a client can send back what it was told.
    answer->completion.seed = answer->request.sampling.seed.value_or(random.next_u64() >> 11);
    const bool full =
        answer->request.priority != Priority::kPrestage && generations_waiting() > limits.generations_waiting_max;
    if (stopping || full) {
      --counts.preparing;
      ++counts.generations_failed;
      if (stopping) return answer->finish(stopping_error());
      Error refused =
          fail(ErrorCode::kResourceExhausted, "too many requests are waiting for the model", "try again later");
      refused.retryable = true;
      refused.retry_after_ms = 1000;
      return answer->finish(std::move(refused));
    }
    // Known from here on, or who erases its owner would miss it while it is being prepared.
    std::erase_if(active, [](const auto& weak) { return weak.expired(); });
    active.push_back(answer);
    if (is_quick(answer->request)) return prepare(answer);
    executors.background.post([self = shared_from_this(), answer] { self->prepare(answer); });
  }

  std::shared_ptr<Answer> answer_of(GenerateRequest request, Executor& reply_to, GenerationCallbacks callbacks) {
    auto answer = std::make_shared<Answer>();
    check_prepared(request);
    answer->request = std::move(request);
    answer->reply_to = &reply_to;
    answer->callbacks = std::move(callbacks);
    answer->wake = [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->executors.compute.post([self] { self->wake_all(); });
    };
    return answer;
  }

  /// On any thread.
  void submit_embedding(EmbeddingRequest request, Executor& reply_to, std::function<void(Result<Embeddings>)> on_done) {
    auto job = std::make_shared<EmbeddingJob>();
    job->model = std::move(request.model);
    job->texts = std::move(request.inputs);
    job->priority = request.priority;
    job->options = {.kind = request.kind, .token_vectors = request.token_vectors};
    job->reply_to = &reply_to;
    job->on_done = std::move(on_done);
    executors.compute.post([self = shared_from_this(), job] {
      if (self->stopping) return job->reply_to->post([job] { job->on_done(stopping_error()); });
      self->embeddings->submit(std::move(*job));
    });
  }

  /// Makes ids of all inputs, none longer than it may be. Returns the tokens of those that were cut (Embeddings). On
  /// the background executor.
  Result<std::vector<int>> read_inputs(EmbeddingRequest& request) {
    ASSIGN_OR_RETURN(const std::shared_ptr<const ModelText> text, texts.text_of(request.model));
    if (!text->info.is_encoder || text->tokenizer == nullptr) {
      return fail(ErrorCode::kUnsupported, "model '" + request.model + "' makes text, not vectors",
                  "use an encoder, such as all-minilm-l6-v2; 'mnema models list' shows them");
    }
    const EmbeddingReader reader(*text->tokenizer, text->info.context_length, request.longer, request.tokens_max);
    std::vector<int> cut_from;
    for (std::size_t i = 0; i < request.inputs.size(); ++i) {
      ASSIGN_OR_RETURN(const int tokens, reader.read(request.inputs[i], i));
      cut_from.push_back(tokens);
    }
    return cut_from;
  }

  void cancel_all() {
    for (const auto& weak : active) {
      if (const auto answer = weak.lock()) answer->cancelled->store(true);
    }
    embeddings->cancel_all();
    wake_all();
  }

  void audit_when_idle() {
    for (auto& [path, model] : models->all()) {
      if (model.scheduler == nullptr || !model.scheduler->idle()) continue;
      const std::string report = model.scheduler->audit();
      if (!report.empty() && tell_violation) tell_violation(model.file.name + ": " + report);
    }
  }

  /// A copy for other threads. On the compute executor, after each piece of work that changes what it shows.
  void publish() {
    published_at = clock.monotonic_now();
    EngineStats copy = counts;
    copy.texts_embedded = embeddings->texts_embedded();
    copy.embeddings_waiting = embeddings->waiting();
    copy.template_renders = template_renders;
    copy.tokenizer_bytes = tokenizer_bytes;
    copy.models_loaded = models->loads();
    copy.models_unloaded = models->unloads();
    for (const auto& [path, model] : models->all()) {
      if (model.scheduler == nullptr) continue;
      copy.models.push_back(model.scheduler->stats());
      copy.models.back().model = model.file.name;
    }
    const std::lock_guard lock(mutex);
    published = std::move(copy);
  }

  /// From inside a step, whose own numbers stand only after it.
  void publish_soon() {
    if (publish_posted) return;
    publish_posted = true;
    executors.compute.post([self = shared_from_this()] {
      self->publish_posted = false;
      self->publish();
    });
  }

  const EngineOptions options;
  const Executors executors;
  const Clock& clock;
  Random& random;
  const Limits& limits;
  const kv::Salts salts;
  ModelTexts texts;
  PromptMemo memo;
  std::atomic<std::uint64_t> template_renders = 0;
  std::atomic<std::uint64_t> tokenizer_bytes = 0;
  std::function<void(const std::string&)> tell_violation;
  std::function<void(const Scope&)> tell_erased;

  std::atomic<bool> stopping = false;

  std::mutex mutex;
  EngineStats published;  // guarded by mutex

  // On the compute executor.
  const std::shared_ptr<LoadedModels> models;
  const std::shared_ptr<EmbeddingScheduler> embeddings;
  std::deque<Ready> postponed;
  std::vector<std::weak_ptr<Answer>> active;  // every request that has come and perhaps is not over
  EngineStats counts;
  MonotonicTime published_at{};
  bool publish_posted = false;
  int prestages = 0;                       // not over; at most limits.prestage_waiting_max
  std::optional<MonotonicTime> next_look;  // at the postponed, at the latest
};

LocalEngine::LocalEngine(EngineOptions options, Executors executors, std::shared_ptr<ModelLoader> loader,
                         const Clock& clock, Random& random, const Limits& limits)
    : state_(std::make_shared<State>(std::move(options), executors, std::move(loader), clock, random, limits)) {}

LocalEngine::~LocalEngine() {
  state_->executors.compute.post([state = state_] { state->cancel_all(); });
}

void LocalEngine::stop() {
  state_->stopping = true;
  state_->executors.compute.post([state = state_] { state->cancel_all(); });
}

std::shared_ptr<Generation> LocalEngine::generate(GenerateRequest request, Executor& reply_to,
                                                  GenerationCallbacks callbacks) {
  const auto answer = state_->answer_of(std::move(request), reply_to, std::move(callbacks));
  state_->executors.compute.post([state = state_, answer] { state->begin(answer); });
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
  // Advisory: what counts are the pages it leaves.
  callbacks.on_done = [weak = std::weak_ptr(state_)](const Result<Completion>&) {
    const auto state = weak.lock();
    if (state) state->executors.compute.post([state] { --state->prestages; });
  };
  const auto answer = state_->answer_of(std::move(request), state_->executors.background, std::move(callbacks));
  state_->executors.compute.post([state = state_, answer] {
    if (state->stopping || state->prestages >= state->limits.prestage_waiting_max) return;
    ++state->prestages;
    state->begin(answer);
  });
}

Result<std::shared_ptr<const PreparedPrompt>> LocalEngine::prepare(const std::string& model, const Prompt& prompt,
                                                                   const Scope& scope) {
  return state_->prepare_prompt(model, prompt, scope.tenant);
}

Result<std::vector<TokenId>> LocalEngine::tokenize(const std::string& model, const std::string& text, bool add_special,
                                                   bool parse_special) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const ModelText> side, state_->texts.text_of(model));
  return side->tokenizer->encode(text, add_special, parse_special);
}

Result<std::string> LocalEngine::detokenize(const std::string& model, const std::vector<TokenId>& ids) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const ModelText> side, state_->texts.text_of(model));
  return side->tokenizer->decode(ids, true);
}

Result<std::string> LocalEngine::apply_template(const std::string& model, const Prompt& prompt) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const ModelText> side, state_->texts.text_of(model));
  if (side->chat_template == nullptr) {
    return fail(ErrorCode::kUnsupported, "model '" + side->info.name + "' has no chat template", "choose a decoder");
  }
  ASSIGN_OR_RETURN(RenderedPrompt rendered, side->chat_template->render(prompt, state_->clock.now()));
  ++state_->template_renders;
  return std::move(rendered.text);
}

void LocalEngine::embed(EmbeddingRequest request, Executor& reply_to, std::function<void(Result<Embeddings>)> on_done) {
  if (request.model.empty() || request.model == "default") request.model = state_->options.embedding_model;
  if (request.longer == EmbeddingRequest::Longer::kAverage) {
    return state_->submit_embedding(std::move(request), reply_to, std::move(on_done));
  }
  Executor* reply = &reply_to;
  auto asked = std::make_shared<EmbeddingRequest>(std::move(request));
  state_->executors.background.post([state = state_, asked, reply, on_done = std::move(on_done)]() mutable {
    Result<std::vector<int>> cut_from = state->read_inputs(*asked);
    if (!cut_from.ok()) return reply->post([on_done, error = cut_from.error()] { on_done(error); });
    state->submit_embedding(std::move(*asked), *reply,
                            [on_done = std::move(on_done), cut_from = std::move(*cut_from)](Result<Embeddings> made) {
                              if (made.ok()) made->cut_from = cut_from;
                              on_done(std::move(made));
                            });
  });
}

std::vector<ModelInfo> LocalEngine::models() const { return state_->texts.models(); }

double LocalEngine::prefill_tokens_per_second(const std::string& model) const {
  const Result<ModelFile> file = state_->texts.file_of(model);
  const EngineStats now = stats();
  for (const ModelStats& of : now.models) {
    if (file.ok() && of.model == file->name) return of.prefill_tokens_per_s;
  }
  return 0;
}

void LocalEngine::load(std::string model, Executor& reply_to, std::function<void(Status)> on_done) {
  Executor* reply = &reply_to;
  state_->executors.background.post([state = state_, model = std::move(model), reply, on_done = std::move(on_done)] {
    if (state->stopping) return reply->post([on_done] { on_done(State::stopping_error()); });
    const Result<std::shared_ptr<const ModelText>> text = state->texts.text_of(model);
    if (!text.ok()) {
      reply->post([on_done, error = text.error()] { on_done(error); });
      return;
    }
    state->executors.compute.post([state, model, reply, on_done] {
      const auto made = state->models->use(model);
      state->publish();
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
    state->memo.erase(scope.tenant);
    if (state->tell_erased) state->tell_erased(scope);
    const kv::ScopeSalts salts = state->salts.of(scope);
    state->wake_all();
    for (auto& [path, model] : state->models->all()) {
      if (model.scheduler == nullptr) continue;
      model.scheduler->erase(scope.user.empty() ? salts.tenant : salts.user);
    }
    reply->post(on_done);
  });
}

EngineStats LocalEngine::stats() const {
  // What the compute thread said last; a newer word is asked for at once.
  state_->executors.compute.post([state = state_] { state->publish(); });
  const std::lock_guard lock(state_->mutex);
  return state_->published;
}

void LocalEngine::on_erase(std::function<void(const Scope& scope)> forget) { state_->tell_erased = std::move(forget); }

void LocalEngine::on_violation(std::function<void(const std::string& report)> tell) {
  state_->tell_violation = std::move(tell);
}

}  // namespace mnema
