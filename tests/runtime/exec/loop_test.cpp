#include "runtime/exec/loop.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <future>
#include <vector>

namespace mnema {
namespace {

TEST(Loop, RunsWorkInOrderOnItsOwnThread) {
  Loop loop;
  loop.start();
  EXPECT_FALSE(loop.on_loop_thread());
  std::vector<int> order;
  std::promise<void> done;
  loop.post_after(std::chrono::milliseconds(20), [&] {
    order.push_back(2);
    EXPECT_TRUE(loop.on_loop_thread());
    done.set_value();
  });
  loop.post([&] { order.push_back(0); });
  loop.post([&] { order.push_back(1); });
  done.get_future().wait();
  loop.stop();
  loop.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST(Loop, DropsWhatIsQueuedWhenItGoes) {
  auto held = std::make_shared<int>(1);
  {
    Loop loop;
    loop.post([held] { FAIL() << "it was never started"; });
    loop.post_after(std::chrono::hours(1), [held] { FAIL() << "it was never started"; });
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Loop, SaysThatItsThreadHasNotEndedInTime) {
  Loop loop;
  std::promise<void> inside;
  std::promise<void> let_go;
  loop.post([&] {
    inside.set_value();
    let_go.get_future().wait();
  });
  loop.start();
  inside.get_future().wait();
  loop.stop();
  EXPECT_FALSE(loop.join_by(SystemClock().monotonic_now()));
  let_go.set_value();
  EXPECT_TRUE(loop.join_by(MonotonicTime::max()));
  EXPECT_TRUE(loop.join_by(MonotonicTime::max()));
}

TEST(Loop, RunsOverTheProgramsOwnContext) {
  boost::asio::io_context context;
  Loop loop(context);
  bool ran = false;
  loop.post([&] { ran = loop.on_loop_thread(); });
  context.run();
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace mnema
