#include "runtime/config/config_keys.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr const char* kName = "NAME";  // stands for the name that a user gives

std::string joined(const std::string& section, std::string_view key) {
  return section.empty() ? std::string(key) : section + "." + std::string(key);
}

std::vector<std::string> parts_of(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + separator.size();
  }
  return parts;
}

/// Knows what was asked for, and makes the next configuration to be read.
class Discovery final : public TomlKeyObserver {
 public:
  void on_key(const std::string& table, std::string_view key, Type type, const std::string& range,
              const std::string& value) override {
    Found& found = find(table, key);
    found.key.type = type;
    // Of two kinds that share a key one may take more than the other; the meaning says which.
    if (type != Type::kChoice || range.size() >= found.key.range.size()) found.key.range = range;
    // What is read only if it is there has no default: what the reader holds then is a place to read it into.
    found.key.standard = found.optional ? "" : value;
    if (key == "kind" && type == Type::kChoice) kinds_[found.key.section] = parts_of(range, ", ");
    typed_.insert({found.key.section, found.key.name});
  }
  void on_presence(const std::string& table, std::string_view key) override {
    const std::string place = joined(section_of(table), key);
    if (sections_.count(place) != 0 || keys_.count({section_of(table), std::string(key)}) != 0) return;
    find(table, key).optional = true;
  }
  void on_table(const std::string& table, std::string_view key, bool named) override {
    sections_.insert(joined(section_of(table), key) + (named ? std::string(".") + kName : ""));
  }

  /// All sections, kinds and optional keys that are known by now.
  [[nodiscard]] toml::table next() const {
    toml::table root;
    for (const std::string& section : sections_) {
      const auto kinds = std::find_if(kinds_.begin(), kinds_.end(), [&](const auto& of) {
        return section == of.first || section.starts_with(of.first + ".");
      });
      if (kinds == kinds_.end()) {
        fill(at(root, section), section, "");
        continue;
      }
      // [sources.NAME], and what is inside of it, for each kind.
      const std::string above = kinds->first.substr(0, kinds->first.size() - std::string_view(kName).size());
      const std::string below = section.substr(kinds->first.size());
      for (const std::string& kind : kinds->second) {
        fill(at(root, above + kind + below), section, below.empty() ? kind : "");
      }
    }
    return root;
  }
  [[nodiscard]] std::size_t size() const { return keys_.size() + sections_.size() + kinds_.size() + typed_.size(); }

  [[nodiscard]] std::vector<ConfigKey> take() {
    std::vector<Found> found;
    for (auto& [place, key] : keys_) found.push_back(std::move(key));
    std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.order < b.order; });
    // [server.keys.NAME] beside [server], though it was found later.
    std::map<std::string, int> order;
    for (const Found& key : found) order.emplace(parts_of(key.key.section, ".").front(), key.order);
    std::stable_sort(found.begin(), found.end(), [&order](const Found& a, const Found& b) {
      return order[parts_of(a.key.section, ".").front()] < order[parts_of(b.key.section, ".").front()];
    });
    std::vector<ConfigKey> keys;
    for (Found& key : found) {
      const auto kinds = kinds_.find(key.key.section);
      const bool of_all = kinds == kinds_.end() || key.kinds.size() == kinds->second.size();
      if (!of_all) key.key.kinds.assign(key.kinds.begin(), key.kinds.end());
      keys.push_back(std::move(key.key));
    }
    return keys;
  }

 private:
  struct Found {
    ConfigKey key;
    int order = 0;
    bool optional = false;
    std::set<std::string> kinds;
  };

  /// "connectors.http", as it was made here, is "connectors.NAME".
  [[nodiscard]] std::string section_of(const std::string& table) const {
    std::string section;
    for (const std::string& part : parts_of(table, ".")) {
      const bool is_name = !section.empty() && sections_.count(joined(section, kName)) != 0;
      section = joined(section, is_name ? kName : std::string_view(part));
    }
    return section;
  }
  Found& find(const std::string& table, std::string_view name) {
    const std::string section = section_of(table);
    const auto [found, is_new] = keys_.try_emplace({section, std::string(name)});
    if (is_new) {
      found->second.key.section = section;
      found->second.key.name = name;
      found->second.order = static_cast<int>(keys_.size());
    }
    if (const auto kinds = kinds_.find(section); kinds != kinds_.end()) {
      const std::string kind = table.substr(table.rfind('.') + 1);
      if (std::find(kinds->second.begin(), kinds->second.end(), kind) != kinds->second.end()) {
        found->second.kinds.insert(kind);
      }
    }
    return found->second;
  }
  static toml::table& at(toml::table& root, const std::string& path) {
    toml::table* table = &root;
    for (const std::string& part : parts_of(path, ".")) {
      table = table->insert(part, toml::table()).first->second.as_table();
      CHECK(table != nullptr, "a section is a table");
    }
    return *table;
  }
  void fill(toml::table& table, const std::string& section, const std::string& kind) const {
    if (!kind.empty()) table.insert("kind", kind);
    for (const auto& [place, found] : keys_) {
      if (place.first == section && found.optional) table.insert(place.second, 1);
    }
  }

  std::map<std::pair<std::string, std::string>, Found> keys_;
  std::set<std::string> sections_;
  std::map<std::string, std::vector<std::string>> kinds_;  // by section
  std::set<std::pair<std::string, std::string>> typed_;
};

}  // namespace

std::vector<ConfigKey> config_keys() {
  Discovery discovery;
  std::size_t known = 0;
  do {
    known = discovery.size();
    observe_config(discovery.next(), discovery);
  } while (discovery.size() != known);
  return discovery.take();
}

}  // namespace mnema
