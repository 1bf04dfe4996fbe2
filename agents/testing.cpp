#include "agents/testing.hpp"

#include <cctype>
#include <cmath>
#include <string_view>

namespace mnema::testing {
namespace {

std::uint64_t hash_of(std::string_view text) {  // FNV-1a: the same on every machine
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (words.empty() || (text[i] == ' ' && i > 0)) words.emplace_back();
    words.back() += text[i];
  }
  return words;
}

std::string render(const Prompt& prompt) {
  if (prompt.raw_text) return *prompt.raw_text;
  std::string text;
  for (const ToolDefinition& tool : prompt.tools) text += "<|tool|>" + tool.name + ": " + tool.description + "\n";
  for (const Message& message : prompt.messages) {
    text += "<|" + std::string(name_of(message.role)) + "|>" + message.text();
    for (const ToolCall& tool_call : message.tool_calls) text += "<|call|>" + tool_call.name + tool_call.arguments;
    text += "\n";
  }
  if (prompt.add_generation_prompt) text += "<|assistant|>";
  return text;
}

void hold_to_constraint(const Constraint& constraint, Completion& completion) {
  const auto* choice = std::get_if<ChoiceConstraint>(&constraint);
  if (!choice || choice->choices.empty()) return;
  for (const std::string& allowed : choice->choices) {
    if (completion.text == allowed) return;
  }
  completion.text = choice->choices[completion.seed % choice->choices.size()];
}

}  // namespace

Completion say(std::string text) {
  Completion completion;
  completion.text = std::move(text);
  return completion;
}

Completion call(std::string tool, std::string arguments_json) {
  Completion completion;
  completion.tool_calls.push_back({"", std::move(tool), std::move(arguments_json)});
  completion.finish_reason = FinishReason::kToolCalls;
  return completion;
}

/// One answer on its way. Each word is its own timer, so that cancellation and crashes fall between words.
class ScriptedEngine::Running final : public Generation, public std::enable_shared_from_this<Running> {
 public:
  Running(Executor& timer, Executor& reply_to, GenerationCallbacks callbacks, Result<Completion> result, Duration step,
          std::shared_ptr<std::atomic<int>> in_flight)
      : timer_(timer),
        reply_to_(reply_to),
        callbacks_(std::move(callbacks)),
        result_(std::move(result)),
        step_(step),
        in_flight_(std::move(in_flight)) {
    if (result_.ok()) words_ = words_of(result_->text);
    ++*in_flight_;
  }

  void cancel() override { cancelled_ = true; }
  void set_turn_state(TurnState) override {}

  void start(Duration first) {
    timer_.post_after(first, [self = shared_from_this()] { self->advance(); });
  }

 private:
  void advance() {
    if (cancelled_ || !result_.ok() || next_ == words_.size()) return finish();
    Delta delta;
    delta.text = words_[next_++];
    reply_to_.post([self = shared_from_this(), delta = std::move(delta)]() mutable {
      if (self->callbacks_.on_delta && !self->cancelled_) self->callbacks_.on_delta(std::move(delta));
    });
    timer_.post_after(step_, [self = shared_from_this()] { self->advance(); });
  }

  void finish() {
    --*in_flight_;
    if (cancelled_ && result_.ok()) {
      result_->finish_reason = FinishReason::kCancelled;
      result_->text.clear();
      for (std::size_t i = 0; i < next_; ++i) result_->text += words_[i];
      result_->tool_calls.clear();
    }
    reply_to_.post([self = shared_from_this()] { self->callbacks_.on_done(std::move(self->result_)); });
  }

  Executor& timer_;
  Executor& reply_to_;
  GenerationCallbacks callbacks_;
  Result<Completion> result_;
  const Duration step_;
  std::shared_ptr<std::atomic<int>> in_flight_;
  std::vector<std::string> words_;
  std::size_t next_ = 0;
  std::atomic<bool> cancelled_ = false;
};

ScriptedEngine::ScriptedEngine(Executor& timer, Script script, Options options)
    : timer_(timer), script_(std::move(script)), options_(std::move(options)) {}

