#include "cli/events_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <thread>

#include "agents/host/replay_at_rest.hpp"
#include "agents/rest/admin_events.hpp"
#include "agents/rest/admin_file.hpp"
#include "cli/dlq/admin_connection.hpp"
#include "cli/exit_code.hpp"
#include "connectors/base64.hpp"
#include "runtime/base/json.hpp"
#include "runtime/config/config.hpp"
#include "runtime/events/event_deadline.hpp"
#include "runtime/store/folder_lock.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

constexpr auto kBetweenPages = std::chrono::milliseconds(250);

struct EventFlags {
  std::string config;
  std::string data_folder;
  bool json = false;
  // tail
  std::string agent;
  double seconds = 0;  // 0 = until it is ended
  // publish
  std::map<std::string, std::string> fields;  // of the event, by their names there
  std::string data;
  std::string file;
  int deadline_ms = 0;
  // replay
  std::string source;
  std::string from;
  std::string topic;
  std::int64_t partition = -1;
  std::int64_t offset = -1;
  bool dry_run = false;
};

ExitCode exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kUnsupported:
      return kExitUsage;
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kCorrupt:
    case ErrorCode::kUnavailable:
      return kExitDatabase;
    default:
      return kExitFailed;
  }
}

/// The configuration of the flags, with their data folder.
Result<Config> config_of(const EventFlags& flags) {
  Config config;
  if (!flags.config.empty()) {
    ASSIGN_OR_RETURN(config, load_config(flags.config));
  }
  if (!flags.data_folder.empty()) config.server.data = flags.data_folder;
  return config;
}

/// Runs `act` with the server that has the flags' folder.
int with_server(const EventFlags& flags, const std::function<Status(AdminConnection&)>& act) {
  const Result<Config> config = config_of(flags);
  if (!config.ok()) return report(config.error(), kExitConfig);
  const std::string& folder = config->server.data;
  Result<AdminFile> file = read_admin_file(folder);
  if (!file.ok() && file.error().code == ErrorCode::kNotFound) {
    return report(fail(ErrorCode::kUnavailable, "no server runs on the data folder '" + folder + "'",
                       "start 'mnema serve', or name its folder with --data DIR"),
                  kExitDatabase);
  }
  if (!file.ok()) return report(file.error(), kExitDatabase);
  const Result<std::unique_ptr<AdminConnection>> server = AdminConnection::open(std::move(*file));
  if (!server.ok()) return report(server.error(), kExitDatabase);
  const Status done = act(**server);
  return done.ok() ? kExitOk : report(done.error(), exit_code_of(done.error()));
}

Result<json::object> call(AdminConnection& server, const std::string& method, const std::string& target,
                          std::string body = {}, const std::string& what = {}) {
  ASSIGN_OR_RETURN(const std::string text, server.call(method, target, std::move(body), what));
  Result<json::value> parsed = parse_bounded_json(text, "the answer");
  if (parsed.ok() && parsed->is_object()) return parsed->get_object();
  return fail(ErrorCode::kInternal, "the server at " + server.address() + " answered something else");
}

/// A member as a terminal may show it.
std::string shown(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return "-";
  std::string text = value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return text.empty() ? "-" : text;
}

const json::array& rows_of(const json::object& page) {
  static const json::array kNone;
  const json::value* data = page.if_contains("data");
  return data != nullptr && data->is_array() ? data->get_array() : kNone;
}

Status tail(const EventFlags& flags, AdminConnection& server) {
  const SystemClock clock;
  const MonotonicTime end = clock.monotonic_now() + Duration(static_cast<std::int64_t>(flags.seconds * 1e6));
  std::string after;
  do {
    ASSIGN_OR_RETURN(const json::object page, call(server, "GET", "/admin/v1/events" + after));
    if (!after.empty() && page.contains("has_gap") && page.at("has_gap") == json::value(true) && !flags.json) {
      fmt::print("(more happened than was kept)\n");
    }
    for (const json::value& row : rows_of(page)) {
      const json::object* entry = row.if_object();
      if (entry == nullptr || (!flags.agent.empty() && shown(*entry, "agent") != flags.agent)) continue;
      if (flags.json) {
        fmt::print("{}\n", json::serialize(*entry));
      } else {
        fmt::print("{}  {:<9} {:>8}  {:<12} {:<16} {}  {}\n", shown(*entry, "at"), shown(*entry, "what"),
                   shown(*entry, "sequence"), shown(*entry, "agent"), shown(*entry, "key"), shown(*entry, "type"),
                   shown(*entry, "source"));
      }
    }
    std::fflush(stdout);
    after = "?after=" + shown(page, "last");
    std::this_thread::sleep_for(kBetweenPages);
  } while (flags.seconds == 0 || clock.monotonic_now() < end);
  return {};
}

