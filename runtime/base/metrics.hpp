// runtime/base/metrics.hpp
//
// Counters, gauges and histograms, and their text for Prometheus (exposition format 0.0.4, written by prometheus-cpp).
// Names begin with "mnema_" and carry their base unit ("_seconds", "_bytes"); counters end in "_total".
//
// Two kinds: what is counted as it happens (`counter`, `histogram`), and what a part counts for itself and is read when
// somebody scrapes (`on_scrape`), so that a rendering shows the numbers of its own moment and not of the one before.
//
// Whoever may scrape sees all of it, whatever tenant he belongs to: never a tenant, agent key, user or id as a label.
// Labels come from the configuration and are few; beyond `label_sets_max` sets of one name, further ones are counted
// together under "other".
//
// Threads:   any. Collectors run on the thread that renders, one rendering at a time; they may read the database.
// Ownership: the registry owns its metrics; references stay good as long as it lives. What collectors refer to outlives
//            the last rendering.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace mnema {

using MetricLabels = std::map<std::string, std::string>;

/// What collectors add to one rendering.
class MetricsReport {
 public:
  explicit MetricsReport(int label_sets_max) : label_sets_max_(label_sets_max) {}

  /// A sum that the part itself keeps and that only rises.
  void counter(const std::string& name, const std::string& help, double value, const MetricLabels& labels = {});
  void gauge(const std::string& name, const std::string& help, double value, const MetricLabels& labels = {});

  [[nodiscard]] std::vector<prometheus::MetricFamily> families() const;

 private:
  prometheus::ClientMetric& metric(const std::string& name, const std::string& help, prometheus::MetricType type,
                                   const MetricLabels& labels);
  const int label_sets_max_;
  std::map<std::string, prometheus::MetricFamily> families_;
};

class Metrics {
 public:
  explicit Metrics(int label_sets_max = 200) : label_sets_max_(label_sets_max) {}
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// The metric of this name and these labels, made on first use. Preconditions (our bugs, CHECKed): names are valid;
  /// one name is of one kind.
  [[nodiscard]] prometheus::Counter& counter(const std::string& name, const std::string& help,
                                             const MetricLabels& labels = {});
  /// `bounds`: upper ends of the buckets, rising; +Inf is added.
  [[nodiscard]] prometheus::Histogram& histogram(const std::string& name, const std::string& help,
                                                 const std::vector<double>& bounds, const MetricLabels& labels = {});
  void on_scrape(std::function<void(MetricsReport&)> collect);

  /// Everything, as Prometheus reads it.
  [[nodiscard]] std::string render();

 private:
  [[nodiscard]] MetricLabels bounded(const std::string& name, MetricLabels labels);  // requires mutex_

  const int label_sets_max_;
  prometheus::Registry registry_;
  std::mutex rendering_;  // one rendering at a time; taken before mutex_
  std::mutex mutex_;      // guards all below
  std::map<std::string, std::set<MetricLabels>> label_sets_;
  std::vector<std::function<void(MetricsReport&)>> collectors_;
};

/// 100 µs to 100 s, three buckets per decade.
[[nodiscard]] std::vector<double> latency_buckets_seconds();

}  // namespace mnema
