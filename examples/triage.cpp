#include "agents/turn/event_text.hpp"
#include "examples/quickstart.hpp"

namespace mnema {

enum class IssueLabel { bug, feature, question, documentation };
BOOST_DESCRIBE_ENUM(IssueLabel, bug, feature, question, documentation)

struct TriagedIssue {
  std::string label;
  int turns = 0;
};
BOOST_DESCRIBE_STRUCT(TriagedIssue, (), (label, turns))

struct DraftReply {
  std::string issue;
  std::string label;
  std::string reply;
  int similar = 0;
};
BOOST_DESCRIBE_STRUCT(DraftReply, (), (issue, label, reply, similar))

namespace {

std::string name_of(IssueLabel label) { return std::string(to_json(label).as_string()); }

task<Outcome> triage(Ctx& ctx, Event event) {
  const std::string text = text_of(event);
  RecallQuery query;
  query.text = text;
  query.kind = EntryKind::kEpisode;
  query.hits_max = 3;
  query.thread_excluded = ctx.thread();
  Recalled earlier = co_await ctx.recall(query);

  PromptPlan question = ctx.prompt().user("An issue was opened:\n\n" + text + "\n\nWhich label fits it?");
  question.with(earlier, "Earlier issues and their labels:");
  IssueLabel label = co_await ctx.think_as<IssueLabel>(question);

  PromptPlan draft = ctx.prompt().user("An issue was opened:\n\n" + text + "\n\nIt was labelled '" + name_of(label) +
                                       "'. Write two sentences that thank the author and say what happens next.");
  Reply written = co_await ctx.think(draft);

  TriagedIssue& issue = ctx.state<TriagedIssue>();
  issue.label = name_of(label);
  ++issue.turns;
  Episode outcome;
  outcome.kind = EpisodeKind::kOutcome;
  outcome.text = text + "\nLabel: " + issue.label;
  outcome.trust = event.trust;
  ctx.remember(outcome);
  DraftReply message{ctx.key(), issue.label, written.text, static_cast<int>(earlier.hits.size())};
  ctx.send("replies", boost::json::serialize(to_json(message)));
  co_return done();
}

}  // namespace

void declare_triage(Host& host) {
  host.agent("triage", triage)
      .key("{/repository/full_name}#{/issue/number}")
      .state<TriagedIssue>(version(1))
      .remembers(MemoryReach::kAgent)  // how one issue was labelled is a precedent for the next
      .system(
          "You triage issues of a software project. Labels: bug (something is broken), feature (something new is "
          "wanted), question (how to do something), documentation (texts are wrong or missing).")
      .on_type("github.issues.*")
      .answer_tokens(96)
      .recall_tokens(400)
      .budget({.tokens = 20'000});
}

}  // namespace mnema
