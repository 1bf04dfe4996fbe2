#include "agents/host/declared_agent.hpp"

#include "agents/context.hpp"
#include "agents/turn/event_text.hpp"

namespace mnema {

struct DeclaredAnswer {
  std::string key;
  std::string answer;
};
BOOST_DESCRIBE_STRUCT(DeclaredAnswer, (), (key, answer))

namespace {

/// The words of all events of the turn.
std::string text_of_all(const Ctx& ctx) {
  std::string text;
  for (const Event& event : ctx.events()) text += (text.empty() ? "" : "\n\n") + text_of(event);
  return text;
}

task<Outcome> run_declared(Ctx& ctx, Event event, std::vector<std::string> choices, std::string reply_to, bool grounded,
                           bool shows_facts) {
  const std::string text = text_of_all(ctx);
  RecallQuery query;
  query.text = text;
  if (ctx.in_chat()) query.thread_excluded = ctx.thread();  // it stands in the prompt already
  Recalled facts = co_await ctx.recall(query);
  Facts known;
  if (!grounded && shows_facts)
    known = co_await ctx.facts(text);  // who answers from documents answers from nothing else
  PromptPlan prompt = ctx.prompt().known(known).user(text);
  if (choices.empty()) {
    prompt.with(facts);
    if (grounded) prompt.answer_kind(PromptPlan::kAnswerFromPassages);
  } else {
    prompt.with(facts, "What is known:");
  }
  ThinkOptions options;
  options.grounded = grounded;
  if (!choices.empty()) options.constraint = ChoiceConstraint{choices};
  Reply answer = co_await ctx.think(prompt, options);

  Episode said;
  said.role = "user";
  said.text = text;
  said.trust = event.trust;
  ctx.remember(said);
  said.role = "assistant";
  said.text = answer.text;
  said.trust = answer.trust;
  ctx.remember(said);
  if (!reply_to.empty()) {
    DeclaredAnswer message{ctx.key(), answer.text};
    ctx.send(reply_to, boost::json::serialize(to_json(message)));
  }
  co_return reply(answer);
}

}  // namespace

void apply(const AgentConfig& config, AgentSpec& spec) {
  if (!config.model.empty()) spec.model = config.model;
  if (!config.system.empty()) spec.system = config.system;
  if (!config.key.empty()) spec.key_template = config.key;
  if (!config.on.empty()) spec.event_types = config.on;
  if (!config.choices.empty()) spec.choices = config.choices;
  if (!config.reply_to.empty()) spec.reply_to = config.reply_to;
  if (config.temperature > 0) spec.temperature = static_cast<float>(config.temperature);
  if (config.completion_tokens > 0) spec.answer_tokens = config.completion_tokens;
  if (config.recall_tokens >= 0) spec.recall_tokens = config.recall_tokens;
  if (config.stateless) spec.is_stateless = true;
  if (!config.facts) spec.shows_facts = false;
  if (!config.procedures) spec.learns_procedures = false;
  if (config.edit_blocks) spec.edits_blocks = true;
  if (config.first_token_ms >= 0) spec.first_token_ms = config.first_token_ms;
  if (config.budget_tokens) spec.budget.tokens = config.budget_tokens;
  if (config.budget_tool_calls) spec.budget.tool_calls = config.budget_tool_calls;
  if (config.budget_wall_ms) spec.budget.wall_time = std::chrono::milliseconds(*config.budget_wall_ms);
  lay_over(config.flow, spec.flow);
  if (spec.handler) return;
  spec.answers_chat = true;
  // A plain function that makes the coroutine: what it captures is copied into the coroutine's own parameters.
  spec.handler = [choices = spec.choices, reply_to = spec.reply_to, grounded = !config.documents.empty(),
                  shows_facts = spec.shows_facts](Ctx& ctx, Event event) {
    return run_declared(ctx, std::move(event), choices, reply_to, grounded, shows_facts);
  };
}

}  // namespace mnema
