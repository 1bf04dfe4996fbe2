#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <iostream>
#include <thread>

#include "cli/memory/memory_command.hpp"

// `mnema memory erase`.

namespace mnema {
namespace json = boost::json;
namespace {

constexpr std::chrono::milliseconds kLooksAgain{100};

struct EraseFlags : MemoryFlags {
  std::string agent;
  std::string session;
  std::int64_t entry = 0;
  bool whole_tenant = false;
  bool dry_run = false;
  bool yes = false;
  bool list = false;
  std::int64_t receipt = 0;
  double wait_s = 60;
};

std::string target_text(const json::value& target) {
  std::string text;
  for (const char* name : {"entry", "session", "user", "agent", "tenant"}) {
    const json::value* value = target.as_object().if_contains(name);
    if (value == nullptr || (value->is_string() && value->get_string().empty())) continue;
    text += (text.empty() ? "" : " of ") + std::string(name) + " " +
            (value->is_string() ? "'" + one_line(std::string(value->get_string())) + "'" : json::serialize(*value));
  }
  return text;
}

void show(const json::value& receipt, bool as_json) {
  if (as_json) return fmt::print("{}\n", json::serialize(receipt));
  const bool finished = !receipt.at("finished").is_null();
  fmt::print("erasure {}: {}, {}\n", receipt.at("id").to_number<std::int64_t>(), target_text(receipt.at("target")),
             finished ? "finished " + std::string(receipt.at("finished").as_string())
                      : "requested " + std::string(receipt.at("requested").as_string()));
  fmt::print("  erased: {}\n", counts_text(receipt.at("counts").as_object()));
  if (finished) return;
  for (const json::value& why : receipt.at("pending").as_array()) {
    fmt::print("  waits: {}\n", one_line(std::string(why.as_string())));
  }
}

bool confirmed(const std::string& question) {
  fmt::print(stderr, "{} [y/N] ", question);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "yes";
}

int show_list(const EraseFlags& flags, MemoryRoutes& routes) {
  const auto found = routes.call("GET", "/admin/v1/memory/erasures" + query_of({{"tenant", flags.tenant}}), "", "");
  if (!found.ok()) return report(found.error(), exit_code_in_folder(found.error()));
  const json::array& data = found->at("data").as_array();
  if (flags.json) {
    fmt::print("{}\n", json::serialize(data));
    return kExitOk;
  }
  for (const json::value& receipt : data) show(receipt, false);
  if (data.empty()) fmt::print("no erasures\n");
  return kExitOk;
}

Result<json::value> receipt_of(MemoryRoutes& routes, std::int64_t id) {
  return routes.call("GET", "/admin/v1/memory/erasures/" + std::to_string(id), "", "");
}

/// Until it is finished, or the time is over.
int wait_for(const EraseFlags& flags, MemoryRoutes& routes, std::int64_t id) {
  const SystemClock clock;
  const MonotonicTime until = clock.monotonic_now() + Duration(static_cast<std::int64_t>(flags.wait_s * 1e6));
  for (;;) {
    const auto receipt = receipt_of(routes, id);
    if (!receipt.ok()) return report(receipt.error(), exit_code_in_folder(receipt.error()));
    const bool finished = !receipt->at("finished").is_null();
    if (!finished && clock.monotonic_now() < until) {
      std::this_thread::sleep_for(kLooksAgain);
      continue;
    }
    show(*receipt, flags.json);
    if (finished) return kExitOk;
    return report(fail(ErrorCode::kDeadlineExceeded, "erasure " + std::to_string(id) + " is not finished yet",
                       std::string(routes.is_server() ? "the server goes on with it"
                                                      : "the next start of the server goes on with it") +
                           "; 'mnema memory erase --receipt " + std::to_string(id) + "' shows how far it is"),
                  kExitFailed);
  }
}

int erase(const EraseFlags& flags, MemoryRoutes& routes) {
  if (flags.list) return show_list(flags, routes);
  if (flags.receipt != 0) {
    const auto receipt = receipt_of(routes, flags.receipt);
    if (!receipt.ok()) return report(receipt.error(), exit_code_in_folder(receipt.error()));
    show(*receipt, flags.json);
    return kExitOk;
  }
  json::object body{{"tenant", flags.tenant}};
  if (!flags.agent.empty()) body["agent"] = flags.agent;
  if (flags.user) body["user"] = *flags.user;
  if (!flags.session.empty()) body["session"] = flags.session;
  if (flags.entry != 0) body["entry"] = flags.entry;
  const bool whole = body.size() == 1;
  if (whole != flags.whole_tenant) {
    return report(
        fail(ErrorCode::kInvalidArgument,
             whole ? "nothing is named that is to be erased"
                   : "--whole-tenant and one of its users, sessions, agents or entries cannot both be meant",
             whole ? "say --user U, --session S, --agent A, --entry ID, or --whole-tenant" : "leave one of them out"),
        kExitUsage);
  }
  if (whole) body["whole_tenant"] = true;
  const auto preview = [&]() -> Result<json::value> {
    json::object dry = body;
    dry["dry_run"] = true;
    return routes.call("POST", "/admin/v1/memory/erasures", json::serialize(dry), "");
  };
  if (flags.dry_run || !flags.yes) {
    const auto would = preview();
    if (!would.ok()) return report(would.error(), exit_code_in_folder(would.error()));
    if (flags.dry_run) {
      if (flags.json) {
        fmt::print("{}\n", json::serialize(*would));
      } else {
        fmt::print("would erase: {}\n", counts_text(would->at("counts").as_object()));
      }
      return kExitOk;
    }
    if (isatty(STDIN_FILENO) == 0) {
      return report(
          fail(ErrorCode::kInvalidArgument, "what is erased cannot be brought back, and nobody can be asked",
               "say --yes; --dry-run shows what would go (" + counts_text(would->at("counts").as_object()) + ")"),
          kExitUsage);
    }
    if (!confirmed("Erase " + counts_text(would->at("counts").as_object()) + " of " + target_text(body) + "?")) {
      fmt::print(stderr, "nothing is erased\n");
      return kExitOk;
    }
  }
  const auto requested = routes.call("POST", "/admin/v1/memory/erasures", json::serialize(body), "the erasure");
  if (!requested.ok()) return report(requested.error(), exit_code_in_folder(requested.error()));
  return wait_for(flags, routes, requested->at("id").to_number<std::int64_t>());
}

}  // namespace

void add_memory_erase(CLI::App& memory, int& exit_code) {
  const auto flags = std::make_shared<EraseFlags>();
  CLI::App* command = memory.add_subcommand(
      "erase", "Erase what is remembered of a user, session, agent, tenant or entry, everywhere it is kept");
  add_memory_flags(*command, *flags);
  command->add_option("--agent", flags->agent, "What this agent has")->check(a_name());
  command->add_option("--session", flags->session, "This conversation, or this key of events")->check(a_name());
  command->add_option("--entry", flags->entry, "This entry alone, by its number")->check(CLI::PositiveNumber);
  command->add_flag("--whole-tenant", flags->whole_tenant, "All of the tenant");
  command->add_flag("--dry-run", flags->dry_run, "Only say how many rows would go");
  command->add_flag("--yes", flags->yes, "Do not ask");
  command->add_option("--wait", flags->wait_s, "Wait so many seconds for the receipt")->capture_default_str();
  command->add_flag("--list", flags->list, "Show the receipts of the tenant");
  command->add_option("--receipt", flags->receipt, "Show this receipt")->check(CLI::PositiveNumber);
  command->footer(
      "Rows, words, vectors, facts and index files of memory; events, messages, journals, timers, dead letters and\n"
      "sessions; what the engine caches; free pages and the log of the data file. Everything else goes on meanwhile. "
      "An\n"
      "erasure that was begun is carried out, also if the program is killed. Backups are not touched.\n\n"
      "Examples:\n"
      "  mnema memory erase --user anna --dry-run\n"
      "  mnema memory erase --user anna --yes --json\n"
      "  mnema memory erase --session 3f2c --tenant acme --yes\n"
      "  mnema memory erase --entry 17 --yes\n"
      "  mnema memory erase --tenant acme --whole-tenant --yes\n"
      "  mnema memory erase --list");
  command->callback([flags, &exit_code] {
    exit_code = with_memory_routes(*flags, false, [&](MemoryRoutes& routes) { return erase(*flags, routes); });
  });
}

}  // namespace mnema
