#include "connectors/permit_store.hpp"

#include <gtest/gtest.h>

#include "runtime/sim/fault_vfs.hpp"
#include "runtime/sim/simulation_executor.hpp"

namespace mnema {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(PermitStore, KeepsAPermitAsLongAsTheLimiterCountsIt) {
  Simulation simulation(1);
  FaultVfs disk(1);
  Database::Options options;
  options.path = "mnema.db";
  options.vfs = disk.name();
  auto database = Database::open(options, PermitStore::migrations(), simulation.lane("store"), simulation.clock());
  ASSERT_TRUE(database.ok()) << database.error().text();
  PermitStore store(**database, hours(1), milliseconds(1'000));
  const auto append = [&](Time at) {
    std::optional<Status> done;
    store.append("stripe", at, simulation.lane("loop"), [&](Status status) { done = status; });
    simulation.run_until([&] { return done.has_value(); });
    EXPECT_TRUE(done && done->ok());
  };
  const Time start = simulation.clock().now();
  append(start);
  append(start + hours(1) + milliseconds(500));
  EXPECT_EQ(store.load("stripe", start)->size(), 2U) << "inside the window and its grace";
  append(start + hours(1) + milliseconds(1'500));
  EXPECT_EQ(store.load("stripe", start)->size(), 2U) << "the first is outside both";
  (*database)->close();
  simulation.run_ready();
}

}  // namespace
}  // namespace mnema
