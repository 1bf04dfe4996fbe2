#include "memory/erase/holding.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "memory/erase_holdings.hpp"
#include "tests/memory/fixture.hpp"

namespace mnema {
namespace {

using namespace testing;

bool stands_for(const std::string& table, const std::string& name) {
  if (table.ends_with('*')) return name.starts_with(table.substr(0, table.size() - 1));
  return table == name;
}

TEST(Holding, HasAPlaceForEveryTableOfMemoryAndOneOnly) {
  Opened memory;
  memory.remember("So that the tenant has its table of words.");
  memory.simulation.run_until_idle(std::chrono::seconds(1));
  const auto tables =
      memory.read<std::vector<std::string>>([](Transaction& transaction) -> Result<std::vector<std::string>> {
        std::vector<std::string> names;
        ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'"
                                                               " AND name NOT LIKE 'sqlite_%'"));
        for (;;) {
          ASSIGN_OR_RETURN(const bool row, select.step());
          if (!row) return names;
          if (select.text(0) != "schema_versions") names.push_back(select.text(0));
        }
      });
  ASSERT_TRUE(tables.ok());
  ASSERT_GT(tables->size(), 15U);
  for (const std::string& name : *tables) {
    const auto places = std::count_if(holdings().begin(), holdings().end(), [&](const Holding& holding) {
      return std::any_of(holding.tables.begin(), holding.tables.end(),
                         [&](const std::string& table) { return stands_for(table, name); });
    });
    EXPECT_EQ(places, 1) << "table " << name
                         << " has no place, or two: memory/erase_holdings.cpp says what of it belongs to a scope, so "
                            "that it is erased and exported";
  }
}

TEST(Holding, CountsAndErasesWhatItWritesToExports) {
  for (const Holding& holding : holdings()) {
    if (!holding.erase) continue;
    EXPECT_TRUE(holding.count) << holding.name;
    EXPECT_FALSE(holding.tables.empty()) << holding.name;
  }
}

}  // namespace
}  // namespace mnema
