// The tool loop: ask the model, run what it calls, show it the results, until it answers.

#include <algorithm>

#include "agents/context.hpp"
#include "agents/tool_arguments.hpp"
#include "agents/turn/block_tools.hpp"
#include "agents/turn/citations.hpp"
#include "agents/turn/context_builder.hpp"
#include "agents/turn/decoded.hpp"
#include "agents/turn/turn.hpp"
#include "agents/turn/turn_version.hpp"
#include "memory/store.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/sha256.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

/// The caller's arguments, not the rendered prompt: what is journalled must not depend on a template.
std::string hash_of_plan(const PromptPlan& plan, int round) {
  Sha256 hash;
  hash.update_field(plan.system_text().text).update_field(plan.user_text());
  hash.update_field(std::to_string(plan.known_texts().size()));
  for (const PlannedText& known : plan.known_texts()) hash.update_field(known.text);
  for (const auto& [title, words] : plan.documents()) hash.update_field(title).update_field(words.text);
  for (const Message& message : plan.past()) hash.update_field(message.text());
  for (const Passage& passage : plan.passages()) hash.update_field(passage.title).update_field(passage.text);
  return effect_free(hash.update_field(std::to_string(round)).finish_hex());
}

int context_length_of(const Engine& engine, const std::string& model) {
  for (const ModelInfo& info : engine.models()) {
    if (info.name == model && info.context_length > 0) return info.context_length;
  }
  return 2048;  // an engine that does not tell: what every model we know can take
}

/// Of the context, for all blocks of working memory.
constexpr int kBlocksShare = 4;
/// The first words are a whole sentence where citations are checked.
constexpr double kFirstSentenceTokens = 24;
/// Recall, and the way there and back.
constexpr double kAroundPrefillMs = 100;

/// What is left for prefill of the time to the first words, by the engine's own measurements. 0: no bound.
double prefill_ms(const Engine& engine, const std::string& model, int first_token_ms) {
  if (first_token_ms <= 0) return 0;
  double decode_ms = 0;
  for (const ModelStats& stats : engine.stats().models) {
    if (stats.model == model) decode_ms = stats.decode_step_ms;
  }
  return std::max(first_token_ms / 4.0, first_token_ms - kAroundPrefillMs - kFirstSentenceTokens * decode_ms);
}

GenerateRequest request_of(const Turn& turn, const ThinkOptions& options) {
  const AgentSpec& agent = turn.agent();
  GenerateRequest request;
  request.model = !options.model.empty() ? options.model
                  : !agent.model.empty() ? agent.model
                                         : turn.services().default_model;
  request.scope = turn.scope();
  request.sampling.temperature = agent.temperature;
  request.constraint = options.constraint;
  request.tokens_max = agent.answer_tokens;
  request.priority = Priority::kEvent;
  if (const ChatTurn* chat = turn.chat()) {
    if (chat->sampling_given) request.sampling = chat->sampling;
    request.sampling.seed = chat->sampling.seed;
    if (chat->tokens_max > 0) request.tokens_max = chat->tokens_max;
    if (std::holds_alternative<NoConstraint>(request.constraint)) request.constraint = chat->constraint;
    request.stop = chat->stop;
    request.priority = Priority::kInteractive;
  }
  if (options.temperature) request.sampling.temperature = *options.temperature;
  if (options.tokens_max > 0) request.tokens_max = options.tokens_max;
  return request;
}

void add(Usage& sum, const Decoded& decoded) {
  sum.prompt_tokens += decoded.prompt_tokens;
  sum.cached_tokens += decoded.cached_tokens;
  sum.completion_tokens += decoded.completion_tokens;
  sum.reasoning_tokens += decoded.reasoning_tokens;
  sum.queued += Duration(decoded.queued_us);
  sum.prefill += Duration(decoded.prefill_us);
  sum.decode += Duration(decoded.decode_us);
}

Message tool_message(const ToolCall& call, std::string result, Trust trust) {
  Message message;
  message.role = Role::kTool;
  message.tool_call_id = call.id;
  message.name = call.name;
  message.content.push_back({std::move(result), Sharing::kUser, trust, "tool " + call.name});
  return message;
}

const ToolSpec* tool_named(const AgentSpec& agent, const std::string& name) {
  const auto tool = std::find_if(agent.tools.begin(), agent.tools.end(),
                                 [&](const ToolSpec& spec) { return spec.definition.name == name; });
  return tool == agent.tools.end() ? nullptr : &*tool;
}

