#include "runtime/metrics.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

TEST(Metrics, AreWrittenAsPrometheusReadsThem) {
  Metrics metrics;
  metrics.counter("mnema_events_total", "Events on disk", {{"agent", "a\"b"}}).increment(2);
  metrics.gauge("mnema_pages", "Pages").set(1.5);
  Histogram& latency = metrics.histogram("mnema_wake_seconds", "Wake", {0.1, 1});
  for (const double seconds : {0.05, 0.1, 0.5, 7.0}) latency.observe(seconds);
  EXPECT_EQ(metrics.render(),
            "# HELP mnema_events_total Events on disk\n# TYPE mnema_events_total counter\n"
            "mnema_events_total{agent=\"a\\\"b\"} 2\n"
            "# HELP mnema_pages Pages\n# TYPE mnema_pages gauge\nmnema_pages 1.5\n"
            "# HELP mnema_wake_seconds Wake\n# TYPE mnema_wake_seconds histogram\n"
            "mnema_wake_seconds_bucket{le=\"0.1\"} 2\nmnema_wake_seconds_bucket{le=\"1\"} 3\n"
            "mnema_wake_seconds_bucket{le=\"+Inf\"} 4\nmnema_wake_seconds_sum 7.65\nmnema_wake_seconds_count 4\n");
}

TEST(Metrics, CountFurtherLabelSetsTogetherBeyondTheirBound) {
  Metrics metrics(3);
  for (int i = 0; i < 10; ++i) metrics.counter("c_total", "C", {{"k", std::to_string(i)}}).increment();
  EXPECT_EQ(metrics.counter("c_total", "C", {{"k", "99"}}).value(), 7);
  EXPECT_EQ(metrics.counter("c_total", "C", {{"k", "1"}}).value(), 1);
}

TEST(Metrics, AskForGaugesThatAreReadWhenTheyAreRendered) {
  Metrics metrics;
  metrics.before_render([&metrics] { metrics.gauge("now", "Now").set(4); });
  EXPECT_NE(metrics.render().find("now 4\n"), std::string::npos);
}

}  // namespace
}  // namespace mnema
