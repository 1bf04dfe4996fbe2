#include "runtime/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/check.hpp"

namespace mnema {
namespace {

/// What label sets beyond the bound are counted under.
constexpr std::string_view kOther = "other";

bool is_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && quotes)
      out += "\\\"";
    else
      out += c;
  }
  return out;
}

std::string number(double value) {
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return std::isnan(value) ? "NaN" : fmt::format("{}", value);
}

/// {a="1",b="2"}, with one more label where `name` is not empty.
std::string label_text(const MetricLabels& labels, std::string_view name = {}, std::string_view value = {}) {
  std::string out;
  const auto add = [&out](std::string_view label, std::string_view text) {
    out += fmt::format("{}{}=\"{}\"", out.empty() ? "{" : ",", label, escaped(text, true));
  };
  for (const auto& [label, text] : labels) add(label, text);
  if (!name.empty()) add(name, value);
  return out.empty() ? out : out + "}";
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), buckets_(bounds_.size() + 1) {
  CHECK(std::is_sorted(bounds_.begin(), bounds_.end()), "buckets rise");
}

void Histogram::observe(double value) {
  const auto bucket =
      static_cast<std::size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  buckets_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

long long Histogram::cumulative(std::size_t i) const {
  long long count = 0;
  for (std::size_t bucket = 0; bucket <= i; ++bucket) count += buckets_[bucket].load(std::memory_order_relaxed);
  return count;
}

long long Histogram::count() const { return cumulative(bounds_.size()); }

std::vector<double> latency_buckets_seconds() {
  std::vector<double> bounds;
  for (double decade = 1e-4; decade < 100; decade *= 10) {
    for (const double step : {1.0, 2.5, 5.0}) bounds.push_back(decade * step);
  }
  bounds.push_back(100);
  return bounds;
}

Metrics::Family& Metrics::family(const std::string& name, const std::string& help, Kind kind) {
  CHECK(is_name(name), "a metric's name fits [a-zA-Z_][a-zA-Z0-9_]*");
  const auto [found, is_new] = families_.try_emplace(name);
  if (is_new) {
    found->second.kind = kind;
    found->second.help = help;
  }
  CHECK(found->second.kind == kind, "one name is of one kind");
  return found->second;
}

template <class T, class Make>
T& Metrics::find_or_make(std::map<MetricLabels, std::unique_ptr<T>>& sets, const MetricLabels& labels,
                         const Make& make) {
  for (const auto& [name, value] : labels) CHECK(is_name(name), "a label's name fits [a-zA-Z_][a-zA-Z0-9_]*");
  if (const auto found = sets.find(labels); found != sets.end()) return *found->second;
  MetricLabels kept = labels;
  if (static_cast<int>(sets.size()) >= label_sets_max_) {
    for (auto& [name, value] : kept) value = kOther;
  }
  std::unique_ptr<T>& metric = sets[kept];
  if (metric == nullptr) metric = make();
  return *metric;
}

Counter& Metrics::counter(const std::string& name, const std::string& help, const MetricLabels& labels) {
  const std::lock_guard lock(mutex_);
  return find_or_make(family(name, help, Kind::kCounter).counters, labels, [] { return std::make_unique<Counter>(); });
}

Gauge& Metrics::gauge(const std::string& name, const std::string& help, const MetricLabels& labels) {
  const std::lock_guard lock(mutex_);
  return find_or_make(family(name, help, Kind::kGauge).gauges, labels, [] { return std::make_unique<Gauge>(); });
}

Histogram& Metrics::histogram(const std::string& name, const std::string& help, std::vector<double> bounds,
                              const MetricLabels& labels) {
  const std::lock_guard lock(mutex_);
  return find_or_make(family(name, help, Kind::kHistogram).histograms, labels,
                      [&bounds] { return std::make_unique<Histogram>(std::move(bounds)); });
}

void Metrics::before_render(std::function<void()> collect) {
  const std::lock_guard lock(mutex_);
  collectors_.push_back(std::move(collect));
}

std::string Metrics::render() {
  std::vector<std::function<void()>> collectors;
  {
    const std::lock_guard lock(mutex_);
    collectors = collectors_;
  }
  for (const auto& collect : collectors) collect();  // they set gauges, which takes the mutex
  const std::lock_guard lock(mutex_);
  std::string out;
  constexpr const char* kKinds[] = {"counter", "gauge", "histogram"};
  for (const auto& [name, family] : families_) {
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escaped(family.help, false), name,
                       kKinds[static_cast<int>(family.kind)]);
    for (const auto& [labels, counter] : family.counters)
      out += name + label_text(labels) + " " + number(counter->value()) + "\n";
    for (const auto& [labels, gauge] : family.gauges)
      out += name + label_text(labels) + " " + number(gauge->value()) + "\n";
    for (const auto& [labels, histogram] : family.histograms) {
      for (std::size_t i = 0; i < histogram->bounds().size(); ++i) {
        out += fmt::format("{}_bucket{} {}\n", name, label_text(labels, "le", number(histogram->bounds()[i])),
                           histogram->cumulative(i));
      }
      out += fmt::format("{}_bucket{} {}\n", name, label_text(labels, "le", "+Inf"), histogram->count());
      out += fmt::format("{}_sum{} {}\n", name, label_text(labels), number(histogram->sum()));
      out += fmt::format("{}_count{} {}\n", name, label_text(labels), histogram->count());
    }
  }
  return out;
}

}  // namespace mnema
