#include "connectors/connector_registry.hpp"

#include <gtest/gtest.h>

#include "runtime/base/log.hpp"

namespace mnema {
namespace {

/// Writes down what is done with it.
class ScriptedSource final : public Source {
 public:
  ScriptedSource(std::string name, std::optional<std::string> tenant, std::vector<std::string>& trace)
      : name_(std::move(name)), tenant_(std::move(tenant)), trace_(trace) {}
  [[nodiscard]] std::string name() const override { return "scripted:" + name_; }
  [[nodiscard]] std::optional<std::string> tenant() const override { return tenant_; }
  [[nodiscard]] Status start(Accept accept) override {
    note("start");
    EXPECT_TRUE(accept);
    return name_ == "broken" ? Status(fail(ErrorCode::kUnavailable, "nobody is there")) : Status();
  }
  void pause() override { note("pause"); }
  void resume() override { note("resume"); }
  void drain() override { note("drain"); }
  void stop() override { note("stop"); }
  [[nodiscard]] std::optional<std::string> problem() const override {
    return name_ == "waiting" ? std::optional<std::string>("nobody answers") : std::nullopt;
  }
  void report(MetricsReport& metrics) const override { metrics.counter("scripted_total", "Of this test", 1); }

 private:
  void note(const std::string& what) { trace_.push_back(what + " " + name_); }
  const std::string name_;
  const std::optional<std::string> tenant_;
  std::vector<std::string>& trace_;
};

class CountingSink final : public Sink {
 public:
  explicit CountingSink(int& stops) : stops_(stops) {}
  void deliver(OutboxMessage, Executor&, std::function<void(Status)>) override {}
  void stop() override { ++stops_; }

 private:
  int& stops_;
};

class ConnectorRegistryTest : public ::testing::Test {
 protected:
  using Trace = std::vector<std::string>;
  void SetUp() override {
    registry_.add_source_kind("scripted", [this](const std::string& name, const SourceConfig& config) {
      std::optional<std::string> tenant = config.tenant;
      if (tenant->empty()) tenant.reset();
      return Result<std::unique_ptr<Source>>(std::make_unique<ScriptedSource>(name, tenant, trace_));
    });
    registry_.add_sink_kind("counting", [this](const std::string&, const ConnectorConfig&) {
      return Result<std::unique_ptr<Sink>>(std::make_unique<CountingSink>(stops_));
    });
    LogOptions log;
    log.capture = [this](std::string_view line) { log_ += line; };
    ASSERT_TRUE(configure_log(log).ok());
  }
  void TearDown() override { static_cast<void>(configure_log({})); }

  /// `tenant`: "" = of several.
  static std::pair<std::string, SourceConfig> of(const std::string& name, const std::string& tenant) {
    SourceConfig config;
    config.kind = "scripted";
    config.tenant = tenant;
    return {name, config};
  }
  void start(const std::map<std::string, SourceConfig>& configs) {
    ASSERT_TRUE(registry_.open_sources(configs).ok());
    ASSERT_TRUE(registry_.start([](const EventBatch&, const BatchDone&) {}).ok());
  }
  Trace seen() {
    registry_.check_integrity();
    return std::exchange(trace_, {});
  }
  std::string metrics() {
    Metrics metrics;
    metrics.on_scrape([this](MetricsReport& shown) { registry_.report(shown); });
    return metrics.render();
  }

