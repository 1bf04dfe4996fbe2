#include "cli/config/reference.hpp"

#include <string_view>

#include "runtime/config/config_keys.hpp"
#include "runtime/config/config_meanings.hpp"

namespace mnema {
namespace {

using Type = ConfigKey::Type;

constexpr std::string_view kIntroduction =
    R"(# Configuration

One TOML file, read at the start: `mnema serve --config FILE`, or `load_config` in a program of your own. Everything
has a default; an unknown key, a wrong type or a value out of range is an error with file, line and column, and the
nearest known key. Nothing is ignored.

    mnema config check FILE      every problem of a file, without serving
    mnema config example         a file with every key, to begin from
    mnema config reference       this page, of the program at hand

Units are the end of a key's name (`_ms` milliseconds, `_bytes`, `_tokens`, `_hours`). A **size** is a number of
bytes or a text like `"2 GiB"`. A **secret** is never in the file, only where it is: `{env = "NAME"}`, `{file =
"PATH"}` or `{command = "LINE"}`. Paths are as seen from the working directory. `NAME` is any name of yours.
)";

std::string type_of(const ConfigKey& key) {
  switch (key.type) {
    case Type::kText:
      return "text";
    case Type::kBoolean:
      return "true or false";
    case Type::kNumber:
      return "number";
    case Type::kInteger:
      return "whole number, " + key.range;
    case Type::kBytes:
      return "size";
    case Type::kChoice:
      return "one of " + key.range;
    case Type::kTexts:
      return "list of texts";
    case Type::kTextTable:
      return "table of texts";
    case Type::kSecret:
      return "secret";
    case Type::kSecrets:
      return "list of secrets";
  }
  return "";
}

std::string meaning_with_kinds(const ConfigKey& key) {
  std::string kinds;
  for (const std::string& kind : key.kinds) kinds += (kinds.empty() ? "" : ", ") + kind;
  const std::string meaning(meaning_of(key.section, key.name));
  return kinds.empty() || meaning.starts_with(kinds + ":") ? meaning : kinds + ": " + meaning;
}

bool is_named(const std::string& section) { return (section + ".").find(".NAME.") != std::string::npos; }

/// Something that may stand where a key has no default.
std::string placeholder(const ConfigKey& key) {
  switch (key.type) {
    case Type::kChoice:
      return '"' + key.range.substr(0, key.range.find(',')) + '"';
    case Type::kBytes:
      return "\"1 GiB\"";
    case Type::kSecret:
      return "{env = \"NAME\"}";
    case Type::kSecrets:
      return "[{env = \"NAME\"}]";
    default:
      return "1";
  }
}

}  // namespace

std::string config_reference() {
  std::string text(kIntroduction);
  std::string section;
  for (const ConfigKey& key : config_keys()) {
    if (key.section != section) {
      section = key.section;
      text += "\n## `[" + section + "]`\n\n" + std::string(meaning_of(section, "")) +
              "\n\n| key | type | default | meaning |\n|---|---|---|---|\n";
    }
    text += "| `" + key.name + "` | " + type_of(key) + " | " + (key.standard.empty() ? "" : "`" + key.standard + "`") +
            " | " + meaning_with_kinds(key) + " |\n";
  }
  return text;
}

std::string config_example() {
  std::string text = "# Every key of the configuration with its default. `mnema config reference` says more.\n";
  std::string section;
  for (const ConfigKey& key : config_keys()) {
    const std::string comment = is_named(key.section) ? "# " : "";
    if (key.section != section) {
      section = key.section;
      text += "\n# " + std::string(meaning_of(section, "")) + "\n" + comment + "[" + section + "]\n";
    }
    const bool has_default = !key.standard.empty() && !is_named(section);
    const std::string value = key.standard.empty() ? placeholder(key) : key.standard;
    text += (has_default ? "" : "# ") + key.name + " = " + value + "  # " + meaning_with_kinds(key) + "\n";
  }
  return text;
}

}  // namespace mnema
