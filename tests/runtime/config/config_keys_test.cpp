#include "runtime/config/config_keys.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "runtime/config/config_meanings.hpp"
#include "runtime/config/limits_fields.hpp"

namespace mnema {
namespace {

const ConfigKey* find(const std::vector<ConfigKey>& keys, const std::string& section, const std::string& name) {
  const auto found = std::find_if(keys.begin(), keys.end(),
                                  [&](const ConfigKey& key) { return key.section == section && key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

TEST(ConfigKeys, AreThoseThatTheReaderAsksForWithItsDefaultsAndRanges) {
  const std::vector<ConfigKey> keys = config_keys();
  const ConfigKey* listen = find(keys, "server", "listen");
  ASSERT_NE(listen, nullptr);
  EXPECT_EQ(listen->standard, "\"127.0.0.1:7070\"");
  const ConfigKey* sequences = find(keys, "inference", "max_sequences");
  ASSERT_NE(sequences, nullptr);
  EXPECT_EQ(sequences->range, "1 to 1024");
  EXPECT_EQ(sequences->standard, "16");
  int limits = 0;
  for_each_limit([&](auto field) {
    ++limits;
    EXPECT_NE(find(keys, "limits", std::string(field.name)), nullptr) << field.name;
  });
  EXPECT_EQ(std::count_if(keys.begin(), keys.end(), [](const ConfigKey& key) { return key.section == "limits"; }),
            limits);
}

TEST(ConfigKeys, OfNamedSectionsAreFoundInsideOthersAndForEachKind) {
  const std::vector<ConfigKey> keys = config_keys();
  EXPECT_NE(find(keys, "server.keys.NAME", "key"), nullptr);
  EXPECT_NE(find(keys, "connectors.NAME", "url"), nullptr);
  EXPECT_NE(find(keys, "sources.NAME", "secrets"), nullptr);
  EXPECT_EQ(find(keys, "connectors.http", "url"), nullptr);
  EXPECT_NE(find(keys, "sources.NAME.registry", "ca"), nullptr);
  EXPECT_EQ(find(keys, "sources.kafka.registry", "ca"), nullptr);
}

TEST(ConfigKeys, ThatAreReadOnlyIfTheyAreThereHaveATypeAndNoDefault) {
  const std::vector<ConfigKey> keys = config_keys();
  const ConfigKey* budget = find(keys, "agents.NAME", "budget_tokens");
  ASSERT_NE(budget, nullptr);
  EXPECT_EQ(budget->type, ConfigKey::Type::kInteger);
  EXPECT_EQ(budget->range, "1 or more");
  EXPECT_EQ(budget->standard, "");
}

TEST(ConfigMeanings, AreThereForEveryKeyAndSectionAndForNothingElse) {
  std::set<std::pair<std::string, std::string>> places;
  for (const ConfigKey& key : config_keys()) {
    places.insert({key.section, key.name});
    places.insert({key.section, ""});
    EXPECT_NE(meaning_of(key.section, key.name), "") << "[" << key.section << "] " << key.name;
    EXPECT_NE(meaning_of(key.section, ""), "") << "[" << key.section << "]";
  }
  for (const ConfigMeaning& meaning : config_meanings()) {
    EXPECT_EQ(places.erase({std::string(meaning.section), std::string(meaning.key)}), 1U)
        << "[" << meaning.section << "] " << meaning.key << " is not read, or explained twice";
  }
}

}  // namespace
}  // namespace mnema
