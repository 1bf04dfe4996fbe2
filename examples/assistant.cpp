#include "examples/quickstart.hpp"

#include "agents/excerpts.hpp"

namespace mnema {
namespace {

constexpr const char* kNotTold = "The documents do not tell.";

task<Outcome> assistant(Ctx& ctx, Event event) {
  RecallQuery query;
  query.text = event.data;
  query.kind = EntryKind::kChunk;
  query.hits_max = 12;
  Recalled found = co_await ctx.recall(query);

  if (found.hits.empty()) co_return reply(kNotTold);  // a small model would answer all the same
  Recalled facts = excerpts(std::move(found), event.data);

  PromptPlan prompt = ctx.prompt().question(event.data).with(facts).answer_kind(PromptPlan::kAnswerFromPassages);
  ThinkOptions options;
  options.grounded = true;
  options.refusal = kNotTold;
  options.quote_bytes_max = 400;
  Reply answer = co_await ctx.think(prompt, options);

  Episode said;
  said.role = "user";
  said.text = event.data;
  said.trust = event.trust;
  ctx.remember(said);
  said.role = "assistant";
  said.text = answer.text;
  said.trust = answer.trust;
  ctx.remember(said);
  co_return reply(answer);
}

}  // namespace

void declare_assistant(Host& host) {
  host.agent("assistant", assistant)
      .system(
          "You answer questions from passages of documents, briefly and in plain words. You say nothing that the "
          "passages do not say.")
      .answers_chat()
      .answer_tokens(256)
      .recall_tokens(700);
}

}  // namespace mnema