Status publish(const EventFlags& flags, AdminConnection& server) {
  json::object event;
  for (const auto& [name, value] : flags.fields) {
    if (!value.empty()) event[name] = value;
  }
  if (flags.deadline_ms > 0) event["deadline_ms"] = flags.deadline_ms;
  std::string payload = flags.data;
  if (!flags.file.empty()) {
    std::ifstream in(flags.file, std::ios::binary);
    if (!in) return fail(ErrorCode::kNotFound, "cannot read '" + flags.file + "'");
    payload = std::string(std::istreambuf_iterator<char>(in), {});
  }
  event["data_base64"] = base64_encode(payload);
  ASSIGN_OR_RETURN(const json::object answer,
                   call(server, "POST", "/admin/v1/events", json::serialize(event), "the event"));
  if (flags.json) {
    fmt::print("{}\n", json::serialize(answer));
  } else {
    const bool settled = answer.contains("settled") && answer.at("settled") == json::value(true);
    const bool duplicate = answer.contains("duplicate") && answer.at("duplicate") == json::value(true);
    fmt::print("event {} ({}){}\n", shown(answer, "sequence"), shown(answer, "id"),
               settled     ? ": settled, its agent does not want it"
               : duplicate ? ": known already"
                           : "");
  }
  return {};
}

void print_replay(const EventFlags& flags, const json::object& answer) {
  if (flags.json) return fmt::print("{}\n", json::serialize(answer));
  for (const json::value& row : rows_of(answer)) {
    const json::object* part = row.if_object();
    if (part == nullptr) continue;
    const std::string note = shown(*part, "note");
    fmt::print("{:<24} from offset {:<10} {} {}{}\n", shown(*part, "place"), shown(*part, "from"),
               shown(*part, "events"), flags.dry_run ? "would come again" : "come again",
               note == "-" ? "" : "  (" + note + ")");
  }
  if (const std::string note = shown(answer, "note"); note != "-") fmt::print("{}\n", note);
}

Status replay_by_server(const EventFlags& flags, AdminConnection& server) {
  json::object request{{"dry_run", flags.dry_run}};
  if (!flags.from.empty()) request["from"] = flags.from;
  if (!flags.topic.empty()) request["topic"] = flags.topic;
  if (flags.partition >= 0) request["partition"] = flags.partition;
  if (flags.offset >= 0) request["offset"] = flags.offset;
  const std::string target = "/admin/v1/sources/" + percent_encoded(flags.source) + "/replay";
  ASSIGN_OR_RETURN(const json::object answer,
                   call(server, "POST", target, json::serialize(request), "source '" + flags.source + "'"));
  print_replay(flags, answer);
  return {};
}

Result<ReplayRequest> request_of(const EventFlags& flags) {
  ReplayRequest request;
  request.topic = flags.topic;
  request.dry_run = flags.dry_run;
  if (flags.offset >= 0) request.offset = flags.offset;
  if (flags.partition >= 0) request.partition = static_cast<std::int32_t>(flags.partition);
  if (!flags.from.empty()) {
    ASSIGN_OR_RETURN(request.from, parse_rfc3339(flags.from));
  }
  return request;
}

/// By the server that has the folder, or, where none has, on the folder itself.
int replay(const EventFlags& flags) {
  const Result<Config> config = config_of(flags);
  if (!config.ok()) return report(config.error(), kExitConfig);
  const std::string file = config->server.data + "/mnema.db";
  std::error_code ignored;
  const bool is_at_rest = std::filesystem::exists(file, ignored) && FolderLock::take(file + ".lock").ok();
  if (!is_at_rest) {
    return with_server(flags, [&](AdminConnection& server) { return replay_by_server(flags, server); });
  }
  if (flags.config.empty()) {
    return report(fail(ErrorCode::kUnavailable, "no server runs on the data folder '" + config->server.data + "'",
                       "start 'mnema serve', or say by --config FILE where the source's broker is"),
                  kExitDatabase);
  }
  const Result<ReplayRequest> request = request_of(flags);
  if (!request.ok()) return report(request.error(), kExitUsage);
  const Result<ReplayReport> replayed = replay_at_rest(*config, flags.source, *request);
  if (!replayed.ok()) return report(replayed.error(), exit_code_of(replayed.error()));
  json::object answer = replay_json(*replayed);
  answer["source"] = flags.source;
  answer["dry_run"] = flags.dry_run;
  print_replay(flags, answer);
  if (!flags.json && !flags.dry_run) fmt::print("no server runs: the next start takes it up\n");
  return kExitOk;
}

/// A list of the server's, with these members of each row.
Status list(const EventFlags& flags, AdminConnection& server, const std::string& target,
            const std::vector<std::pair<std::string, int>>& columns) {
  ASSIGN_OR_RETURN(const json::object page, call(server, "GET", target));
  if (flags.json) {
    fmt::print("{}\n", json::serialize(rows_of(page)));
    return {};
  }
  std::string head;
  for (const auto& [name, width] : columns) head += fmt::format("{:<{}} ", name, width);
  fmt::print("{}\n", head);
  for (const json::value& row : rows_of(page)) {
    std::string line;
    for (const auto& [name, width] : columns) {
      if (const json::object* object = row.if_object()) line += fmt::format("{:<{}} ", shown(*object, name), width);
    }
    fmt::print("{}\n", line);
  }
  return {};
}