/// Whether it is the runtime's own.
bool is_own_tool(const AgentSpec& agent, const std::string& name) { return agent.edits_blocks && is_block_tool(name); }

std::string error_for_model(const std::string& text) {
  // What a tool or its upstream says may be of any length, and the next prompt has it.
  constexpr std::size_t kShownMax = 4'000;
  if (text.size() <= kShownMax) return boost::json::serialize(boost::json::object{{"error", text}});
  const std::size_t kept = valid_utf8_prefix(std::string_view(text).substr(0, kShownMax));
  return boost::json::serialize(boost::json::object{{"error", text.substr(0, kept) + "..."}});
}

}  // namespace

task<Reply> Ctx::think_named(PromptPlan plan, ThinkOptions options) {
  const std::string path = claim_path();
  Engine& engine = turn_.services().engine;
  GenerateRequest request = request_of(turn_, options);

  std::vector<ToolDefinition> tools;
  if (options.tools) {
    for (const ToolSpec& tool : turn_.agent().tools) tools.push_back(tool.definition);
    if (turn_.agent().edits_blocks) {
      for (ToolDefinition& tool : block_tools()) tools.push_back(std::move(tool));
    }
  }
  ContextBudget context_budget;
  context_budget.context_tokens = context_length_of(engine, request.model);
  const int tokens_asked = request.tokens_max;
  context_budget.answer_tokens = std::min(tokens_asked, context_budget.context_tokens / 2);
  context_budget.passage_tokens_max =
      options.passage_tokens_max >= 0 ? options.passage_tokens_max : turn_.agent().recall_tokens;
  if (turn_.chat() != nullptr) {
    context_budget.prefill_ms_max = prefill_ms(engine, request.model, turn_.agent().first_token_ms);
  }
  const bool may_call = options.tools && !turn_.agent().tools.empty();
  StandingMemoryWanted wanted;
  wanted.procedure = may_call && options.procedures && turn_.agent().learns_procedures && !turn_.is_client_task();
  wanted.blocks = turn_.services().memory.has_blocks() || !turn_.writes().blocks.empty();
  wanted.block_tokens_max =
      std::min(turn_.services().limits.block_tokens_max, context_budget.context_tokens / kBlocksShare);
  StandingMemory standing;
  if (wanted.procedure || wanted.blocks) {
    const StepStart start{path + ".0", "standing", effect_free("")};
    const auto read = [this, wanted](TurnSteps::Finish finish) {
      read_standing_memory(turn_, wanted, [finish = std::move(finish)](const StandingMemory& found) {
        finish(boost::json::serialize(to_json(found)));
      });
    };
    std::shared_ptr<StepOperation> reading = turn_.steps().query(start, read);
    standing = co_await Step<StandingMemory>(reading);
    if (!standing.procedure.text.empty()) plan.procedure(standing.procedure.text, standing.procedure.trust);
    if (!standing.blocks.empty()) {
      plan.blocks(standing.blocks, standing.blocks_trust);
      turn_.saw_memory();
    }
  }
  plan.trust_no_further_than(turn_.trust());
  BuiltContext built = value_or_throw(build_context(plan, tools, context_budget, engine, request.model, request.scope));
  if (options.grounded && !options.refusal.empty() && built.citations.empty()) {
    Reply nothing;  // no passage, no claim: the model is not asked
    nothing.text = options.refusal;
    nothing.refused = true;
    nothing.left_out = std::move(built.left_out);
    co_return nothing;
  }
  request.prompt = built.prompt;
  request.prepared = built.prepared;
  request.tokens_max = std::min(tokens_asked, context_budget.context_tokens - built.prompt_tokens);
  turn_.report().prefix = turn_.services().prefixes.note(turn_.scope().tenant, thread(), built.prompt, *built.prepared);

  Reply reply;
  reply.citations = std::move(built.citations);
  reply.facts = std::move(built.facts);
  reply.left_out = std::move(built.left_out);
  if (built.has_procedure) reply.procedure = standing.procedure.id;
  for (const std::string& name : standing.blocks_left_out) {
    reply.left_out.push_back(
        {"block " + name, "all blocks of a prompt may take " + std::to_string(wanted.block_tokens_max) + " tokens"});
  }
  if (may_call) turn_.note_asked(built.trust, reply.procedure);
  turn_.saw(built.trust);
  reply.trust = built.trust;
  const bool checks = !reply.citations.empty() && !plan.answer_kind().empty() &&
                      std::holds_alternative<NoConstraint>(request.constraint);
  CitationCheck::Options check_options;
  check_options.grounded = options.grounded;
  if (options.grounded) {
    check_options.refusal = options.refusal;
    check_options.quote_bytes_max = options.quote_bytes_max;
  }
  std::string written;  // as the model wrote it
  const std::optional<std::uint64_t> seed_asked = request.sampling.seed;
  int prompt_tokens = built.prompt_tokens;
  int steps = 0;
  for (int round = 1;; ++round) {
    if (round > turn_.services().limits.tool_rounds_max) {
      throw Failure(fail(ErrorCode::kBudgetExceeded,
                         "the model called tools " + std::to_string(round - 1) + " times without an answer",
                         "look at its calls in the journal, or raise limits.tool_rounds_max"));
    }
    value_or_throw(turn_.budget().check_time());
    Reservation reserved = value_or_throw(turn_.budget().reserve({prompt_tokens + request.tokens_max, 0, 0}));

    // The seed is on disk before the first token, so a decode that is cut off is the same when it is done again.
    const StepStart seed_step{path + "." + std::to_string(++steps), "seed", ""};
    const std::string seed = turn_.steps().value(seed_step, [this, &seed_asked, round] {
      const auto later = static_cast<std::uint64_t>(round - 1);
      return std::to_string(seed_asked ? *seed_asked + later : turn_.services().random.next_u64());
    });
    request.sampling.seed = std::stoull(seed);
    const StepStart decode_step{path + "." + std::to_string(++steps), "decode", hash_of_plan(plan, round)};
    BegunEffect begun = co_await Step<BegunEffect>(turn_.steps().begin_effect(decode_step, true));
    Decoded decoded;
    if (begun.known) {
      boost::json::value json = value_or_throw(parse_bounded_json(begun.value, "a journalled decode", kWrittenByUs));
      decoded = value_or_throw(from_json<Decoded>(json, UnknownMembers::kIgnore));
    } else {
      Result<Decoded> made = Error{};
      // Another one than that of the whole text below, which a replay makes without any stream.
      std::shared_ptr<CitationCheck> check;
      if (checks) check = std::make_shared<CitationCheck>(plan.asked(), reply.citations, check_options);
      try {
        made = co_await Step<Decoded>(turn_.generate(decode_step.path, request, options.stream, check));
      } catch (const Failure& failure) {
        made = failure.error();
      }
      // The end need not be waited for: the same seed gives the same text again.
      Result<std::string> text = Error{};
      if (made.ok()) {
        text = boost::json::serialize(to_json(*made));
      } else {
        text = made.error();
      }
      std::shared_ptr<StepOperation> ended = turn_.steps().end_effect(decode_step, std::move(text));
      decoded = value_or_throw(std::move(made));
    }
    reserved.settle({decoded.prompt_tokens + decoded.completion_tokens, 0, 0});
    add(reply.usage, decoded);
    add(turn_.report().usage, decoded);
    written = decoded.text;
    reply.text = decoded.text;
    reply.note = decoded.note.value_or("");
    reply.finish_reason = decoded.finish_reason;
    if (checks) {
      CheckedAnswer checked = check_citations(plan.asked(), reply.citations, decoded.text, check_options);
      reply.text = std::move(checked.text);
      reply.annotations = std::move(checked.annotations);
      reply.refused = checked.refused;
      if (checked.replaced) {  // how the model's own words ended is nobody's concern then
        written = reply.text;
        reply.note.clear();
        reply.finish_reason = FinishReason::kStop;
      }
    } else if (decoded.tool_calls.empty() && !plan.answer_kind().empty()) {
      reply.annotations = sources_of(plan.asked(), reply.citations, decoded.text);
    }
    reply.reasoning = decoded.reasoning;
    turn_.report().note = reply.note;
    turn_.report().finish_reason = reply.finish_reason;
    turn_.report().seed = decoded.seed;
    reply.seed = decoded.seed;
    reply.model = decoded.model;
    if (decoded.tool_calls.empty()) break;

    Message asked = message_of(Role::kAssistant, decoded.text);
    asked.tool_calls = decoded.tool_calls;
    request.prompt.messages.push_back(std::move(asked));
    const Trust asked_with = reply.trust;
    for (const ToolCall& call : decoded.tool_calls) {
      reply.tools_called.push_back(call.name);
      ToolResult result = co_await call_tool(path + "." + std::to_string(++steps), call, asked_with);
      if (!is_own_tool(turn_.agent(), call.name)) {
        turn_.trace().note(tool_named(turn_.agent(), call.name), call, result.text, result.failed);
      }
      request.prompt.messages.push_back(tool_message(call, std::move(result.text), result.trust));
      reply.trust = weakest(reply.trust, result.trust);
    }
    turn_.saw(reply.trust);
    request.prepared = value_or_throw(engine.prepare(request.model, request.prompt, request.scope));
    prompt_tokens = request.prepared->size();
    const int tokens_left = context_budget.context_tokens - prompt_tokens;
    request.tokens_max = std::min(tokens_asked, tokens_left);
    if (tokens_left < 1 || tokens_left < context_budget.answer_tokens / 4) {
      throw Failure(fail(ErrorCode::kContextLengthExceeded, "with the results of its tools the prompt has " +
                                                                std::to_string(prompt_tokens) + " tokens; model '" +
                                                                request.model + "' takes " +
                                                                std::to_string(context_budget.context_tokens)));
    }
  }
  Message answer = message_of(Role::kAssistant, written);
  for (Segment& segment : answer.content) segment.trust = reply.trust;
  turn_.note_laid_out(built.question, answer);
  co_return reply;
}

