#include "cli/dlq_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <fstream>
#include <iterator>
#include <memory>
#include <thread>

#include "agents/rest/dead_letter_json.hpp"
#include "cli/data_folder.hpp"
#include "cli/dlq/letter_changes.hpp"
#include "cli/dlq/letter_text.hpp"
#include "cli/exit_code.hpp"
#include "runtime/runtime_schema.hpp"
#include "runtime/store/read_pool.hpp"
#include "runtime/store/schema_versions.hpp"

namespace mnema {
namespace {

struct DlqFlags {
  std::string config;
  std::string data;
  std::vector<std::string> ids;
  std::string from_step;
  std::string edit;  // file
  std::string to;    // connector
  std::string kind;  // "" = both
  DeadLetterFilter filter;
  std::string older_than;  // "90m"
  std::string newer_than;
  double per_second = 0;  // 0 = as fast as it goes
  bool all = false;
  int count = 100;
  bool json = false;
};

template <class T>
Result<T> read_beside_server(const DataFolder& folder, const std::function<Result<T>(Transaction&)>& query) {
  ReadPool readers(folder.file, "", 1);
  Result<T> answer = Error{};
  const Status status = readers.read([&](Transaction& transaction) -> Status {
    RETURN_IF_ERROR(check_readable(transaction.connection(), runtime_migrations(), folder.file));
    answer = query(transaction);
    return {};
  });
  if (!status.ok()) return status.error();
  return answer;
}

Result<std::vector<DeadLetterId>> parse_ids(const std::vector<std::string>& texts) {
  std::vector<DeadLetterId> ids;
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(ids.emplace_back(), DeadLetterId::parse(text));
  }
  return ids;
}

/// "45s", "90m", "12h", "7d".
Result<Duration> parse_age(const std::string& text) {
  static constexpr std::pair<char, std::int64_t> kUnits[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86'400}};
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  for (const auto& [unit, seconds] : kUnits) {
    if (error != std::errc() || end + 1 != text.data() + text.size() || *end != unit) continue;
    if (number >= 0 && number <= 100'000) return Duration(std::chrono::seconds(number * seconds));
  }
  return fail(ErrorCode::kInvalidArgument, "'" + text + "' is no age", "e.g. 45s, 90m, 12h, 7d");
}

/// The filter of the flags, with their ages as times.
Result<DeadLetterFilter> filter_of(const DlqFlags& flags) {
  DeadLetterFilter filter = flags.filter;
  const Time now = SystemClock().now();
  if (!flags.older_than.empty()) {
    ASSIGN_OR_RETURN(const Duration age, parse_age(flags.older_than));
    filter.died_before = now - age;
  }
  if (!flags.newer_than.empty()) {
    ASSIGN_OR_RETURN(const Duration age, parse_age(flags.newer_than));
    filter.died_from = now - age;
  }
  if (flags.kind == "event") filter.kind = DeadLetterId::Kind::kEvent;
  if (flags.kind == "message") filter.kind = DeadLetterId::Kind::kMessage;
  return filter;
}

/// At most `count` of each kind that is asked for: many events do not hide the messages behind them.
Result<std::vector<DeadLetterSummary>> list_each_kind(const DlqFlags& flags, const DeadLetterFilter& wanted,
                                                      Transaction& transaction) {
  std::vector<DeadLetterSummary> all;
  for (const auto kind : {DeadLetterId::Kind::kEvent, DeadLetterId::Kind::kMessage}) {
    DeadLetterFilter filter = wanted;
    filter.kind = kind;
    if (flags.kind == (kind == DeadLetterId::Kind::kEvent ? "message" : "event")) continue;
    ASSIGN_OR_RETURN(std::vector<DeadLetterSummary> found, list_dead_letters(transaction, flags.count, filter));
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

int list(const DlqFlags& flags, const DataFolder& folder) {
  const Result<DeadLetterFilter> filter = filter_of(flags);
  if (!filter.ok()) return report(filter.error(), kExitUsage);
  const auto letters = read_beside_server<std::vector<DeadLetterSummary>>(
      folder, [&](Transaction& transaction) { return list_each_kind(flags, *filter, transaction); });
  if (!letters.ok()) return report(letters.error(), exit_code_in_folder(letters.error()));
  boost::json::array rows;
  for (const DeadLetterSummary& letter : *letters) {
    if (flags.json) {
      rows.push_back(dead_letter_json(letter));
    } else {
      fmt::print("{}\n", line_of(letter));
    }
  }
  if (flags.json) fmt::print("{}\n", boost::json::serialize(rows));
  if (!flags.json && letters->empty()) fmt::print("no dead letters\n");
  return kExitOk;
}

int show(const DlqFlags& flags, const DataFolder& folder) {
  const Result<std::vector<DeadLetterId>> ids = parse_ids(flags.ids);
  if (!ids.ok()) return report(ids.error(), kExitUsage);
  for (const DeadLetterId& id : *ids) {
    const Result<DeadLetter> letter = read_beside_server<DeadLetter>(
        folder, [&id](Transaction& transaction) { return load_dead_letter(transaction, id); });
    if (!letter.ok()) return report(letter.error(), exit_code_in_folder(letter.error()));
    fmt::print("{}{}", flags.json ? boost::json::serialize(dead_letter_json(*letter)) : story_of(*letter),
               flags.json ? "\n" : "");
  }
  return kExitOk;
}

/// Does `act` to each letter that was named; stops at the first that cannot be.
int change(const DlqFlags& flags, const DataFolder& folder, const char* done,
           const std::function<Status(LetterChanges&, const DeadLetterId&)>& act) {
  if (flags.ids.empty()) {
    return report(fail(ErrorCode::kInvalidArgument, "no letter is named", "name some, or say --all"), kExitUsage);
  }
  const Result<std::vector<DeadLetterId>> ids = parse_ids(flags.ids);
  if (!ids.ok()) return report(ids.error(), kExitUsage);
  const Result<std::unique_ptr<LetterChanges>> changes = open_letter_changes(folder.path, folder.config.limits);
  if (!changes.ok()) return report(changes.error(), kExitDatabase);
  boost::json::array changed;
  for (const DeadLetterId& id : *ids) {
    const Status status = act(**changes, id);
    if (!status.ok()) return report(status.error(), exit_code_in_folder(status.error()));
    if (!flags.json) fmt::print("{}: {}\n", id.text(), done);
    changed.push_back(boost::json::value(id.text()));
  }
  if (flags.json) fmt::print("{}\n", boost::json::serialize(changed));
  return kExitOk;
}

/// Does `act` to one page after the other, so many letters a second, until none is left that fits. The pages follow one
/// another by their ids: a letter that dies again meanwhile is not met twice.
int change_all(
    const DlqFlags& flags, const DataFolder& folder, const char* done,
    const std::function<Result<BulkChange>(LetterChanges&, const DeadLetterFilter&, const DeadLetterId&, int)>& act) {
  if (!flags.ids.empty()) {
    return report(fail(ErrorCode::kInvalidArgument, "--all takes what fits the filter, and letters are named too",
                       "leave out one of them"),
                  kExitUsage);
  }
  Result<DeadLetterFilter> filter = filter_of(flags);
  if (!filter.ok()) return report(filter.error(), kExitUsage);
  // What dies from here on is not meant.
  if (const Time now = SystemClock().now(); !filter->died_before) filter->died_before = now;
  const Result<std::unique_ptr<LetterChanges>> changes = open_letter_changes(folder.path, folder.config.limits);
  if (!changes.ok()) return report(changes.error(), kExitDatabase);
  constexpr int kPage = 100;
  const int page_max = std::min(kPage, folder.config.limits.admin_page_rows_max);
  const int page = flags.per_second > 0 ? std::clamp(static_cast<int>(flags.per_second), 1, page_max) : page_max;
  boost::json::array changed;
  DeadLetterId after;
  for (bool has_more = true; has_more;) {
    const Result<BulkChange> answer = act(**changes, *filter, after, page);
    if (!answer.ok()) return report(answer.error(), exit_code_in_folder(answer.error()));
    for (const DeadLetterId& id : answer->changed) changed.push_back(boost::json::value(id.text()));
    has_more = answer->has_more && !answer->changed.empty();
    if (!answer->changed.empty()) after = answer->changed.back();
    if (has_more && flags.per_second > 0)
      std::this_thread::sleep_for(std::chrono::duration<double>(page / flags.per_second));
  }
  if (flags.json) {
    fmt::print("{}\n", boost::json::serialize(changed));
  } else {
    fmt::print("{} letters: {}\n", changed.size(), done);
  }
  return kExitOk;
}

int redrive(const DlqFlags& flags, const DataFolder& folder) {
  Redrive how;
  how.from_step = flags.from_step;
  how.to = flags.to;
  const char* const done = flags.to.empty() ? "ready again" : "sent on";
  if (flags.all && flags.edit.empty()) {
    return change_all(flags, folder, done,
                      [&how](LetterChanges& changes, const DeadLetterFilter& filter, const DeadLetterId& after,
                             int count) { return changes.redrive_all(filter, after, count, how); });
  }
  if (!flags.edit.empty()) {
    if (flags.ids.size() != 1) {
      return report(fail(ErrorCode::kInvalidArgument, "--edit replaces the payload of one letter", "name one"),
                    kExitUsage);
    }
    std::ifstream in(flags.edit, std::ios::binary);
    if (!in) return report(fail(ErrorCode::kNotFound, "cannot read '" + flags.edit + "'"), kExitUsage);
    how.data = std::string(std::istreambuf_iterator<char>(in), {});
  }
  return change(flags, folder, done,
                [&how](LetterChanges& changes, const DeadLetterId& id) { return changes.redrive(id, how); });
}

int drop(const DlqFlags& flags, const DataFolder& folder) {
  if (flags.all) {
    return change_all(flags, folder, "dropped",
                      [](LetterChanges& changes, const DeadLetterFilter& filter, const DeadLetterId& after, int count) {
                        return changes.drop_all(filter, after, count);
                      });
  }
  return change(flags, folder, "dropped",
                [](LetterChanges& changes, const DeadLetterId& id) { return changes.drop(id); });
}

}  // namespace

void add_dlq_command(CLI::App& app, int& exit_code) {
  CLI::App* dlq = app.add_subcommand("dlq", "Dead letters: events and messages that failed for good");
  dlq->require_subcommand(1);
  dlq->footer(
      "All of it works while 'mnema serve' runs on the data folder, and while nothing does. A running server makes the "
      "changes itself: DATA/admin.json, which only its user may read, says where it takes them. The same over HTTP, "
      "for "
      "a key with roles: /admin/v1/dead-letters.");
  const auto flags = std::make_shared<DlqFlags>();
  const auto add = [&](const char* name, const char* about, int (*run)(const DlqFlags&, const DataFolder&)) {
    CLI::App* command = dlq->add_subcommand(name, about);
    command->add_option("--data", flags->data, "Data folder (default: the configuration's, else mnema-data)");
    command->add_option("--config", flags->config, "Configuration that names the data folder");
    command->add_flag("--json", flags->json, "As JSON");
    command->callback([flags, run, &exit_code] {
      exit_code =
          with_data_folder(flags->config, flags->data, [&](const DataFolder& folder) { return run(*flags, folder); });
    });
    return command;
  };
  const auto add_ids = [&](CLI::App* command) {
    command->add_option("ids", flags->ids, "event:NUMBER or message:NUMBER, as 'list' shows them")->required();
  };
  CLI::App* listed = add("list", "One line each, oldest first", list);
  listed->add_option("--count", flags->count, "At most so many of each kind")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  const auto add_filter = [&](CLI::App* command) {
    command->add_option("--kind", flags->kind, "event or message")->check(CLI::IsMember({"event", "message"}));
    command->add_option("--tenant", flags->filter.tenant, "Of this tenant");
    command->add_option("--agent", flags->filter.agent, "Of this agent");
    command->add_option("--about", flags->filter.about, "Of this event type, or to this destination");
    command->add_option("--reason", flags->filter.reason,
                        "Whose last error has this code (deadline_exceeded), or this text in its message");
    command->add_option("--older-than", flags->older_than, "That died at least so long ago: 45s, 90m, 12h, 7d");
    command->add_option("--newer-than", flags->newer_than, "That died at most so long ago");
  };
  const auto add_bulk = [&](CLI::App* command) {
    command->add_option("ids", flags->ids, "event:NUMBER or message:NUMBER, as 'list' shows them");
    command->add_flag("--all", flags->all, "All that fit the filter below, instead of named ones");
    add_filter(command);
    command->add_option("--per-second", flags->per_second, "With --all: so many letters a second")
        ->check(CLI::Range(0.01, 1e6));
  };
  add_filter(listed);
  add_ids(add("show", "Everything kept: payload, attempts, steps", show));
  CLI::App* redriven =
      add("redrive", "Try again from the first attempt; done steps are replayed, not repeated", redrive);
  add_bulk(redriven);
  redriven->add_option("--from-step", flags->from_step, "Do this top-level step and all after it anew");
  redriven->add_option("--edit", flags->edit,
                       "Take the payload from this file: a new effect, for which nothing is replayed");
  redriven->add_option("--to", flags->to,
                       "Send the payload to this connector instead, as a message; the letter is gone then");
  add_bulk(add("drop", "Remove it with its journal", drop));
}

}  // namespace mnema
