#include "memory/procedural/task_terms.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

class TaskTermsTest : public ::testing::Test {
 protected:
  [[nodiscard]] TaskTerms terms(const std::string& text) const { return task_terms(maker_, text); }
  const TermMaker maker_ = TermMaker::make("english").value();
};

TEST_F(TaskTermsTest, AreTheSameForTasksThatDifferInNumbers) {
  EXPECT_EQ(terms("Refund order 17 please"), terms("please refund orders 20456"));
  EXPECT_NE(terms("Refund order 17 please"), terms("Cancel order 17 please"));
}

TEST_F(TaskTermsTest, WeighWhatRunsShareMoreThanWhatDiffers) {
  TermProfile profile;
  profile.add(terms("Refund the blue chair of Anna"));
  profile.add(terms("Refund the green lamp of Bert"));
  profile.add(terms("Refund the old table of Carla"));
  EXPECT_GT(fit_of(profile, terms("Refund the broken mirror")).coverage, 0.4);
  EXPECT_LT(fit_of(profile, terms("Paint the blue chair")).coverage, 0.2);
  EXPECT_EQ(fit_of(profile, terms("17")).coverage, 0);
  EXPECT_EQ(fit_of(TermProfile{}, terms("Refund")).cosine, 0);
}

TEST_F(TaskTermsTest, KeepThroughBytes) {
  const TaskTerms made = terms("Refund the blue chair of Anna");
  EXPECT_EQ(terms_from_bytes(terms_to_bytes(made)).value(), made);
  EXPECT_FALSE(terms_from_bytes("1234567").ok());
}

}  // namespace
}  // namespace mnema
