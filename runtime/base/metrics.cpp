#include "runtime/base/metrics.hpp"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <exception>
#include <iterator>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

/// What label sets beyond the bound are counted under.
constexpr const char* kOther = "other";

MetricLabels all_other(MetricLabels labels) {
  for (auto& [name, value] : labels) value = kOther;
  return labels;
}

/// Its exceptions are about names and kinds, which are ours.
template <class Make>
auto& made(const Make& make) {
  try {
    return make();
  } catch (const std::exception& wrong) {
    check_failed(__FILE__, __LINE__, "a metric's name is valid and of one kind", wrong.what());
  }
}

}  // namespace

prometheus::ClientMetric& MetricsReport::metric(const std::string& name, const std::string& help,
                                                prometheus::MetricType type, const MetricLabels& labels) {
  prometheus::MetricFamily& family = families_[name];
  family.name = name;
  family.help = help;
  family.type = type;
  const auto find = [&family](const MetricLabels& wanted) {
    return std::find_if(family.metric.begin(), family.metric.end(), [&wanted](const prometheus::ClientMetric& metric) {
      return std::equal(metric.label.begin(), metric.label.end(), wanted.begin(), wanted.end(),
                        [](const auto& a, const auto& b) { return a.name == b.first && a.value == b.second; });
    });
  };
  MetricLabels kept = labels;
  auto found = find(kept);
  if (found == family.metric.end() && static_cast<int>(family.metric.size()) >= label_sets_max_) {
    kept = all_other(std::move(kept));
    found = find(kept);
  }
  if (found != family.metric.end()) return *found;
  prometheus::ClientMetric metric;
  for (const auto& [label, value] : kept) metric.label.push_back({label, value});
  return family.metric.emplace_back(std::move(metric));
}

void MetricsReport::counter(const std::string& name, const std::string& help, double value,
                            const MetricLabels& labels) {
  metric(name, help, prometheus::MetricType::Counter, labels).counter.value += value;
}

void MetricsReport::gauge(const std::string& name, const std::string& help, double value, const MetricLabels& labels) {
  metric(name, help, prometheus::MetricType::Gauge, labels).gauge.value += value;
}

std::vector<prometheus::MetricFamily> MetricsReport::families() const {
  std::vector<prometheus::MetricFamily> all;
  for (const auto& [name, family] : families_) all.push_back(family);
  return all;
}

MetricLabels Metrics::bounded(const std::string& name, MetricLabels labels) {
  std::set<MetricLabels>& known = label_sets_[name];
  if (!known.contains(labels)) {
    if (static_cast<int>(known.size()) >= label_sets_max_) labels = all_other(std::move(labels));
    known.insert(labels);
  }
  return labels;
}

prometheus::Counter& Metrics::counter(const std::string& name, const std::string& help, const MetricLabels& labels) {
  const std::scoped_lock lock(mutex_);
  return made([&]() -> auto& {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add(bounded(name, labels));
  });
}

prometheus::Histogram& Metrics::histogram(const std::string& name, const std::string& help,
                                          const std::vector<double>& bounds, const MetricLabels& labels) {
  const std::scoped_lock lock(mutex_);
  return made([&]() -> auto& {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_).Add(bounded(name, labels), bounds);
  });
}

void Metrics::on_scrape(std::function<void(MetricsReport&)> collect) {
  const std::scoped_lock lock(mutex_);
  collectors_.push_back(std::move(collect));
}

std::string Metrics::render() {
  const std::scoped_lock one_at_a_time(rendering_);
  std::vector<std::function<void(MetricsReport&)>> collectors;
  {
    const std::scoped_lock lock(mutex_);
    collectors = collectors_;
  }
  MetricsReport report(label_sets_max_);
  for (const auto& collect : collectors) collect(report);
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  std::ranges::move(report.families(), std::back_inserter(families));
  return prometheus::TextSerializer().Serialize(families);
}

std::vector<double> latency_buckets_seconds() {
  std::vector<double> bounds;
  for (double decade = 1e-4; decade < 100; decade *= 10) {
    for (const double step : {1.0, 2.5, 5.0}) bounds.push_back(decade * step);
  }
  bounds.push_back(100);
  return bounds;
}

}  // namespace mnema
