#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "agents/rest/fact_json.hpp"
#include "cli/exit_code.hpp"
#include "cli/memory_file.hpp"
#include "memory/semantic/fact_store.hpp"

// `mnema memory facts` and `mnema memory conflicts`.

namespace mnema {
namespace {

struct FactFlags : MemoryFlags {
  std::string as_of;
  std::string known;
  std::string about;
  int count = 1'000;
};

std::string evidence_of(const Fact& fact) {
  std::string text;
  for (const EpisodeId episode : fact.evidence) text += (text.empty() ? "" : ", ") + std::to_string(episode);
  return text;
}

/// As a terminal may show it: whatever was said stands on one line.
std::string shown(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return text;
}

int facts(const FactFlags& flags) {
  FactQuery query;
  query.subject = flags.about;
  query.facts_max = flags.count;
  query.bytes_max = 0;
  query.confidence_min = 0;
  for (const auto& [text, target] : {std::pair{&flags.as_of, &query.valid}, std::pair{&flags.known, &query.known}}) {
    if (text->empty()) continue;
    const Result<Time> time = parse_point(*text);
    if (!time.ok()) return report(time.error(), kExitUsage);
    *target = *time;
  }
  Facts found;
  return read_memory_file(
      flags,
      [&](Transaction& transaction) -> Status {
        ASSIGN_OR_RETURN(const VisibleScopes scopes, fact_store::scopes_of(transaction, flags.tenant, flags.user));
        ASSIGN_OR_RETURN(found, fact_store::find(transaction, scopes, query, SystemClock().now(), FactLimits{}));
        return {};
      },
      [&] {
        boost::json::array rows;
        for (const Fact& fact : found.facts) {
          if (flags.json) {
            rows.push_back(fact_json(fact));
            continue;
          }
          const std::string owner = fact.scope.user.empty() ? "" : ", of " + fact.scope.user;
          fmt::print("{}  [episode {}{}]\n", shown(line_of(fact)), evidence_of(fact), shown(owner));
        }
        if (flags.json) return fmt::print("{}\n", boost::json::serialize(rows));
        if (found.facts.empty()) fmt::print("no facts\n");
        if (found.left_out > 0) fmt::print("({} more: --count)\n", found.left_out);
      });
}

std::string text_of(const FactConflict::Side& side) {
  Fact fact;
  fact.subject = "";
  fact.object = side.object;
  fact.negated = side.negated;
  fact.valid_from = side.valid_from;
  return line_of(fact).substr(std::string_view(" · : ").size()) + " [episode " + std::to_string(side.episode) + "]";
}

int conflicts(const FactFlags& flags) {
  std::vector<FactConflict> found;
  return read_memory_file(
      flags,
      [&](Transaction& transaction) -> Status {
        ASSIGN_OR_RETURN(const VisibleScopes scopes, fact_store::scopes_of(transaction, flags.tenant, flags.user));
        ASSIGN_OR_RETURN(found, fact_store::conflicts(transaction, scopes, flags.count));
        return {};
      },
      [&] {
        boost::json::array rows;
        for (const FactConflict& conflict : found) {
          if (flags.json) {
            rows.push_back(fact_conflict_json(conflict));
            continue;
          }
          fmt::print("{}\n", shown(conflict.subject + " · " + conflict.predicate + ": " + text_of(conflict.first) +
                                   ", or " + text_of(conflict.second)));
        }
        if (flags.json) return fmt::print("{}\n", boost::json::serialize(rows));
        if (found.empty()) fmt::print("no conflicts\n");
      });
}

}  // namespace

void add_memory_facts(CLI::App& memory, int& exit_code) {
  const auto flags = std::make_shared<FactFlags>();
  CLI::App* command = memory.add_subcommand("facts", "What is known, a line each, with the episodes that say so");
  add_memory_flags(*command, *flags);
  command->add_option("--about", flags->about, "Only of this subject");
  command->add_option("--as-of", flags->as_of, "What was valid then: 2025-03-01, or RFC 3339; default: now");
  command->add_option("--known", flags->known, "As it was believed then; default: now");
  command->add_option("--count", flags->count, "At most so many")->capture_default_str()->check(CLI::Range(1, 100'000));
  command->callback([flags, &exit_code] { exit_code = facts(*flags); });
}

void add_memory_conflicts(CLI::App& memory, int& exit_code) {
  const auto flags = std::make_shared<FactFlags>();
  CLI::App* command = memory.add_subcommand("conflicts", "Statements that cannot both be so, and nothing to decide by");
  add_memory_flags(*command, *flags);
  command->add_option("--count", flags->count, "At most so many")->capture_default_str()->check(CLI::Range(1, 100'000));
  command->callback([flags, &exit_code] { exit_code = conflicts(*flags); });
}

}  // namespace mnema
