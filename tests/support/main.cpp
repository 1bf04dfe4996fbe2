// tests/support/main.cpp
//
// The main of every test program. It ends with 0 where everything was checked, 1 where something is wrong, and 77 where
// a test was skipped that this machine could run if `./dev test` set it up: a model is not here, a tool is missing.
// tests/support/run_test.sh makes a failure of 77 where nothing may be skipped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace {

// How the messages of skips begin that are no failure: what no set-up would end, and what a set-up may leave out.
constexpr std::array<std::string_view, 5> kNotOnThisMachine = {
    "this processor has no ",         // instruction set
    "sanitizers are too slow ",       // the Release build checks it
    "sanitizers see ",                // a fault of somebody else's
    "this user may read everything",  // root
    "optional model: ",  // `./dev test` does not fetch every model of the catalogue; whoever has it, tests it
};

class SkipCounter : public ::testing::EmptyTestEventListener {
 public:
  void OnTestPartResult(const ::testing::TestPartResult& part) override {
    if (!part.skipped()) return;
    // The message as it was streamed into the skip; gtest puts "Skipped\n" before it.
    std::string_view why = part.message();
    constexpr std::string_view kPrefix = "Skipped\n";
    if (why.substr(0, kPrefix.size()) == kPrefix) why.remove_prefix(kPrefix.size());
    const bool expected = std::any_of(kNotOnThisMachine.begin(), kNotOnThisMachine.end(),
                                      [why](std::string_view begin) { return why.substr(0, begin.size()) == begin; });
    avoidable_ += expected ? 0 : 1;
  }
  [[nodiscard]] int avoidable() const { return avoidable_; }

 private:
  int avoidable_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleMock(&argc, argv);
  auto* const skips = new SkipCounter;  // of gtest's list of listeners
  ::testing::UnitTest::GetInstance()->listeners().Append(skips);
  const int code = RUN_ALL_TESTS();
  if (code != 0 || skips->avoidable() == 0) return code;
  std::fprintf(stderr, "NOT CHECKED: %d tests were skipped that could run here; `./dev test` fetches what they need\n",
               skips->avoidable());
  return 77;
}
