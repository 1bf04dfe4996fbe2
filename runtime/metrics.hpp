// runtime/metrics.hpp
//
// Counters, gauges and histograms, and their text for Prometheus (exposition format 0.0.4). Names carry their base unit
// ("_seconds", "_bytes"), counters end in "_total". Labels are few and bounded: beyond `label_sets_max` sets of one
// metric, further ones are counted together under "other". Never an agent key, a user or an id as a label.
//
//   Counter& accepted = metrics.counter("mnema_events_accepted_total", "Events on disk", {{"agent", name}});
//   accepted.increment();
//
// Threads:   any. Values are atomics; making and rendering metrics takes one mutex.
// Ownership: the registry owns its metrics; references stay good as long as it lives.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace mnema {

using MetricLabels = std::map<std::string, std::string>;

class Counter {
 public:
  void increment(double by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
  [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_ = 0;
};

class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double by) { value_.fetch_add(by, std::memory_order_relaxed); }
  [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_ = 0;
};

class Histogram {
 public:
  /// `bounds`: upper ends of the buckets, rising; +Inf is added.
  explicit Histogram(std::vector<double> bounds);
  void observe(double value);
  [[nodiscard]] long long count() const;
  [[nodiscard]] double sum() const { return sum_.load(std::memory_order_relaxed); }
  /// Observations up to and including bounds()[i].
  [[nodiscard]] long long cumulative(std::size_t i) const;
  [[nodiscard]] const std::vector<double>& bounds() const { return bounds_; }

 private:
  const std::vector<double> bounds_;
  std::vector<std::atomic<long long>> buckets_;  // [bounds + 1]
  std::atomic<double> sum_ = 0;
};

/// 100 µs to 100 s, three buckets per decade.
[[nodiscard]] std::vector<double> latency_buckets_seconds();

class Metrics {
 public:
  explicit Metrics(int label_sets_max = 200) : label_sets_max_(label_sets_max) {}
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// The metric of this name and these labels, made on first use. Preconditions (our bugs, CHECKed): names fit
  /// [a-zA-Z_][a-zA-Z0-9_]*; one name is of one kind; all its sets have the same label names.
  [[nodiscard]] Counter& counter(const std::string& name, const std::string& help, const MetricLabels& labels = {});
  [[nodiscard]] Gauge& gauge(const std::string& name, const std::string& help, const MetricLabels& labels = {});
  [[nodiscard]] Histogram& histogram(const std::string& name, const std::string& help, std::vector<double> bounds,
                                     const MetricLabels& labels = {});
  /// Runs before each rendering, to set gauges that are read rather than kept. Must be quick.
  void before_render(std::function<void()> collect);

  /// Everything, as Prometheus reads it.
  [[nodiscard]] std::string render();

 private:
  enum class Kind { kCounter, kGauge, kHistogram };
  struct Family {
    Kind kind;
    std::string help;
    std::map<MetricLabels, std::unique_ptr<Counter>> counters;
    std::map<MetricLabels, std::unique_ptr<Gauge>> gauges;
    std::map<MetricLabels, std::unique_ptr<Histogram>> histograms;
  };
  Family& family(const std::string& name, const std::string& help, Kind kind);
  template <class T, class Make>
  T& find_or_make(std::map<MetricLabels, std::unique_ptr<T>>& sets, const MetricLabels& labels, const Make& make);

  const int label_sets_max_;
  std::mutex mutex_;  // guards all below
  std::map<std::string, Family> families_;
  std::vector<std::function<void()>> collectors_;
};

}  // namespace mnema