  Trace trace_;
  int stops_ = 0;
  std::string log_;
  ConnectorRegistry registry_;
};

TEST_F(ConnectorRegistryTest, StartsInOrderAndEndsInTheReverseOne) {
  ConnectorConfig sink;
  sink.kind = "counting";
  ASSERT_TRUE(registry_.open_sinks({{"out", sink}}).ok());
  start({of("a", "x"), of("b", "y")});
  EXPECT_EQ(seen(), (Trace{"start a", "start b"}));
  EXPECT_EQ(registry_.tenants(), (std::set<std::string>{"x", "y"}));
  EXPECT_NE(registry_.sink("out"), nullptr);
  EXPECT_EQ(registry_.sink("a"), nullptr);
  registry_.drain();
  registry_.drain();
  EXPECT_EQ(seen(), (Trace{"drain b", "drain a"}));
  EXPECT_EQ(stops_, 0) << "messages still go out";
  registry_.stop();
  EXPECT_EQ(seen(), (Trace{"stop b", "stop a"}));
  EXPECT_EQ(stops_, 1);
}

TEST_F(ConnectorRegistryTest, SaysWhatASourceWaitsFor) {
  start({of("a", "x"), of("waiting", "x")});
  const std::vector<ConnectorRegistry::SourceStatus> statuses = registry_.source_statuses();
  ASSERT_EQ(statuses.size(), 2U);
  EXPECT_EQ(statuses[0].problem, "");
  EXPECT_EQ(statuses[1].problem, "nobody answers");
}

TEST_F(ConnectorRegistryTest, PausesTheSourcesOfTheTenantThatIsNearItsBound) {
  start({of("a", "x"), of("b", "y"), of("c", "")});
  seen();
  registry_.set_pressure("x", true);
  EXPECT_EQ(seen(), (Trace{"pause a", "pause c"})) << "c may bring events of x too";
  EXPECT_EQ(registry_.paused("x"), (std::vector<std::string>{"scripted:a", "scripted:c"}));
  EXPECT_EQ(registry_.paused("y"), (std::vector<std::string>{"scripted:c"})) << "no tenant reads another's";
  EXPECT_NE(metrics().find("mnema_source_paused{source=\"a\"} 1\n"), std::string::npos) << metrics();
  EXPECT_NE(metrics().find("mnema_source_paused{source=\"b\"} 0\n"), std::string::npos) << metrics();
  EXPECT_NE(metrics().find("scripted_total 3\n"), std::string::npos) << metrics();

  registry_.set_pressure(std::nullopt, true);
  EXPECT_EQ(seen(), (Trace{"pause b"}));
  registry_.set_pressure("x", false);
  EXPECT_EQ(seen(), Trace{}) << "the whole is still near its bound";
  registry_.set_pressure(std::nullopt, false);
  EXPECT_EQ(seen(), (Trace{"resume a", "resume b", "resume c"}));
  EXPECT_TRUE(registry_.paused("x").empty());
}

TEST_F(ConnectorRegistryTest, SaysOnceThatASourceIsPausedAndThatItGoesOn) {
  start({of("a", "x")});
  log_.clear();
  registry_.set_pressure("x", true);
  registry_.set_pressure("x", true);
  registry_.set_pressure(std::nullopt, true);
  const std::string line = "a source is paused";
  ASSERT_NE(log_.find(line), std::string::npos) << log_;
  EXPECT_EQ(log_.find(line), log_.rfind(line)) << log_;
  EXPECT_NE(log_.find("scripted:a"), std::string::npos) << log_;
  EXPECT_EQ(log_.find("goes on"), std::string::npos);
  registry_.set_pressure(std::nullopt, false);
  registry_.set_pressure("x", false);
  EXPECT_NE(log_.find("a source goes on"), std::string::npos) << log_;
}

TEST_F(ConnectorRegistryTest, StartsASourcePausedWhoseTenantIsNearItsBoundAlready) {
  registry_.set_pressure("x", true);
  start({of("a", "x")});
  EXPECT_EQ(seen(), (Trace{"start a", "pause a"}));
  registry_.drain();
  registry_.set_pressure("x", false);
  EXPECT_EQ(seen(), (Trace{"drain a"})) << "one that is drained never goes on";
}

TEST_F(ConnectorRegistryTest, StopsWhatItStartedIfAnotherDoesNotStart) {
  ASSERT_TRUE(registry_.open_sources({of("a", "x"), of("broken", "x"), of("z", "x")}).ok());
  const Status started = registry_.start([](const EventBatch&, const BatchDone&) {});
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(started.error().message, "source 'broken': nobody is there");
  EXPECT_EQ(seen(), (Trace{"start a", "start broken", "drain a", "stop z", "stop broken", "stop a"}));
}

TEST_F(ConnectorRegistryTest, NamesTheKindsThatThereAre) {
  SourceConfig source;
  source.kind = "kafkka";
  const Status opened = registry_.open_sources({{"orders", source}});
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().text(),
            "invalid_argument: source 'orders': there is no kind 'kafkka' (the kinds are scripted)");
  ConnectorConfig sink;
  EXPECT_NE(registry_.open_sinks({{"out", sink}}).error().text().find("counting"), std::string::npos);
}

}  // namespace
}  // namespace mnema
