#include "runtime/base/metrics.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

bool has(const std::string& text, const std::string& line) { return ("\n" + text).find("\n" + line) != text.npos; }

TEST(Metrics, AreWrittenAsPrometheusReadsThem) {
  Metrics metrics;
  metrics.counter("mnema_events_total", "Events on disk", {{"agent", "a\"b"}}).Increment(2);
  auto& latency = metrics.histogram("mnema_wake_seconds", "Wake", {0.125, 1});
  for (const double seconds : {0.05, 0.125, 0.5, 7.0}) latency.Observe(seconds);
  metrics.on_scrape([](MetricsReport& report) { report.gauge("mnema_pages", "Pages", 1.5); });
  const std::string text = metrics.render();
  for (const char* line : {"# HELP mnema_events_total Events on disk\n# TYPE mnema_events_total counter\n",
                           "mnema_events_total{agent=\"a\\\"b\"} 2\n", "# TYPE mnema_pages gauge\nmnema_pages 1.5\n",
                           "# TYPE mnema_wake_seconds histogram\n", "mnema_wake_seconds_bucket{le=\"0.125\"} 2\n",
                           "mnema_wake_seconds_bucket{le=\"1\"} 3\n", "mnema_wake_seconds_bucket{le=\"+Inf\"} 4\n",
                           "mnema_wake_seconds_count 4\n"}) {
    EXPECT_TRUE(has(text, line)) << line << "in\n" << text;
  }
}

TEST(Metrics, CountFurtherLabelSetsTogetherBeyondTheirBound) {
  Metrics metrics(3);
  for (int i = 0; i < 10; ++i) metrics.counter("c_total", "C", {{"k", std::to_string(i)}}).Increment();
  EXPECT_EQ(metrics.counter("c_total", "C", {{"k", "99"}}).Value(), 7);
  EXPECT_EQ(metrics.counter("c_total", "C", {{"k", "1"}}).Value(), 1);
  metrics.on_scrape([](MetricsReport& report) {
    for (int i = 0; i < 10; ++i) report.counter("r_total", "R", 1, {{"k", std::to_string(i)}});
  });
  const std::string text = metrics.render();
  EXPECT_TRUE(has(text, "r_total{k=\"2\"} 1\n")) << text;
  EXPECT_TRUE(has(text, "r_total{k=\"other\"} 7\n")) << text;
}

TEST(Metrics, ShowTheNumbersOfTheMomentOfTheScrape) {
  Metrics metrics;
  int value = 0;
  metrics.on_scrape([&value](MetricsReport& report) { report.gauge("now", "Now", ++value); });
  EXPECT_TRUE(has(metrics.render(), "now 1\n"));
  EXPECT_TRUE(has(metrics.render(), "now 2\n"));
}

}  // namespace
}  // namespace mnema