std::shared_ptr<Generation> ScriptedEngine::generate(GenerateRequest request, Executor& reply_to,
                                                     GenerationCallbacks callbacks) {
  const int prompt_tokens = count_tokens(request.model, request.prompt).value();
  Result<Completion> result = Error{};
  if (prompt_tokens >= options_.context_length) {
    result = fail(ErrorCode::kContextLengthExceeded, "the prompt has " + std::to_string(prompt_tokens) +
                                                         " tokens, the model takes " +
                                                         std::to_string(options_.context_length));
  } else {
    result = script_(request);
  }
  if (result.ok()) {
    Completion& completion = *result;
    completion.seed = request.sampling.seed.value_or(hash_of(render(request.prompt)));
    completion.model = options_.model;
    hold_to_constraint(request.constraint, completion);
    for (std::size_t i = 0; i < completion.tool_calls.size(); ++i) {
      completion.tool_calls[i].id = "call_" + std::to_string(completion.seed % 100'000) + "_" + std::to_string(i);
    }
    completion.usage.prompt_tokens = prompt_tokens;
    completion.usage.completion_tokens = static_cast<int>(completion.text.size());
  }
  {
    const std::scoped_lock lock(mutex_);
    requests_.push_back(std::move(request));
  }
  auto running = std::make_shared<Running>(timer_, reply_to, std::move(callbacks), std::move(result),
                                           options_.word_after, in_flight_);
  running->start(options_.first_word_after);
  return running;
}

void ScriptedEngine::prestage(std::string, Scope, Prompt) { ++prestages_; }

Result<int> ScriptedEngine::count_tokens(const std::string&, const Prompt& prompt) {
  if (prompt.raw_tokens) return static_cast<int>(prompt.raw_tokens->size());
  return static_cast<int>(render(prompt).size());
}

Result<std::vector<TokenId>> ScriptedEngine::tokenize(const std::string&, const std::string& text, bool, bool) {
  std::vector<TokenId> ids;
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  return ids;
}

Result<std::string> ScriptedEngine::detokenize(const std::string&, const std::vector<TokenId>& ids) {
  std::string text;
  for (const TokenId id : ids) {
    if (id < 0 || id > 255)
      return fail(ErrorCode::kInvalidArgument, "token " + std::to_string(id) + " is out of range");
    text += static_cast<char>(id);
  }
  return text;
}

Result<std::string> ScriptedEngine::apply_template(const std::string&, const Prompt& prompt) { return render(prompt); }

void ScriptedEngine::embed(EmbeddingRequest request, Executor& reply_to,
                           std::function<void(Result<Embeddings>)> on_done) {
  embedded_ += static_cast<int>(request.inputs.size());
  Embeddings made;
  for (const EmbeddingInput& input : request.inputs) {
    const auto* ids = std::get_if<std::vector<TokenId>>(&input);
    const std::string text = ids != nullptr ? std::string(ids->begin(), ids->end()) : std::get<std::string>(input);
    made.tokens += static_cast<int>(text.size());
    std::vector<float> vector(static_cast<std::size_t>(options_.dimensions), 0.0F);
    std::string word;
    for (const char c : text + " ") {
      if (std::isalnum(static_cast<unsigned char>(c))) {
        word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      } else if (!word.empty()) {
        vector[hash_of(word) % vector.size()] += 1.0F;
        word.clear();
      }
    }
    float norm = 0;
    for (const float x : vector) norm += x * x;
    if (norm == 0) vector[0] = norm = 1;
    for (float& x : vector) x /= std::sqrt(norm);
    made.vectors.push_back(std::move(vector));
  }
  reply_to.post([on_done = std::move(on_done), made = std::move(made)] { on_done(made); });
}

std::vector<ModelInfo> ScriptedEngine::models() const {
  ModelInfo info;
  info.name = options_.model;
  info.architecture = "scripted";
  info.context_length = options_.context_length;
  info.vocabulary = 256;
  info.loaded = true;
  return {info};
}

double ScriptedEngine::prefill_tokens_per_second(const std::string&) const {
  return options_.prefill_tokens_per_second;
}

std::vector<GenerateRequest> ScriptedEngine::requests() const {
  const std::scoped_lock lock(mutex_);
  return requests_;
}

void CrashSwitch::on_step(const StepPassage& passage) {
  if (passage.phase != phase_ || passage.name != step_name_) return;
  if (--visits_left_ == 0) on_crash_();
}

}  // namespace mnema::testing