task<ToolResult> Ctx::call_tool(std::string path, ToolCall call, Trust context_trust) {
  // What it is told of a call that was not made are our words and its own: it may mend the call and make it again.
  const auto refused = [context_trust](const std::string& why) {
    return ToolResult{error_for_model(why), context_trust, true};
  };
  if (is_own_tool(turn_.agent(), call.name)) {
    task<ToolResult> editing = call_block_tool(std::move(path), std::move(call), context_trust);
    ToolResult edited = co_await std::move(editing);
    co_return edited;
  }
  const ToolSpec* tool = tool_named(turn_.agent(), call.name);
  if (tool == nullptr) co_return refused("there is no tool '" + call.name + "'");
  const Result<boost::json::value> arguments = read_arguments(*tool, call.arguments);
  if (!arguments.ok()) co_return refused(arguments.error().message);
  Result<StepBody> body = tool->bind(*arguments);
  if (!body.ok()) co_return refused(body.error().message);
  if (context_trust == Trust::kExternal && !tool->on_external_text) {
    co_return refused("'" + call.name +
                      "' has effects and may not be called while text from outside is in the conversation");
  }
  const std::string canonical = canonical_json(*arguments);
  value_or_throw(turn_.budget().count_call(call.name, canonical));
  Reservation reserved = value_or_throw(turn_.budget().reserve({0, 1, 0}));

  Result<std::string> result = Error{};
  try {
    result = co_await run_step(std::move(path), "tool:" + call.name, canonical, std::move(*body));
  } catch (const Failure& failure) {
    result = failure.error();
  }
  reserved.settle({0, 1, 0});
  if (result.ok()) co_return ToolResult{std::move(*result), Trust::kExternal};
  // What the model can mend, it is told. Doubt, cancellation and a journal that does not fit end the turn; and where
  // nobody waits for an answer, so does an outage, which the event can outwait.
  const Error& error = result.error();
  const bool outwaits = !in_chat() && is_outage(error);
  if (error.code == ErrorCode::kInDoubt || error.code == ErrorCode::kCancelled || outwaits || turn_.steps().fatal()) {
    throw Failure(result.error());
  }
  co_return ToolResult{error_for_model(result.error().text()), Trust::kExternal, true};
}

task<ToolResult> Ctx::call_block_tool(std::string path, ToolCall call, Trust context_trust) {
  const Result<BlockEdit> wanted = block_edit_of(call);
  Result<std::string> done = std::string("\"done\"");
  if (!wanted.ok()) {
    done = wanted.error();
  } else if (context_trust == Trust::kExternal) {
    // What stands in every prompt must not be written by what stood in one.
    done = fail(ErrorCode::kPermissionDenied,
                "'" + call.name + "' may not be called while text from outside is in the conversation");
  } else {
    Block block = co_await block_at(std::move(path), wanted->name);
    try {
      BlockEdit change = *wanted;
      edit(block, std::move(change));
    } catch (const Failure& failure) {
      done = failure.error();
    }
  }
  if (done.ok()) co_return ToolResult{*done, context_trust};
  co_return ToolResult{error_for_model(done.error().text()), context_trust, true};
}

}  // namespace mnema
