#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/memory/memory_command.hpp"

// `mnema memory search | explain | add`.

namespace mnema {
namespace json = boost::json;
namespace {

struct SearchFlags : MemoryFlags {
  std::string text;
  std::string agent;
  std::string session;
  std::string thread;
  std::string role = "user";
  int count = 10;
  bool explain = false;
};

json::object body_of(const SearchFlags& flags) {
  json::object body{{"text", flags.text}, {"tenant", flags.tenant}};
  if (!flags.agent.empty()) body["agent"] = flags.agent;
  if (flags.user) body["user"] = *flags.user;
  if (!flags.session.empty()) body["session"] = flags.session;
  return body;
}

void show_features(const json::value& explanation) {
  fmt::print("      {}; score {:.3f}, cosine {:.3f}, words {:.2f}; rank by vector {}, words {}, time {}\n",
             std::string_view(explanation.at("verdict").as_string()), explanation.at("score").to_number<double>(),
             explanation.at("cosine").to_number<double>(), explanation.at("words_score").to_number<double>(),
             explanation.at("vector_rank").to_number<int>(), explanation.at("text_rank").to_number<int>(),
             explanation.at("time_rank").to_number<int>());
  for (const json::value& feature : explanation.at("features").as_array()) {
    fmt::print("      {:+8.3f}  {} = {:.3g}\n", feature.at("share").to_number<double>(),
               std::string_view(feature.at("name").as_string()), feature.at("value").to_number<double>());
  }
}

void show_hit(const json::value& hit) {
  fmt::print("{:>6}  {:.2f}  {}\n", hit.at("id").to_number<std::int64_t>(), hit.at("relevance").to_number<double>(),
             one_line(std::string(hit.at("text").as_string())));
  fmt::print("              [{}]\n", one_line(std::string(hit.at("source").as_string())));
  if (hit.as_object().contains("explanation")) show_features(hit.at("explanation"));
}

int search(const SearchFlags& flags, MemoryRoutes& routes) {
  json::object body = body_of(flags);
  body["limit"] = flags.count;
  body["explain"] = flags.explain;
  const auto found = routes.call("POST", "/admin/v1/memory/search", json::serialize(body), "");
  if (!found.ok()) return report(found.error(), exit_code_in_folder(found.error()));
  if (flags.json) {
    fmt::print("{}\n", json::serialize(*found));
    return kExitOk;
  }
  for (const json::value& hit : found->at("data").as_array()) show_hit(hit);
  if (found->at("data").as_array().empty()) fmt::print("nothing relevant\n");
  if (const json::value* left_out = found->as_object().if_contains("left_out")) {
    if (!left_out->as_array().empty()) fmt::print("left out:\n");
    for (const json::value& hit : left_out->as_array()) show_hit(hit);
  }
  if (const json::value* why = found->as_object().if_contains("without_vectors_because")) {
    fmt::print(stderr, "by words and time alone: {}\n", std::string_view(why->as_string()));
  }
  return kExitOk;
}

int add(const SearchFlags& flags, MemoryRoutes& routes) {
  json::object body = body_of(flags);
  if (!flags.thread.empty()) body["thread"] = flags.thread;
  body["role"] = flags.role;
  const auto added = routes.call("POST", "/admin/v1/memory/entries", json::serialize(body), "the entry");
  if (!added.ok()) return report(added.error(), exit_code_in_folder(added.error()));
  if (flags.json) {
    fmt::print("{}\n", json::serialize(*added));
  } else {
    fmt::print("entry {}\n", added->at("id").to_number<std::int64_t>());
  }
  return kExitOk;
}

CLI::App* add_command(CLI::App& memory, const std::shared_ptr<SearchFlags>& flags, const char* name, const char* about,
                      const char* text, bool for_vectors, int (*run)(const SearchFlags&, MemoryRoutes&),
                      int& exit_code) {
  CLI::App* command = memory.add_subcommand(name, about);
  add_memory_flags(*command, *flags);
  command->add_option("text", flags->text, text)->required();
  command->add_option("--agent", flags->agent, "Of this agent");
  command->add_option("--session", flags->session, "Of this conversation, or key of events");
  command->callback([flags, for_vectors, run, &exit_code] {
    exit_code = with_memory_routes(*flags, for_vectors, [&](MemoryRoutes& routes) { return run(*flags, routes); });
  });
  return command;
}

}  // namespace

void add_memory_search(CLI::App& memory, int& exit_code) {
  for (const bool explain : {false, true}) {
    const auto flags = std::make_shared<SearchFlags>();
    flags->explain = explain;
    CLI::App* command =
        add_command(memory, flags, explain ? "explain" : "search",
                    explain ? "The same, with each feature's share of a score, and what was left out and why"
                            : "What a question brings back, best first: number, relevance, text, source",
                    "The question", true, search, exit_code);
    command->add_option("--count", flags->count, "At most so many")->capture_default_str()->check(CLI::Range(1, 1'000));
    command->footer(fmt::format("Example:\n  mnema memory {} \"Where does Anna live?\" --user anna",
                                explain ? "explain" : "search"));
  }
}

void add_memory_add(CLI::App& memory, int& exit_code) {
  const auto flags = std::make_shared<SearchFlags>();
  CLI::App* command = add_command(memory, flags, "add", "Remember a text", "What to remember", false, add, exit_code);
  command->add_option("--thread", flags->thread, "In this thread (default: the session, else 'notes')");
  command->add_option("--role", flags->role, "Who says it")->capture_default_str();
  command->footer(
      "Example:\n  mnema memory add \"The workshop is closed on Mondays.\"\n"
      "  mnema memory add \"I live in Lisbon.\" --user anna");
}

}  // namespace mnema
