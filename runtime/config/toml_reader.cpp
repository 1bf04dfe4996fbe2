#include "runtime/config/toml_reader.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "runtime/config/config.hpp"
#include "runtime/events/key_template.hpp"

namespace mnema {
namespace {

/// Levenshtein distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, change});
    }
  }
  return row[b.size()];
}

bool looks_like_a_secret(std::string_view key) {
  for (const std::string_view word : {"secret", "token", "password", "passwd", "api_key", "apikey", "bearer",
                                      "authorization", "credential", "private_key"}) {
    std::string lower(key);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
      return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c == '-' ? '_' : c);
    });
    // "budget_tokens" and its like count tokens.
    if (lower.find(word) != std::string::npos && !lower.ends_with("tokens")) return true;
  }
  return false;
}

using Type = TomlKeyObserver::Type;

std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }

/// "" where no size can be written for it: 0 is "none".
std::string size_text(std::int64_t bytes) {
  if (bytes <= 0) return "";
  static constexpr std::pair<const char*, std::int64_t> kUnits[] = {{" GiB", 1 << 30}, {" MiB", 1 << 20}};
  for (const auto& [unit, size] : kUnits) {
    if (bytes % size == 0) return in_quotes(std::to_string(bytes / size) + unit);
  }
  return std::to_string(bytes);
}

std::string range_of(std::int64_t min, std::int64_t max) {
  const bool open = max == std::numeric_limits<std::int64_t>::max() || max == std::numeric_limits<int>::max();
  return std::to_string(min) + (open ? " or more" : " to " + std::to_string(max));
}

constexpr const char* kLiteralSecret =
    "holds a secret as plain text; say where it is instead: {env = \"NAME\"}, {file = \"PATH\"} or {command = "
    "\"LINE\"}";

}  // namespace

TomlReader::TomlReader(const toml::table& table, std::string path, const std::string& file,
                       std::vector<std::string>& problems, TomlKeyObserver* observer)
    : table_(table), path_(std::move(path)), file_(file), problems_(problems), observer_(observer) {}

