#include "memory/consolidation/procedure_job.hpp"

#include <gtest/gtest.h>

#include "tests/memory/procedural/runs.hpp"

namespace mnema {
namespace {

using testing::kRefund;
using testing::run_of;
using testing::Runs;

void record_all(Runs& runs) {
  for (int i = 0; i < 20; ++i) {
    TaskRun run =
        run_of(i % 5 == 4 ? "Where is my parcel today?" : "Please refund order A-" + std::to_string(i),
               i % 5 == 4 ? std::vector<TaskStep>{kRefund[0]} : kRefund, i % 7 != 3, i % 2 == 0 ? "anna" : "bert");
    if (i > 10) run.procedure = 1;
    runs.record(run);
  }
}

std::string rows_of(Runs& runs) {
  std::string text;
  for (const Procedure& procedure : runs.all()) {
    text += std::to_string(procedure.id) + " " + line_of(procedure.steps) + " " + name_of(procedure.state) + " " +
            std::to_string(procedure.learned_from) + " " + std::to_string(procedure.successes) + " " +
            std::to_string(procedure.failures) + "\n";
  }
  return text + std::to_string(runs.number("SELECT watermark FROM memory_jobs WHERE name = 'procedures'"));
}

TEST(ProcedureJob, CountsEveryRunOnceWhereverItIsKilled) {
  Runs quiet;
  record_all(quiet);
  ASSERT_TRUE(quiet.consolidated().ok());
  const std::string wanted = rows_of(quiet);
  ASSERT_NE(wanted.find("find_order(order_id) → refund(amount, order_id) active"), std::string::npos) << wanted;
  int kills_inside = 0;
  for (int steps = 0; steps < 40; ++steps) {
    Runs runs(static_cast<std::uint64_t>(steps) + 1);
    record_all(runs);
    runs.memory->when_consolidated(runs.simulation.lane("loop"), [](const Status&) {});
    int left = steps;
    runs.simulation.run_until([&] { return left-- == 0; }, std::chrono::seconds(30));
    const std::string before = rows_of(runs);
    runs.crash();
    ASSERT_TRUE(runs.open().ok());
    if (before != wanted) ++kills_inside;
    ASSERT_TRUE(runs.consolidated().ok());
    ASSERT_EQ(rows_of(runs), wanted) << "killed after " << steps << " steps";
    ASSERT_TRUE(runs.memory->check_integrity().ok());
  }
  EXPECT_GT(kills_inside, 3);
}

TEST(ProcedureJob, LearnsInTheFirstIdleTimeWithoutBeingAsked) {
  Runs runs;
  record_all(runs);
  runs.simulation.run_until_idle(std::chrono::seconds(10));
  EXPECT_FALSE(runs.all().empty());
}

}  // namespace
}  // namespace mnema
