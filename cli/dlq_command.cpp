#include "cli/dlq_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>

#include "agents/rest/dead_letter_json.hpp"
#include "cli/dlq/letter_text.hpp"
#include "cli/exit_code.hpp"
#include "runtime/config.hpp"
#include "runtime/read_pool.hpp"
#include "runtime/runtime.hpp"
#include "runtime/runtime_schema.hpp"
#include "runtime/schema_versions.hpp"
#include "runtime/thread_pool_executor.hpp"

namespace mnema {
namespace {

struct DlqFlags {
  std::string config;
  std::string data;
  std::vector<std::string> ids;
  std::string from_step;
  std::string edit;  // file
  int count = 100;
  bool json = false;
};

struct DataFile {
  std::string path;
  Limits limits;
};

/// Runs `act` on the data file of the flags' folder. It must be there: a command that reads makes none.
int with_data_file(const DlqFlags& flags, const std::function<int(const DataFile&)>& act) {
  Config config;
  if (!flags.config.empty()) {
    Result<Config> loaded = load_config(flags.config);
    if (!loaded.ok()) return report(loaded.error(), kExitConfig);
    config = std::move(*loaded);
  }
  const std::string folder = flags.data.empty() ? config.server.data : flags.data;
  const DataFile file{folder + "/mnema.db", config.limits};
  std::error_code error;
  if (std::filesystem::exists(file.path, error)) return act(file);
  return report(fail(ErrorCode::kNotFound, "there is no '" + file.path + "'",
                     "name the data folder with --data DIR, or the configuration that does with --config FILE"),
                kExitUsage);
}

ExitCode exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
      return kExitUsage;
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kStorage:
    case ErrorCode::kCorrupt:
      return kExitDatabase;
    default:
      return kExitFailed;
  }
}

