// runtime/config/toml_reader.hpp
//
// One table of a TOML file, read key by key. It collects every problem with file, line and column, knows which keys
// were asked for, and reports the others with the nearest known one. What is not in the file keeps its default.
//
// Threads:   confined to one.
// Ownership: borrows the table, the list of problems and the observer.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mnema {

/// Is told of each key as it is read: how the reference of the configuration knows what the program reads
/// (runtime/config/config_keys.hpp). `table` is the reader's path.
class TomlKeyObserver {
 public:
  enum class Type { kText, kBoolean, kNumber, kInteger, kBytes, kChoice, kTexts, kTextTable, kSecret, kSecrets };
  virtual ~TomlKeyObserver() = default;
  /// `range`: "1 to 1024", or the choices, apart by ", "; may be empty. `value`: as TOML, what it is without the key.
  virtual void on_key(const std::string& table, std::string_view key, Type type, const std::string& range,
                      const std::string& value) = 0;
  /// It is looked for: before that, if it is read too, `on_key` or `on_table` has come.
  virtual void on_presence(const std::string& table, std::string_view key) = 0;
  /// `named`: a table of tables, [agents.NAME].
  virtual void on_table(const std::string& table, std::string_view key, bool named) = 0;
};

class TomlReader {
 public:
  /// `path` names the table in errors: "agents.triage"; empty = the root. `observer` may be null.
  TomlReader(const toml::table& table, std::string path, const std::string& file, std::vector<std::string>& problems,
             TomlKeyObserver* observer = nullptr);
  /// Reports keys nobody asked for.
  ~TomlReader();
  TomlReader(const TomlReader&) = delete;
  TomlReader& operator=(const TomlReader&) = delete;

  void read(std::string_view key, std::string& value);
  void read(std::string_view key, bool& value);
  void read(std::string_view key, double& value);
  void read(std::string_view key, std::vector<std::string>& value);
  void read(std::string_view key, std::map<std::string, std::string>& value);
  void read_integer(std::string_view key, std::int64_t& value, std::int64_t min, std::int64_t max);
  void read_integer(std::string_view key, int& value, int min, int max);
  /// A number of bytes, or "2 GiB".
  void read_bytes(std::string_view key, std::int64_t& value);
  /// One of `allowed`.
  void read_choice(std::string_view key, std::string& value, std::vector<std::string_view> allowed);
  /// {env = "NAME"}, {file = "PATH"} or {command = "LINE"}, as "env:NAME", ... A plain text is refused as a literal
  /// secret.
  void read_secret(std::string_view key, std::optional<std::string>& value);
  void read_secrets(std::string_view key, std::vector<std::string>& value);
  /// A key template (runtime/events/key_template.hpp).
  void read_key_template(std::string_view key, std::string& value);
  [[nodiscard]] bool has(std::string_view key);
  /// The table under `key`; null: there is none.
  [[nodiscard]] const toml::table* table(std::string_view key);
  /// Reads the table `below`, which is under `key`.
  [[nodiscard]] TomlReader inside(std::string_view key, const toml::table& below) {
    return {below, name_of(key), file_, problems_, observer_};
  }
  /// The tables under `key`, by name: [agents.NAME].
  [[nodiscard]] std::map<std::string, const toml::table*> tables(std::string_view key);

  /// Where a mistake hides which keys there may be. A literal secret is still reported.
  void ignore_unknown_keys() { ignores_unknown_ = true; }

  /// "mnema.toml:7:7": where `key` is, or the table where there is no such key.
  [[nodiscard]] std::string place(std::string_view key) const;

  void problem(const toml::node& at, const std::string& message);
  /// At `key`, or at the table where there is no such key.
  void problem(std::string_view key, const std::string& message);
  /// At the end of a path of keys below this table: {"sources", "github", "path"}.
  void problem(const std::vector<std::string>& keys, const std::string& message);
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  const toml::node* ask(std::string_view key);
  void observe(std::string_view key, TomlKeyObserver::Type type, const std::string& range, const std::string& value);
  [[nodiscard]] std::string name_of(std::string_view key) const;
  [[nodiscard]] std::string place_of(const toml::node& node) const;
  std::optional<std::string> secret_of(std::string_view key, const toml::node& node);

  const toml::table& table_;
  const std::string path_;
  const std::string& file_;
  std::vector<std::string>& problems_;
  TomlKeyObserver* const observer_;
  std::vector<std::string> asked_;
  bool ignores_unknown_ = false;
};

}  // namespace mnema
