#include "connectors/response_watch.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "connectors/shape_store.hpp"
#include "runtime/base/log.hpp"
#include "runtime/sim/fault_vfs.hpp"
#include "runtime/sim/simulation_executor.hpp"

namespace mnema {
namespace {

class MemoryLog final : public ShapeLog {
 public:
  void keep(const std::string&, const std::string& call, const JsonShape& shape) override {
    kept.insert_or_assign(call, shape);
  }
  std::map<std::string, JsonShape> kept;
};

class ResponseWatchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    LogOptions log;
    log.capture = [this](std::string_view line) { log_ += line; };
    ASSERT_TRUE(configure_log(log).ok());
    json_.add("Content-Type", "application/json; charset=utf-8");
    options_.connector = "shop";
    options_.samples_to_learn = 2;
  }
  void TearDown() override {
    if (watch_) watch_->check_integrity();
    static_cast<void>(configure_log({}));
  }
  void open(DriftPolicy policy, std::map<std::string, JsonShape> restored = {}) {
    options_.policy = policy;
    std::vector<ResponseWatch::Pinned> pinned;
    pinned.push_back({"GET /customers/{id}",
                      *JsonSchema::compile(boost::json::parse(
                          R"({"type":"object","required":["name"],"properties":{"name":{"type":"string"}}})"))});
    watch_ = std::make_unique<ResponseWatch>(options_, std::move(pinned), std::move(restored), &store_);
  }
  Status get(const std::string& path, const std::string& body) { return watch_->check("GET", path, 200, json_, body); }
  void teach() {
    for (int i = 1; i <= 2; ++i) {
      ASSERT_TRUE(get("/orders/" + std::to_string(i), R"({"id":1,"total":2.5,"customer_id":"a"})").ok());
    }
  }

  ResponseWatchOptions options_;
  HttpHeaders json_;
  MemoryLog store_;
  std::unique_ptr<ResponseWatch> watch_;
  std::string log_;
};

TEST_F(ResponseWatchTest, TellsOnceThatAnswersHaveChangedAndFailsNothing) {
  open(DriftPolicy::kPinned);
  teach();
  EXPECT_TRUE(get("/orders/3", R"({"id":"3","total":2.5,"customerId":"a"})").ok());
  EXPECT_NE(log_.find("answers of a connector have changed their shape"), std::string::npos);
  EXPECT_NE(log_.find("/id is string and was number"), std::string::npos);
  EXPECT_NE(log_.find("/customer_id is missing (renamed to /customerId?)"), std::string::npos) << log_;
  log_.clear();
  EXPECT_TRUE(get("/orders/4", R"({"id":"4","total":2.5,"customerId":"a"})").ok());
  EXPECT_EQ(log_, "") << "that is the shape now";
  EXPECT_EQ(watch_->counts().drifted, 1);
  EXPECT_EQ(watch_->counts().shapes, 2);
}

TEST_F(ResponseWatchTest, FailsAnswersThatHaveChangedWhereItIsToldTo) {
  open(DriftPolicy::kFail);
  teach();
  for (int i = 0; i < 2; ++i) {
    const Status drift = get("/orders/3", R"({"id":"3","total":2.5,"customer_id":"a"})");
    ASSERT_FALSE(drift.ok());
    EXPECT_EQ(drift.error().code, ErrorCode::kSchemaDrift);
    EXPECT_NE(drift.error().message.find("GET /orders/{id}"), std::string::npos) << drift.error().message;
  }
  EXPECT_TRUE(get("/orders/3", R"({"id":3,"total":2.5,"customer_id":"a"})").ok());
  EXPECT_EQ(watch_->counts().drifted, 2);
}

TEST_F(ResponseWatchTest, TakesANewMemberForANote) {
  open(DriftPolicy::kFail);
  teach();
  EXPECT_TRUE(get("/orders/3", R"({"id":3,"total":2.5,"customer_id":"a","note":"x"})").ok());
  EXPECT_TRUE(get("/orders/3", R"({"id":3,"total":2.5,"customer_id":"a"})").ok()) << "it may be left out";
  EXPECT_EQ(watch_->counts().new_members, 1);
  EXPECT_EQ(watch_->counts().drifted, 0);
  EXPECT_NE(log_.find("/note"), std::string::npos);
}

