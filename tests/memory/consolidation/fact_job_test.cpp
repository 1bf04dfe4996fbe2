#include "memory/consolidation/fact_job.hpp"

#include <gtest/gtest.h>

#include "memory/semantic/rules.hpp"
#include "tests/memory/fixture.hpp"

namespace mnema {
namespace {

using testing::Fixture;
using testing::Opened;

const std::vector<std::string> kTalk = {
    "I live in Hamburg and I love sushi.", "My sister Anna lives in Oslo.",
    "The Basic plan costs 12 EUR.",        "I moved to Lisbon.",
    "My sister moved to Trondheim.",       "I don't like sushi any more.",
    "The Basic plan costs 15 EUR.",        "I moved to Porto. Sorry, I meant Faro, not Porto.",
};

void tell(Fixture& fixture) {
  int day = 0;
  for (const std::string& text : kTalk) {
    Episode episode;
    episode.scope = {"local", "bot", "anna", ""};
    episode.thread = "talk";
    episode.role = "user";
    episode.text = text;
    episode.time = Time(std::chrono::sys_days(std::chrono::year(2025) / 1 / 1)) + std::chrono::hours(24 * ++day);
    episode.trust = Trust::kUser;
    CHECK(fixture.remember(episode).ok(), "told");
  }
}

/// Every row of claims, facts and conflicts.
std::string rows_of(Fixture& fixture) {
  return fixture
      .read<std::string>([](Transaction& transaction) -> Result<std::string> {
        std::string text;
        for (const char* sql :
             {"SELECT entry_id || '/' || ordinal || ' ' || subject_key || ' ' || predicate || ' ' || kind || ' ' || "
              "object ||"
              " ' ' || valid_from_us || ' ' || corrected FROM memory_claims ORDER BY entry_id, ordinal",
              "SELECT subject || ' ' || predicate || ' ' || ordinal || ' ' || object || ' ' || negated || ' ' ||"
              " coalesce(valid_from_us, '') || '-' || coalesce(valid_to_us, '') || ' ' || known_from_us || ' ' || "
              "evidence"
              " FROM memory_facts ORDER BY subject_key, predicate, ordinal",
              "SELECT subject || predicate || first_object || second_object FROM memory_fact_conflicts ORDER BY 1",
              "SELECT name || ' ' || version || ' ' || watermark FROM memory_jobs ORDER BY 1"}) {
          ASSIGN_OR_RETURN(Statement select, transaction.prepare(sql));
          for (;;) {
            ASSIGN_OR_RETURN(const bool row, select.step());
            if (!row) break;
            text += select.text(0) + "\n";
          }
        }
        return text;
      })
      .value();
}

std::string rows_of_a_quiet_run() {
  Opened quiet;
  tell(quiet);
  CHECK(quiet.consolidated().ok(), "consolidated");
  return rows_of(quiet);
}

/// Runs so many steps of what is under way.
void run_steps(Fixture& fixture, int steps) {
  fixture.simulation.run_until([&] { return steps-- == 0; }, std::chrono::seconds(30));
}

TEST(FactJob, MakesTheSameFactsWhereverItIsKilled) {
  const std::string wanted = rows_of_a_quiet_run();
  ASSERT_NE(wanted.find("Faro"), std::string::npos) << wanted;
  int kills_inside = 0;
  for (int steps = 0; steps < 60; ++steps) {
    Opened fixture(static_cast<std::uint64_t>(steps) + 1);
    tell(fixture);
    fixture.memory->when_consolidated(fixture.simulation.lane("loop"), [](const Status&) {});
    run_steps(fixture, steps);
    const std::string before = rows_of(fixture);
    fixture.crash();
    ASSERT_TRUE(fixture.open().ok());
    if (before != wanted) ++kills_inside;
    ASSERT_TRUE(fixture.consolidated().ok());
    ASSERT_EQ(rows_of(fixture), wanted) << "killed after " << steps << " steps";
  }
  EXPECT_GT(kills_inside, 5);
}

TEST(FactJob, MakesTheSameFactsWhicheverWriteFails) {
  const std::string wanted = rows_of_a_quiet_run();
  int failed = 0;
  for (const auto operation : {FaultVfs::Operation::kWrite, FaultVfs::Operation::kSync}) {
    for (int after = 0; after < 40; ++after) {
      Opened fixture(static_cast<std::uint64_t>(after) + 1);
      tell(fixture);
      fixture.disk.fail(operation, after);
      if (!fixture.consolidated().ok()) ++failed;
      fixture.crash();
      fixture.disk.heal();
      ASSERT_TRUE(fixture.open().ok());
      ASSERT_TRUE(fixture.consolidated().ok());
      ASSERT_EQ(rows_of(fixture), wanted) << "failed at " << after;
    }
  }
  EXPECT_GT(failed, 0);
}

TEST(FactJob, ReadsEverythingAgainByNewRules) {
  Opened fixture;
  tell(fixture);
  ASSERT_TRUE(fixture.consolidated().ok());
  const std::string wanted = rows_of(fixture);
  fixture.execute("UPDATE memory_jobs SET version = 0");
  fixture.execute("UPDATE memory_claims SET object = 'wrong' WHERE predicate = 'location'");
  fixture.reopen();
  ASSERT_TRUE(fixture.consolidated().ok());
  EXPECT_EQ(rows_of(fixture), wanted);
}

TEST(FactJob, ReadsWhatAnOlderProgramHadRemembered) {
  Opened fixture;
  tell(fixture);
  ASSERT_TRUE(fixture.consolidated().ok());
  const std::string wanted = rows_of(fixture);
  for (const char* table : {"memory_jobs", "memory_claims", "memory_facts", "memory_fact_conflicts"}) {
    fixture.execute(std::string("DELETE FROM ") + table);
  }
  fixture.reopen();
  fixture.simulation.run_until_idle(std::chrono::seconds(10));
  EXPECT_EQ(rows_of(fixture), wanted) << "nobody asked for it: the first idle time is enough";
}

TEST(FactJob, DoesLittleInOneUnit) {
  Opened fixture;
  for (int i = 0; i < 40; ++i) tell(fixture);
  ASSERT_TRUE(fixture.consolidated().ok());
  const MemoryStatistics statistics = fixture.memory->statistics().value();
  EXPECT_EQ(statistics.episodes_unread, 0);
  EXPECT_GE(statistics.consolidation_units, 40 * static_cast<int>(kTalk.size()) / FactJob::Bounds{}.episodes);
  ASSERT_TRUE(fixture.embedded().ok());
  EXPECT_TRUE(fixture.memory->check_integrity().ok());
}

}  // namespace
}  // namespace mnema
