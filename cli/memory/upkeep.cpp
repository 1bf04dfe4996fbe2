#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/memory/memory_command.hpp"

// `mnema memory verify | rebuild`.

namespace mnema {
namespace json = boost::json;
namespace {

struct UpkeepFlags : MemoryFlags {
  bool names_tenant = false;
};

void show_tenant(const json::value& tenant) {
  const auto number = [&](const char* name) { return tenant.at(name).to_number<std::int64_t>(); };
  fmt::print("{} {}: {} entries, {} threads, {} vectors\n", tenant.at("ok").as_bool() ? "ok   " : "WRONG",
             one_line(std::string(tenant.at("tenant").as_string())), number("entries"), number("threads"),
             number("vectors"));
  if (const std::int64_t waiting = number("vectors_waiting"); waiting > 0) {
    const std::int64_t all = number("vectors") + waiting;
    fmt::print("      {} of {} are embedded ({} %)\n", number("vectors"), all, 100 * number("vectors") / all);
  }
  if (number("vectors_refused") > 0) {
    fmt::print("      the embedder refuses {} texts; they are found by words and time\n", number("vectors_refused"));
  }
  if (number("vectors_of_other_embedders") > 0) {
    fmt::print("      {} vectors are of another embedder, and not used\n", number("vectors_of_other_embedders"));
  }
  if (tenant.at("words_waiting").as_bool()) fmt::print("      words are being made\n");
  for (const json::value& wrong : tenant.at("wrong").as_array()) {
    fmt::print("      {}\n", one_line(std::string(wrong.as_string())));
  }
}

int verify(const UpkeepFlags& flags, MemoryRoutes& routes) {
  const auto found = routes.call(
      "GET", "/admin/v1/memory/verify" + query_of({{"tenant", flags.names_tenant ? flags.tenant : ""}}), "", "");
  if (!found.ok()) return report(found.error(), exit_code_in_folder(found.error()));
  if (flags.json) {
    fmt::print("{}\n", json::serialize(*found));
  } else {
    for (const json::value& tenant : found->at("tenants").as_array()) show_tenant(tenant);
    if (found->at("tenants").as_array().empty()) fmt::print("nothing is remembered\n");
  }
  return found->at("ok").as_bool() ? kExitOk : kExitDatabase;
}

int rebuild(const UpkeepFlags& flags, MemoryRoutes& routes) {
  const auto done =
      routes.call("POST", "/admin/v1/memory/rebuild" + query_of({{"tenant", flags.tenant}}), "", "the indexes");
  if (!done.ok()) return report(done.error(), exit_code_in_folder(done.error()));
  if (flags.json) {
    fmt::print("{}\n", json::serialize(*done));
  } else {
    fmt::print(
        "the vector index of '{}' is made again; its words are being made: 'mnema memory verify' says when all "
        "are there\n",
        one_line(flags.tenant));
  }
  return kExitOk;
}

void add_command(CLI::App& memory, const char* name, const char* about, const char* example,
                 int (*run)(const UpkeepFlags&, MemoryRoutes&), int& exit_code) {
  const auto flags = std::make_shared<UpkeepFlags>();
  CLI::App* command = memory.add_subcommand(name, about);
  add_memory_flags(*command, *flags);
  command->remove_option(command->get_option("--user"));
  const CLI::Option* tenant = command->get_option("--tenant");
  command->footer(example);
  command->callback([flags, tenant, run, &exit_code] {
    flags->names_tenant = tenant->count() > 0;
    exit_code = with_memory_routes(*flags, true, [&](MemoryRoutes& routes) { return run(*flags, routes); });
  });
}

}  // namespace

void add_memory_upkeep(CLI::App& memory, int& exit_code) {
  add_command(memory, "verify",
              "Look through rows, hash chains, words and vectors, tenant by tenant, and say what is right and what not",
              "Exit code 0: all is right; 6: something is not.\n\nExamples:\n  mnema memory verify\n"
              "  mnema memory verify --tenant acme --json",
              verify, exit_code);
  add_command(memory, "rebuild", "Make the text and vector indexes of a tenant again from its rows",
              "Examples:\n  mnema memory rebuild\n  mnema memory rebuild --tenant acme", rebuild, exit_code);
}

}  // namespace mnema
