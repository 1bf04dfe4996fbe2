#include "connectors/replay_window.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

using std::chrono::hours;
using Verdict = ReplayWindow::Verdict;

class ReplayWindowTest : public ::testing::Test {
 protected:
  ~ReplayWindowTest() override { window_.check_integrity(); }
  ReplayWindow window_{hours(1), 3};
  const MonotonicTime start_{};
  const Sha256Digest body_ = sha256("body");
};

TEST_F(ReplayWindowTest, KnowsATakenBodyUnderAnotherId) {
  EXPECT_EQ(window_.begin(body_, "a", start_), Verdict::kNew);
  EXPECT_EQ(window_.begin(body_, "b", start_), Verdict::kBusy);
  window_.settle(body_, "a", true);
  EXPECT_EQ(window_.begin(body_, "b", start_), Verdict::kReplay);
  EXPECT_EQ(window_.begin(body_, "a", start_), Verdict::kNew) << "a redelivery is the mailbox's to know";
  EXPECT_EQ(window_.begin(sha256("other"), "b", start_), Verdict::kNew);
}

TEST_F(ReplayWindowTest, ForgetsABodyThatWasNotTaken) {
  EXPECT_EQ(window_.begin(body_, "a", start_), Verdict::kNew);
  window_.settle(body_, "a", false);
  EXPECT_EQ(window_.begin(body_, "b", start_), Verdict::kNew);
  window_.settle(body_, "b", true);
  window_.settle(body_, "b", false);
  EXPECT_EQ(window_.begin(body_, "c", start_), Verdict::kReplay) << "once taken, a failed repeat changes nothing";
}

TEST_F(ReplayWindowTest, IsBoundedInTimeAndNumber) {
  EXPECT_EQ(window_.begin(body_, "a", start_), Verdict::kNew);
  window_.settle(body_, "a", true);
  EXPECT_EQ(window_.begin(body_, "b", start_ + hours(1)), Verdict::kNew);
  for (int i = 0; i < 10; ++i) {
    const std::string name = std::to_string(i);
    EXPECT_EQ(window_.begin(sha256(name), name, start_ + hours(1)), Verdict::kNew);
    window_.check_integrity();
  }
  EXPECT_EQ(window_.begin(body_, "c", start_ + hours(1)), Verdict::kNew) << "the oldest are forgotten first";
}

}  // namespace
}  // namespace mnema