TomlReader::~TomlReader() {
  for (const auto& [key, node] : table_) {
    const std::string name(key.str());
    if (std::find(asked_.begin(), asked_.end(), name) != asked_.end()) continue;
    if (node.is_string() && looks_like_a_secret(name)) {
      problem(node, "'" + name_of(name) + "' " + kLiteralSecret);
      continue;
    }
    if (ignores_unknown_) continue;
    std::string nearest;
    std::size_t best = std::max<std::size_t>(2, name.size() / 3) + 1;
    for (const std::string& known : asked_) {
      if (const std::size_t away = distance(name, known); away < best) best = away, nearest = known;
    }
    problem(node, "unknown key '" + name_of(name) + "'" + (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
  }
}

std::string TomlReader::name_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void TomlReader::observe(std::string_view key, Type type, const std::string& range, const std::string& value) {
  if (observer_) observer_->on_key(path_, key, type, range, value);
}

std::string TomlReader::place_of(const toml::node& node) const {
  const toml::source_position begin = node.source().begin;
  return file_ + ":" + std::to_string(begin.line) + ":" + std::to_string(begin.column);
}

std::string TomlReader::place(std::string_view key) const {
  const toml::node* node = table_.get(key);
  return place_of(node != nullptr ? *node : table_);
}

void TomlReader::problem(const toml::node& at, const std::string& message) {
  problems_.push_back(place_of(at) + ": " + message);
}

void TomlReader::problem(std::string_view key, const std::string& message) {
  const toml::node* node = table_.get(key);
  problem(node ? *node : table_, "'" + name_of(key) + "' " + message);
}

void TomlReader::problem(const std::vector<std::string>& keys, const std::string& message) {
  const toml::node* at = &table_;
  std::string name;
  for (const std::string& key : keys) {
    name += (name.empty() ? "" : ".") + key;
    const toml::table* table = at->as_table();
    if (const toml::node* below = table ? table->get(key) : nullptr) at = below;
  }
  problem(*at, "'" + name_of(name) + "' " + message);
}

const toml::node* TomlReader::ask(std::string_view key) {
  if (observer_) observer_->on_presence(path_, key);
  asked_.emplace_back(key);
  return table_.get(key);
}

void TomlReader::read_key_template(std::string_view key, std::string& value) {
  read(key, value);
  if (const Status status = check_key_template(value); !status.ok()) {
    problem(key, "cannot be read: " + status.error().message + " (" + status.error().hint + ")");
  }
}

bool TomlReader::has(std::string_view key) { return ask(key) != nullptr; }

void TomlReader::read(std::string_view key, std::string& value) {
  observe(key, Type::kText, "", in_quotes(value));
  const toml::node* node = ask(key);
  if (!node) return;
  if (const auto text = node->value_exact<std::string>())
    value = *text;
  else
    problem(key, "must be a text");
}

void TomlReader::read(std::string_view key, bool& value) {
  observe(key, Type::kBoolean, "", value ? "true" : "false");
  const toml::node* node = ask(key);
  if (!node) return;
  if (const auto given = node->value_exact<bool>())
    value = *given;
  else
    problem(key, "must be true or false");
}

void TomlReader::read(std::string_view key, double& value) {
  observe(key, Type::kNumber, "", value == 0 ? "0" : std::to_string(value));
  const toml::node* node = ask(key);
  if (!node) return;
  const auto given = node->is_number() ? node->value<double>() : std::nullopt;
  if (given && *given >= 0 && *given <= 1e12)
    value = *given;
  else
    problem(key, "must be a number that is not negative");
}

void TomlReader::read(std::string_view key, std::vector<std::string>& value) {
  std::string standard;
  for (const std::string& text : value) standard += (standard.empty() ? "\"" : ", \"") + text + "\"";
  observe(key, Type::kTexts, "", "[" + standard + "]");
  const toml::node* node = ask(key);
  if (!node) return;
  std::vector<std::string> read;
  if (const toml::array* array = node->as_array()) {
    for (const toml::node& item : *array) {
      if (const auto text = item.value_exact<std::string>()) read.push_back(*text);
    }
    if (read.size() == array->size()) return void(value = std::move(read));
  }
  problem(key, "must be a list of texts");
}

void TomlReader::read(std::string_view key, std::map<std::string, std::string>& value) {
  observe(key, Type::kTextTable, "", "{}");
  const toml::node* node = ask(key);
  if (!node) return;
  const toml::table* table = node->as_table();
  if (!table) return problem(key, "must be a table of texts");
  for (const auto& [name, item] : *table) {
    const auto text = item.value_exact<std::string>();
    if (!text)
      problem(item, "'" + name_of(key) + "." + std::string(name.str()) + "' must be a text");
    else if (looks_like_a_secret(name.str()))
      problem(item, "'" + name_of(key) + "." + std::string(name.str()) + "' " + kLiteralSecret);
    else
      value[std::string(name.str())] = *text;
  }
}

void TomlReader::read_integer(std::string_view key, std::int64_t& value, std::int64_t min, std::int64_t max) {
  const bool has_default = value >= min && value <= max;
  observe(key, Type::kInteger, range_of(min, max), has_default ? std::to_string(value) : "");
  const toml::node* node = ask(key);
  if (!node) return;
  const auto given = node->value_exact<std::int64_t>();
  if (!given) return problem(key, "must be a whole number");
  if (*given < min || *given > max) {
    return problem(key, "is " + std::to_string(*given) + ", and must be between " + std::to_string(min) + " and " +
                            std::to_string(max));
  }
  value = *given;
}

void TomlReader::read_integer(std::string_view key, int& value, int min, int max) {
  std::int64_t wide = value;
  read_integer(key, wide, std::int64_t{min}, std::int64_t{max});
  value = static_cast<int>(wide);
}

void TomlReader::read_bytes(std::string_view key, std::int64_t& value) {
  observe(key, Type::kBytes, "", size_text(value));
  const toml::node* node = ask(key);
  if (!node) return;
  if (const auto number = node->value_exact<std::int64_t>(); number && *number > 0) return void(value = *number);
  if (const auto text = node->value_exact<std::string>()) {
    if (const auto bytes = parse_bytes(*text); bytes.ok()) return void(value = *bytes);
  }
  problem(key, "must be a number of bytes or a text like \"2 GiB\"");
}

void TomlReader::read_choice(std::string_view key, std::string& value, std::vector<std::string_view> allowed) {
  std::string list;
  for (const std::string_view choice : allowed) list += (list.empty() ? "" : ", ") + std::string(choice);
  std::string given = value;
  read(key, given);
  observe(key, Type::kChoice, list, value.empty() ? "" : in_quotes(value));
  if (std::find(allowed.begin(), allowed.end(), given) != allowed.end()) return void(value = std::move(given));
  problem(key, "is '" + given + "', and must be one of " + list);
}

std::optional<std::string> TomlReader::secret_of(std::string_view key, const toml::node& node) {
  if (const toml::table* table = node.as_table(); table && table->size() == 1) {
    for (const auto& [kind, where] : *table) {
      const auto text = where.value_exact<std::string>();
      if (!text || text->empty()) continue;
      if (kind.str() == "env" || kind.str() == "file" || kind.str() == "command") {
        return std::string(kind.str()) + ":" + *text;
      }
    }
  }
  if (node.is_string())
    problem(node, "'" + name_of(key) + "' " + kLiteralSecret);
  else
    problem(node, "'" + name_of(key) + "' must be {env = \"NAME\"}, {file = \"PATH\"} or {command = \"LINE\"}");
  return {};
}

void TomlReader::read_secret(std::string_view key, std::optional<std::string>& value) {
  observe(key, Type::kSecret, "", "");
  if (const toml::node* node = ask(key)) value = secret_of(key, *node);
}

void TomlReader::read_secrets(std::string_view key, std::vector<std::string>& value) {
  observe(key, Type::kSecrets, "", "");
  const toml::node* node = ask(key);
  if (!node) return;
  const auto add = [&](const toml::node& item) {
    if (auto secret = secret_of(key, item)) value.push_back(std::move(*secret));
  };
  if (const toml::array* array = node->as_array()) {
    for (const toml::node& item : *array) add(item);
  } else {
    add(*node);
  }
}

const toml::table* TomlReader::table(std::string_view key) {
  if (observer_) observer_->on_table(path_, key, false);
  const toml::node* node = ask(key);
  if (node && !node->is_table()) problem(key, "must be a table");
  return node ? node->as_table() : nullptr;
}

std::map<std::string, const toml::table*> TomlReader::tables(std::string_view key) {
  std::map<std::string, const toml::table*> found;
  if (observer_) observer_->on_table(path_, key, true);
  const toml::table* all = table(key);
  if (!all) return found;
  for (const auto& [name, node] : *all) {
    if (node.is_table())
      found[std::string(name.str())] = node.as_table();
    else
      problem(node, "'" + name_of(key) + "." + std::string(name.str()) + "' must be a table");
  }
  return found;
}

}  // namespace mnema