Status sources(const EventFlags& flags, AdminConnection& server) {
  return list(flags, server, "/admin/v1/sources",
              {{"name", 24}, {"kind", 9}, {"state", 8}, {"tenant", 12}, {"from", 24}, {"problem", 1}});
}

Status connectors(const EventFlags& flags, AdminConnection& server) {
  return list(flags, server, "/admin/v1/connectors",
              {{"name", 24},
               {"kind", 6},
               {"breaker", 9},
               {"calls", 9},
               {"failures", 9},
               {"retries", 8},
               {"in_flight", 9},
               {"waiting", 8},
               {"drifted", 8},
               {"new_members", 1}});
}

}  // namespace

void add_events_commands(CLI::App& app, int& exit_code) {
  const auto flags = std::make_shared<EventFlags>();
  const auto add_common = [&](CLI::App* command) {
    command->add_option("--data", flags->data_folder, "Data folder (default: the configuration's, else mnema-data)");
    command->add_option("--config", flags->config, "Configuration that names the data folder");
    command->add_flag("--json", flags->json, "As JSON");
  };
  const auto add = [&](CLI::App& parent, const char* name, const char* about,
                       Status (*run)(const EventFlags&, AdminConnection&)) {
    CLI::App* command = parent.add_subcommand(name, about);
    add_common(command);
    command->callback([flags, run, &exit_code] {
      exit_code = with_server(*flags, [&](AdminConnection& server) { return run(*flags, server); });
    });
    return command;
  };
  const char* const footer =
      "Works while 'mnema serve' runs on the data folder: DATA/admin.json, which only its user may read, says where it "
      "takes commands. The same over HTTP, for a key with roles: /admin/v1.";
  CLI::App* events = app.add_subcommand("events", "Watch, send and replay the events of a running server");
  events->require_subcommand(1);
  events->footer(footer);
  CLI::App* tailed = add(*events, "tail", "What happens to events from now on, a line each", tail);
  tailed->add_option("--agent", flags->agent, "Of this agent");
  tailed->add_option("--seconds", flags->seconds, "End after so long; default: until it is interrupted")
      ->check(CLI::Range(0.0, 1e9));
  CLI::App* published = add(*events, "publish", "Send one event, as a source would", publish);
  const auto field = [&](const char* flag, const char* name, const char* about) {
    return published->add_option(flag, flags->fields[name], about);
  };
  field("--type", "type", "Its type, e.g. order.failed")->required();
  field("--agent", "agent", "Agent that takes it; default: who subscribes to the type");
  field("--key", "key", "Agent key; default: by the agent's template");
  field("--id", "id", "Its id, by which a repeat is known; default: drawn");
  field("--source", "source", "Default: admin");
  field("--subject", "subject", "Its subject");
  field("--tenant", "tenant", "Whose it is; default: local");
  field("--content-type", "content_type", "Default: application/json");
  field("--priority", "priority", "interactive, event or background");
  field("--expirytime", "expirytime", "RFC 3339: a dead letter from then on");
  published->add_option("--deadline-ms", flags->deadline_ms, "A dead letter after so long")->check(CLI::PositiveNumber);
  auto* given = published->add_option("--payload", flags->data, "Its payload");
  published->add_option("--file", flags->file, "Its payload, from this file")->excludes(given);
  CLI::App* replayed =
      events->add_subcommand("replay", "Have a source that keeps its events (kafka) bring them once more, as new ones");
  add_common(replayed);
  replayed->callback([flags, &exit_code] { exit_code = replay(*flags); });
  replayed->add_option("source", flags->source, "Its name in the configuration")->required();
  auto* const from = replayed->add_option("--from-time", flags->from, "RFC 3339, e.g. 2026-11-26T09:30:00Z");
  auto* const partition =
      replayed->add_option("--partition", flags->partition, "Only this one")
          ->check(CLI::Range(std::int64_t{0}, std::int64_t{std::numeric_limits<std::int32_t>::max()}));
  replayed->add_option("--offset", flags->offset, "From this offset of the partition on, instead of a time")
      ->check(CLI::NonNegativeNumber)
      ->needs(partition)
      ->excludes(from);
  replayed->add_option("--topic", flags->topic, "Only of this topic");
  replayed->add_flag("--dry-run", flags->dry_run, "Says what would come, and changes nothing");
  replayed->footer(
      "While 'mnema serve' runs on the data folder, it does it; otherwise, with --config FILE, this command does, and "
      "the "
      "next start takes it up. Each partition gets a new epoch: its records from there on are new events, each handled "
      "once more.");

  add(app, "sources", "Where events come from, whether they are paused, and what they wait for", sources)
      ->footer(footer);
  CLI::App* connected = app.add_subcommand("connectors", "Other people's APIs and files");
  connected->require_subcommand(1);
  connected->footer(footer);
  add(*connected, "status",
      "Each connector, its breaker, its calls since the start, and how many answers had changed their shape",
      connectors);
}

}  // namespace mnema