template <class T>
Result<T> read_beside_server(const DataFile& file, const std::function<Result<T>(Transaction&)>& query) {
  ReadPool readers(file.path, "", 1);
  Result<T> answer = Error{};
  const Status status = readers.read([&](Transaction& transaction) -> Status {
    RETURN_IF_ERROR(check_readable(transaction.connection(), runtime_migrations(), file.path));
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

int list(const DlqFlags& flags, const DataFile& file) {
  const auto letters = read_beside_server<std::vector<DeadLetterSummary>>(
      file, [&flags](Transaction& transaction) { return list_dead_letters(transaction, flags.count); });
  if (!letters.ok()) return report(letters.error(), exit_code_of(letters.error()));
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

int show(const DlqFlags& flags, const DataFile& file) {
  const Result<std::vector<DeadLetterId>> ids = parse_ids(flags.ids);
  if (!ids.ok()) return report(ids.error(), kExitUsage);
  for (const DeadLetterId& id : *ids) {
    const Result<DeadLetter> letter = read_beside_server<DeadLetter>(
        file, [&id](Transaction& transaction) { return load_dead_letter(transaction, id); });
    if (!letter.ok()) return report(letter.error(), exit_code_of(letter.error()));
    fmt::print("{}{}", flags.json ? boost::json::serialize(dead_letter_json(*letter)) : story_of(*letter),
               flags.json ? "\n" : "");
  }
  return kExitOk;
}

/// The data file for this process alone. Nothing is delivered and no turn starts.
class OwnedFile {
 public:
  ~OwnedFile() {
    if (runtime_) runtime_->close();
    loop_.stop();
    store_.stop();
  }

  Status open(const DataFile& file) {
    limits_ = file.limits;
    Runtime::Options options;
    options.database.path = file.path;
    ASSIGN_OR_RETURN(runtime_, Runtime::open(std::move(options), {loop_, store_}, clock_, random_, limits_));
    return {};
  }

  using Act = std::function<void(DeadLetters&, Executor&, std::function<void(Status)>)>;
  Status run(const Act& act) {
    std::promise<Status> done;
    act(runtime_->dead_letters(), loop_, [&done](Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
  }

 private:
  SystemClock clock_;
  SystemRandom random_;
  Limits limits_;
  ThreadPoolExecutor loop_{"loop", 1};
  ThreadPoolExecutor store_{"store", 1};
  std::unique_ptr<Runtime> runtime_;
};

/// Does `act` to each letter that was named; stops at the first that cannot be.
int change(const DlqFlags& flags, const DataFile& file, const char* done,
           const std::function<void(DeadLetters&, DeadLetterId, Executor&, std::function<void(Status)>)>& act) {
  const Result<std::vector<DeadLetterId>> ids = parse_ids(flags.ids);
  if (!ids.ok()) return report(ids.error(), kExitUsage);
  OwnedFile owned;
  if (const Status status = owned.open(file); !status.ok()) return report(status.error(), kExitDatabase);
  boost::json::array changed;
  for (const DeadLetterId& id : *ids) {
    const Status status = owned.run([&](DeadLetters& letters, Executor& reply_to, std::function<void(Status)> on_done) {
      act(letters, id, reply_to, std::move(on_done));
    });
    if (!status.ok()) return report(status.error(), exit_code_of(status.error()));
    if (!flags.json) fmt::print("{}: {}\n", id.text(), done);
    changed.push_back(boost::json::value(id.text()));
  }
  if (flags.json) fmt::print("{}\n", boost::json::serialize(changed));
  return kExitOk;
}

int redrive(const DlqFlags& flags, const DataFile& file) {
  Redrive how;
  how.from_step = flags.from_step;
  if (!flags.edit.empty()) {
    if (flags.ids.size() != 1) {
      return report(fail(ErrorCode::kInvalidArgument, "--edit replaces the payload of one letter", "name one"),
                    kExitUsage);
    }
    std::ifstream in(flags.edit, std::ios::binary);
    if (!in) return report(fail(ErrorCode::kNotFound, "cannot read '" + flags.edit + "'"), kExitUsage);
    how.data = std::string(std::istreambuf_iterator<char>(in), {});
  }
  return change(flags, file, "ready again; 'mnema serve' takes it up",
                [&how](DeadLetters& letters, DeadLetterId id, Executor& reply_to, std::function<void(Status)> on_done) {
                  letters.redrive(id, how, reply_to, std::move(on_done));
                });
}

int drop(const DlqFlags& flags, const DataFile& file) {
  return change(flags, file, "dropped",
                [](DeadLetters& letters, DeadLetterId id, Executor& reply_to, std::function<void(Status)> on_done) {
                  letters.drop(id, reply_to, std::move(on_done));
                });
}

}  // namespace

void add_dlq_command(CLI::App& app, int& exit_code) {
  CLI::App* dlq = app.add_subcommand("dlq", "Dead letters: events and messages that failed for good");
  dlq->require_subcommand(1);
  const auto flags = std::make_shared<DlqFlags>();
  const auto add = [&](const char* name, const char* about, int (*run)(const DlqFlags&, const DataFile&)) {
    CLI::App* command = dlq->add_subcommand(name, about);
    command->add_option("--data", flags->data, "Data folder (default: the configuration's, else mnema-data)");
    command->add_option("--config", flags->config, "Configuration that names the data folder");
    command->add_flag("--json", flags->json, "As JSON");
    command->callback([flags, run, &exit_code] {
      exit_code = with_data_file(*flags, [&](const DataFile& file) { return run(*flags, file); });
    });
    return command;
  };
  const auto add_ids = [&](CLI::App* command) {
    command->add_option("ids", flags->ids, "event:NUMBER or message:NUMBER, as 'list' shows them")->required();
  };
  add("list", "One line each, oldest first", list)
      ->add_option("--count", flags->count, "At most so many of each kind")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  add_ids(add("show", "The whole story: payload, attempts, steps", show));
  CLI::App* redriven =
      add("redrive", "Try again from the first attempt; done steps are replayed, not repeated", redrive);
  add_ids(redriven);
  redriven->add_option("--from-step", flags->from_step, "Do this top-level step and all after it anew");
  redriven->add_option("--edit", flags->edit,
                       "Take the payload from this file: a new effect, for which nothing is replayed");
  add_ids(add("drop", "Remove it with its journal", drop));
}

}  // namespace mnema
