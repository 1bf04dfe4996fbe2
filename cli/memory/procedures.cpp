#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "agents/rest/dead_letter_json.hpp"
#include "agents/rest/procedure_json.hpp"
#include "cli/memory/memory_command.hpp"
#include "memory/procedural/procedure_store.hpp"
#include "memory/procedural/run_store.hpp"

// `mnema memory procedures [show | restore | demote | edit | forget]`.

namespace mnema {
namespace {

struct ProcedureFlags : MemoryFlags {
  std::optional<std::string> agent;
  int count = 1'000;
  ProcedureId id = 0;
  std::string words;
};

std::string count_phrase(int count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string line_of(const Procedure& procedure) {
  const std::string how = procedure.words.empty() ? line_of(procedure.steps) : "\"" + procedure.words + "\"";
  return fmt::format("{}  {}  {} · {}: {}  [learned from {}; shown: {} well, {}]", procedure.id,
                     name_of(procedure.state), procedure.scope.agent, procedure.event_type, how,
                     count_phrase(procedure.learned_from, "run"), procedure.successes,
                     count_phrase(procedure.failures, "failure"));
}

int list(const ProcedureFlags& flags) {
  std::vector<Procedure> found;
  return read_memory_file(
      flags,
      [&](Transaction& transaction) -> Status {
        ASSIGN_OR_RETURN(found, procedure_store::list(transaction, flags.tenant, flags.agent, flags.count));
        return {};
      },
      [&] {
        boost::json::array rows;
        for (const Procedure& procedure : found) {
          if (flags.json) {
            rows.push_back(procedure_json(procedure));
          } else {
            fmt::print("{}\n", one_line(line_of(procedure)));
          }
        }
        if (flags.json) return fmt::print("{}\n", boost::json::serialize(rows));
        if (found.empty()) fmt::print("no procedures\n");
      });
}

int show(const ProcedureFlags& flags) {
  Procedure procedure;
  std::vector<ProcedureChange> changes;
  std::vector<EpisodeId> episodes;
  return read_memory_file(
      flags,
      [&](Transaction& transaction) -> Status {
        ASSIGN_OR_RETURN(procedure, procedure_store::show(transaction, flags.id, flags.tenant));
        ASSIGN_OR_RETURN(changes, procedure_store::history(transaction, flags.id, flags.tenant));
        ASSIGN_OR_RETURN(episodes, run_store::episodes_of(transaction, procedure.evidence));
        return {};
      },
      [&] {
        if (flags.json) {
          boost::json::object object = procedure_json(procedure);
          boost::json::array history, ids;
          for (const ProcedureChange& change : changes) history.push_back(procedure_change_json(change));
          for (const EpisodeId episode : episodes) ids.emplace_back(episode);
          object["history"] = std::move(history);
          object["episodes"] = std::move(ids);
          return fmt::print("{}\n", boost::json::serialize(object));
        }
        fmt::print("{}\n", one_line(line_of(procedure)));
        const std::string text = text_of(procedure);
        for (std::size_t begin = 0; begin <= text.size();) {
          const std::size_t end = std::min(text.find('\n', begin), text.size());
          fmt::print("  {}\n", one_line(text.substr(begin, end - begin)));
          begin = end + 1;
        }
        std::string ids;
        for (const EpisodeId episode : episodes) ids += (ids.empty() ? "" : ", ") + std::to_string(episode);
        if (!ids.empty()) fmt::print("learned from the turns of the episodes {}\n", ids);
        for (const ProcedureChange& change : changes) {
          fmt::print("{}  {}\n", utc_text(change.time), one_line(change.what));
        }
      });
}

int change(const ProcedureFlags& flags, const char* action, const std::string& body, const char* done) {
  const std::string what = "procedure " + std::to_string(flags.id);
  const std::string target = "/admin/v1/memory/procedures/" + std::to_string(flags.id) + "/" + action;
  return change_by_routes(flags, {target + query_of({{"tenant", flags.tenant}}), body, what}, what + " " + done);
}

int restore(const ProcedureFlags& flags) { return change(flags, "restore", "", "is shown again"); }
int demote(const ProcedureFlags& flags) { return change(flags, "demote", "", "is not shown any more"); }
int forget(const ProcedureFlags& flags) { return change(flags, "forget", "", "is forgotten"); }
int edit(const ProcedureFlags& flags) {
  return change(flags, "edit", boost::json::serialize(boost::json::object{{"words", flags.words}}),
                flags.words.empty() ? "shows its steps again" : "shows your words");
}

}  // namespace

void add_memory_procedures(CLI::App& memory, int& exit_code) {
  const auto flags = std::make_shared<ProcedureFlags>();
  CLI::App* command =
      memory.add_subcommand("procedures", "How kinds of tasks were done, learned from turns that went well");
  command->footer(
      "active: shown to turns whose task fits. learning: too few successes yet. demoted: failed too often, and is not "
      "shown until it is restored.");
  add_memory_flags(*command, *flags);
  command->add_option("--agent", flags->agent, "Only of this agent")->check(a_name());
  command->add_option("--count", flags->count, "At most so many")->capture_default_str()->check(CLI::Range(1, 100'000));
  command->callback([flags, command, &exit_code] {
    if (command->get_subcommands().empty()) exit_code = list(*flags);
  });
  const auto add = [&](const char* name, const char* about, int (*run)(const ProcedureFlags&)) {
    CLI::App* action = command->add_subcommand(name, about);
    add_memory_flags(*action, *flags);
    action->add_option("id", flags->id, "Its number, as the list has it")->required();
    action->callback([flags, run, &exit_code] { exit_code = run(*flags); });
    return action;
  };
  add("show", "One of them, with what it was learned from and what became of it", show);
  add("restore", "Show a demoted one again, its failures forgiven", restore);
  add("demote", "Do not show it any more", demote);
  add("forget", "Remove it", forget);
  add("edit", "Show your words in place of its steps; they are never demoted", edit)
      ->add_option("--words", flags->words, "Your words; \"\" shows its steps again")
      ->required();
}

}  // namespace mnema