TEST_F(ResponseWatchTest, HoldsAnswersToThePinnedSchemaOfTheirCall) {
  open(DriftPolicy::kPinned);
  EXPECT_TRUE(get("/customers/anna?full=1", R"({"name":"Anna","extra":1})").ok());
  const Status drift = get("/customers/anna", R"({"name":7})");
  ASSERT_FALSE(drift.ok());
  EXPECT_EQ(drift.error().code, ErrorCode::kSchemaDrift);
  EXPECT_NE(drift.error().message.find("at /name: expected string, found "), std::string::npos)
      << drift.error().message;
  EXPECT_FALSE(get("/customers/anna", R"({"name":{"secret":"hunter2"}})").ok());
  EXPECT_EQ(log_.find("hunter2"), std::string::npos) << "values are not logged";
  EXPECT_EQ(log_.find("does not fit its schema at /name"), log_.rfind("does not fit its schema at /name")) << log_;
  EXPECT_NE(log_.find("does not fit its schema at /name"), std::string::npos) << log_;
  EXPECT_FALSE(get("/customers/anna", "<html>").ok());
  EXPECT_TRUE(watch_->check("POST", "/customers/anna", 200, json_, "{}").ok()) << "another call";
  EXPECT_TRUE(get("/customers/anna/orders", "{}").ok()) << "another path";
  open(DriftPolicy::kNote);
  EXPECT_TRUE(get("/customers/anna", R"({"name":7})").ok());
  EXPECT_EQ(watch_->counts().drifted, 1);
  open(DriftPolicy::kOff);
  EXPECT_TRUE(get("/customers/anna", R"({"name":7})").ok());
  EXPECT_EQ(watch_->counts().drifted, 0);
}

TEST_F(ResponseWatchTest, TellsOnlySoMuchOfAPlaceHoweverLongItsNamesAre) {
  std::vector<ResponseWatch::Pinned> pinned;
  pinned.push_back({"GET /prices", *JsonSchema::compile(boost::json::parse(R"({"additionalProperties":false})"))});
  watch_ = std::make_unique<ResponseWatch>(options_, std::move(pinned), std::map<std::string, JsonShape>(), &store_);
  EXPECT_FALSE(get("/prices", "{\"" + std::string(100'000, 'n') + "\":1}").ok());
  EXPECT_NE(log_.find(" at /nnn"), std::string::npos);
  EXPECT_LT(log_.size(), 2'000U);
}

TEST_F(ResponseWatchTest, LooksAtJsonWithinItsBoundsOnly) {
  options_.shapes_max = 1;
  options_.body_bytes_max = 100;
  open(DriftPolicy::kFail);
  teach();
  EXPECT_TRUE(watch_->check("GET", "/orders/1", 200, {}, "[]").ok()) << "of no type";
  EXPECT_TRUE(get("/orders/1", "[" + std::string(100, ' ') + "]").ok()) << "too large";
  EXPECT_TRUE(get("/orders/1", "{").ok()) << "no JSON: whoever reads it says so";
  EXPECT_TRUE(get("/others", "[]").ok());
  EXPECT_EQ(watch_->counts().unwatched, 1);
  EXPECT_FALSE(get("/orders/1", "[]").ok());
}

TEST_F(ResponseWatchTest, KnowsAShapeAgainAfterARestart) {
  open(DriftPolicy::kPinned);
  teach();
  ASSERT_TRUE(store_.kept.contains("GET /orders/{id}"));
  open(DriftPolicy::kFail, store_.kept);
  EXPECT_FALSE(get("/orders/9", R"({"id":"9","total":2.5,"customer_id":"a"})").ok());
}

TEST(PathTemplate, HasANameWhereAPathHasAnId) {
  EXPECT_EQ(path_template_of("/orders/o-17?expand=1"), "/orders/{id}");
  EXPECT_EQ(path_template_of("/v1/customers/a%2Fb/cards"), "/v1/customers/{id}/cards");
  EXPECT_EQ(path_template_of("/users/anna@example.com"), "/users/{id}");
  EXPECT_EQ(path_template_of("/search?q=1"), "/search");
  EXPECT_EQ(path_template_of("/"), "/");
  EXPECT_EQ(path_template_of(""), "/");
}

TEST(ShapeStore, KeepsTheLastShapeOfEachCall) {
  Simulation simulation(1);
  FaultVfs disk(1);
  Database::Options options;
  options.path = "mnema.db";
  options.vfs = disk.name();
  auto database = Database::open(options, ShapeStore::migrations(), simulation.lane("store"), simulation.clock());
  ASSERT_TRUE(database.ok());
  ShapeStore store(**database, simulation.lane("blocking"));
  JsonShape shape;
  shape.learn(boost::json::parse(R"({"a":1})"));
  store.keep("shop", "GET /a", shape);
  shape.learn(boost::json::parse(R"({"a":1,"b":[true]})"));
  store.keep("shop", "GET /a", shape);
  store.keep("bank", "GET /a", JsonShape());
  simulation.run_until_idle();
  const auto loaded = store.load("shop");
  ASSERT_TRUE(loaded.ok());
  ASSERT_EQ(loaded->size(), 1U);
  EXPECT_EQ(loaded->at("GET /a").fields(), shape.fields());
  EXPECT_EQ(loaded->at("GET /a").samples(), 2);
  (*database)->close();
  simulation.run_ready();
}

}  // namespace
}  // namespace mnema
