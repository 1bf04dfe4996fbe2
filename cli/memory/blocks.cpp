#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "agents/rest/block_json.hpp"
#include "agents/rest/dead_letter_json.hpp"
#include "cli/memory/memory_command.hpp"
#include "memory/blocks/block_store.hpp"

// `mnema memory blocks [set | append | replace | history | restore | remove]`.

namespace mnema {
namespace {

struct BlockFlags : MemoryFlags {
  std::optional<std::string> agent;
  std::string key;
  std::string name;
  std::string text;
  std::string old;
  std::optional<std::int64_t> version;
  std::int64_t to = 0;
  int count = 1'000;
};

void print(const Block& block) {
  const std::string owner = (block.scope.user.empty() ? "" : ", of " + block.scope.user) +
                            (block.scope.session.empty() ? "" : ", of key " + block.scope.session);
  fmt::print("{} · {} (version {}, {} by {}{})\n", one_line(block.scope.agent), block.name, block.version,
             utc_text(block.changed), one_line(block.changed_by), one_line(owner));
  for (std::size_t begin = 0; begin < block.text.size();) {
    const std::size_t end = std::min(block.text.find('\n', begin), block.text.size());
    fmt::print("  {}\n", one_line(block.text.substr(begin, end - begin)));
    begin = end + 1;
  }
}

int show(const BlockFlags& flags, const std::function<Result<std::vector<Block>>(Transaction&)>& query) {
  std::vector<Block> found;
  return read_memory_file(
      flags,
      [&](Transaction& transaction) -> Status {
        ASSIGN_OR_RETURN(found, query(transaction));
        return {};
      },
      [&] {
        boost::json::array rows;
        for (const Block& block : found) {
          if (flags.json) {
            rows.push_back(block_json(block));
          } else {
            print(block);
          }
        }
        if (flags.json) return fmt::print("{}\n", boost::json::serialize(rows));
        if (found.empty()) fmt::print("no blocks\n");
      });
}

Scope scope_of(const BlockFlags& flags) {
  return {flags.tenant, flags.agent.value_or(""), flags.user.value_or(""), flags.key};
}

int list(const BlockFlags& flags) {
  return show(flags, [&](Transaction& transaction) {
    return block_store::list(transaction, flags.tenant, flags.agent, flags.user, flags.count);
  });
}

int history(const BlockFlags& flags) {
  return show(flags,
              [&](Transaction& transaction) { return block_store::history(transaction, scope_of(flags), flags.name); });
}

/// The members of a request that say which block is meant.
boost::json::object target_of(const BlockFlags& flags) {
  const Scope scope = scope_of(flags);
  boost::json::object body{{"tenant", scope.tenant}, {"agent", scope.agent}, {"name", flags.name}};
  if (!scope.user.empty()) body["user"] = scope.user;
  if (!scope.session.empty()) body["key"] = scope.session;
  if (flags.version) body["version"] = *flags.version;
  return body;
}

int change(const BlockFlags& flags, const char* action, const boost::json::object& body, const char* done) {
  const std::string block = "block " + flags.name;
  return change_by_routes(flags,
                          {"/admin/v1/memory/blocks/" + std::string(action), boost::json::serialize(body), block},
                          block + " " + done);
}

int edit(const BlockFlags& flags, const char* kind) {
  boost::json::object body = target_of(flags);
  body["kind"] = kind;
  body["text"] = flags.text;
  body["old"] = flags.old;
  return change(flags, "edit", body, "is changed");
}

int set(const BlockFlags& flags) { return edit(flags, "set"); }
int append(const BlockFlags& flags) { return edit(flags, "append"); }
int replace(const BlockFlags& flags) { return edit(flags, "replace"); }

int restore(const BlockFlags& flags) {
  boost::json::object body = target_of(flags);
  body["to"] = flags.to;
  return change(flags, "restore", body, "says again what it said");
}

int remove(const BlockFlags& flags) { return change(flags, "remove", target_of(flags), "is removed"); }

}  // namespace

void add_memory_blocks(CLI::App& memory, int& exit_code) {
  const auto flags = std::make_shared<BlockFlags>();
  CLI::App* command =
      memory.add_subcommand("blocks", "Working memory: small texts that stand in every prompt of an agent");
  command->footer("A block belongs to an agent, or with --user to an agent and that user, or with --key to one key.");
  add_memory_flags(*command, *flags);
  command->add_option("--agent", flags->agent, "Only of this agent")->check(a_name());
  command->add_option("--count", flags->count, "At most so many")->capture_default_str()->check(CLI::Range(1, 100'000));
  command->callback([flags, command, &exit_code] {
    if (command->get_subcommands().empty()) exit_code = list(*flags);
  });
  const auto add = [&](const char* name, const char* about, int (*run)(const BlockFlags&)) {
    CLI::App* action = command->add_subcommand(name, about);
    add_memory_flags(*action, *flags);
    action->add_option("name", flags->name, "Its name")->required();
    action->add_option("--agent", flags->agent, "Of this agent")->required()->check(a_name());
    action->add_option("--key", flags->key, "Of this key, where events have no user")->check(a_name());
    action->callback([flags, run, &exit_code] { exit_code = run(*flags); });
    return action;
  };
  const auto add_change = [&](const char* name, const char* about, int (*run)(const BlockFlags&)) {
    CLI::App* action = add(name, about, run);
    action->add_option("--version", flags->version, "Only if this is its version still");
    return action;
  };
  const auto add_edit = [&](const char* name, const char* about, int (*run)(const BlockFlags&)) {
    CLI::App* action = add_change(name, about, run);
    action->add_option("--text", flags->text, "The text")->required();
    return action;
  };
  add_edit("set", "Make the block, or give it another text", set);
  add_edit("append", "Add a line", append);
  add_edit("replace", "Put the text in the place of a part of it", replace)
      ->add_option("--old", flags->old, "The part, exactly as it stands there")
      ->required();
  add("history", "What it said, newest first", history);
  add_change("restore", "Let it say again what it said", restore)
      ->add_option("--to", flags->to, "In this version, as its history has it")
      ->required();
  add_change("remove", "Remove it with its history", remove);
}

}  // namespace mnema
