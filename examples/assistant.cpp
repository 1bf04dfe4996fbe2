#include "agents/citations.hpp"
#include "examples/quickstart.hpp"

namespace mnema {
namespace {

task<Outcome> assistant(Ctx& ctx, Event event) {
  RecallQuery query;
  query.text = event.data;
  query.kind = EntryKind::kChunk;
  query.hits_max = 4;
  Recalled facts = co_await ctx.recall(query);

  PromptPlan prompt = ctx.prompt().user(event.data).with(facts);
  Reply answer = co_await ctx.think(prompt);

  Episode said;
  said.role = "user";
  said.text = event.data;
  said.trust = event.trust;
  ctx.remember(said);
  said.role = "assistant";
  said.text = answer.text;
  said.trust = answer.trust;
  ctx.remember(said);
  co_return reply(answer.text + sources_text(answer.text, answer.citations));
}

}  // namespace

void declare_assistant(Host& host) {
  host.agent("assistant", assistant)
      .system(
          "You are a helpful assistant. Answer briefly, from the passages you are given. If they do not answer the "
          "question, say that you do not know.")
      .answers_chat()
      .answer_tokens(256)
      .recall_tokens(700);
}

}  // namespace mnema
