// tests/support/sometimes.hpp
//
// Proof that a campaign of random scenarios came where it was sent: a table of rare branches, named beforehand, and how
// often each was taken. An invariant that holds because its branch was never reached proves nothing.
//
// Threads:   confined to the test's.
// Invariant: only branches that were named beforehand are counted.
#pragma once

#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/check.hpp"

namespace mnema::testing {

class SometimesTable {
 public:
  explicit SometimesTable(std::vector<std::string> branches) : order_(std::move(branches)) {
    for (const std::string& branch : order_) counts_[branch];
  }

  /// What is counted from here on is another scenario's.
  void begin_scenario() {
    for (const std::string& branch : seen_) ++counts_.find(branch)->second.scenarios;
    seen_.clear();
    ++scenarios_;
  }
  void hit(std::string_view branch) {
    const auto found = counts_.find(branch);
    CHECK(found != counts_.end(), "a branch that is counted was named beforehand");
    ++found->second.times;
    seen_.insert(found->first);
  }

  [[nodiscard]] std::vector<std::string> never_hit() const {
    std::vector<std::string> missed;
    for (const std::string& branch : order_) {
      if (counts_.find(branch)->second.times == 0) missed.push_back(branch);
    }
    return missed;
  }
  /// One line per branch: how often it was taken, and in how many scenarios.
  [[nodiscard]] std::string text() const {
    std::string lines;
    for (const std::string& branch : order_) {
      const Count& count = counts_.find(branch)->second;
      char line[128];
      std::snprintf(line, sizeof line, "  %-34s %9lld times in %5lld of %lld scenarios\n", branch.c_str(), count.times,
                    count.scenarios + (seen_.contains(branch) ? 1 : 0), scenarios_);
      lines += line;
    }
    return lines;
  }

 private:
  struct Count {
    long long times = 0;
    long long scenarios = 0;
  };
  const std::vector<std::string> order_;
  std::map<std::string, Count, std::less<>> counts_;
  std::set<std::string> seen_;  // in this scenario
  long long scenarios_ = 0;
};

}  // namespace mnema::testing
