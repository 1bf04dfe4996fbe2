#include "connectors/schema_registry/registry.hpp"

#include <gtest/gtest.h>

#include "tests/connectors/http/scripted_transport.hpp"

namespace mnema {
namespace {

using testing::ScriptedTransport;

constexpr const char* kOrder =
    R"({"schema":"{\"type\":\"record\",\"name\":\"Order\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"}]}"})";

class SchemaRegistryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    UpstreamOptions upstream;
    upstream.name = "registry:orders";
    upstream.retry.attempts_max = 1;
    upstream_ = std::make_unique<Upstream>(upstream, simulation_.clock());
    HttpClientOptions client;
    client.base_url = "http://registry.example.com/apis/ccompat/v7";
    client_ = std::make_unique<HttpClient>(client, *upstream_, secrets_, transport_, simulation_.lane("blocking"),
                                           simulation_.clock(), simulation_.random());
    open({});
  }
  void open(const Limits& limits) {
    limits_ = limits;
    registry_ = std::make_shared<SchemaRegistry>(
        SchemaRegistryOptions{}, SchemaRegistry::Parts{*client_, simulation_.lane("loop"), simulation_.lane("workers"),
                                                       simulation_.clock(), limits_});
  }
  Result<RegisteredSchemas> find(const std::set<SchemaId>& ids) {
    std::optional<Result<RegisteredSchemas>> found;
    registry_->find(ids, [&](Result<RegisteredSchemas> schemas) { found = std::move(schemas); });
    simulation_.run_until([&] { return found.has_value(); });
    registry_->check_integrity();
    return *found;
  }
  std::string problem_of(SchemaId id) {
    const auto found = find({id});
    if (!found.ok()) return "not found out: " + found.error().message;
    return found->at(id).ok() ? "none" : found->at(id).error().message;
  }

  Simulation simulation_{1};
  SecretsStore secrets_{simulation_.clock()};
  ScriptedTransport transport_{simulation_};
  std::unique_ptr<Upstream> upstream_;
  std::unique_ptr<HttpClient> client_;
  Limits limits_;
  std::shared_ptr<SchemaRegistry> registry_;
};

TEST_F(SchemaRegistryTest, FetchesASchemaOnceForAllThatAskForIt) {
  transport_.answer(200, {}, kOrder);
  int answers = 0;
  for (int i = 0; i < 3; ++i) {
    registry_->find({7}, [&](const Result<RegisteredSchemas>& schemas) { answers += schemas.ok() ? 1 : 0; });
  }
  simulation_.run_until([&] { return answers == 3; });
  EXPECT_EQ(answers, 3);
  ASSERT_EQ(transport_.requests.size(), 1U);
  EXPECT_EQ(transport_.requests[0].url.path, "/apis/ccompat/v7/schemas/ids/7");
  const auto again = find({7});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again->at(7).value()->decode("\x0e", {}), R"({"id":7})");
  EXPECT_EQ(transport_.requests.size(), 1U);
  EXPECT_FALSE(registry_->problem());
}

TEST_F(SchemaRegistryTest, BelievesForAMinuteThatThereIsNoSuchSchema) {
  transport_.answer(404, {}, R"({"error_code":40403,"message":"Schema 9 not found"})");
  EXPECT_EQ(problem_of(9), "the schema registry has no schema 9");
  EXPECT_EQ(problem_of(9), "the schema registry has no schema 9");
  EXPECT_EQ(transport_.requests.size(), 1U);
  simulation_.run_for(std::chrono::seconds(61));
  transport_.answer(200, {}, kOrder);
  EXPECT_EQ(problem_of(9), "none");
}

TEST_F(SchemaRegistryTest, DoesNotTakeTheNotFoundOfSomebodyElseForTheRegistrys) {
  transport_.answer(404, {}, "<html>nginx: 404 Not Found</html>");
  EXPECT_NE(problem_of(9).find("not found out: the schema registry does not say what schema 9 is"), std::string::npos);
  EXPECT_TRUE(registry_->problem());
}

TEST_F(SchemaRegistryTest, SaysWhenToAskAgainWhereItGetsNoAnswer) {
  long last = 0;
  for (int i = 0; i < 4; ++i) {
    transport_.answer(503, {}, "starting");
    const auto found = find({7});
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().code, ErrorCode::kUnavailable);
    EXPECT_TRUE(found.error().retryable);
    EXPECT_GT(found.error().retry_after_ms, last);
    last = found.error().retry_after_ms;
  }
  transport_.answer(200, {}, "[]");
  EXPECT_NE(problem_of(7).find("has no member 'schema'"), std::string::npos);
  EXPECT_TRUE(registry_->problem());
  transport_.answer(200, {}, kOrder);
  EXPECT_EQ(problem_of(7), "none");
  EXPECT_FALSE(registry_->problem());
  EXPECT_EQ(registry_->counts().failed, 5);
  EXPECT_EQ(registry_->counts().fetched, 1);
}

TEST_F(SchemaRegistryTest, FetchesWhatASchemaRefersTo) {
  const auto with = [](const std::string& schema, const std::string& references) {
    return R"({"schema":)" + schema + R"(,"references":[)" + references + "]}";
  };
  transport_.answer(
      200, {},
      with(R"("{\"type\":\"record\",\"name\":\"Order\",\"fields\":[{\"name\":\"to\",\"type\":\"Address\"}]}")",
           R"({"name":"Address","subject":"shop/address","version":2})"));
  transport_.answer(
      200, {},
      with(R"("{\"type\":\"record\",\"name\":\"Address\",\"fields\":[{\"name\":\"city\",\"type\":\"City\"}]}")",
           R"({"name":"City","subject":"city","version":1})"));
  transport_.answer(200, {}, with(R"("{\"type\":\"enum\",\"name\":\"City\",\"symbols\":[\"Bern\"]}")", ""));
  const auto found = find({7});
  ASSERT_TRUE(found.ok());
  ASSERT_TRUE(found->at(7).ok()) << found->at(7).error().text();
  EXPECT_EQ(*found->at(7).value()->decode(std::string(1, '\0'), {}), R"({"to":{"city":"Bern"}})");
  ASSERT_EQ(transport_.requests.size(), 3U);
  EXPECT_EQ(transport_.requests[1].url.path, "/apis/ccompat/v7/subjects/shop%2Faddress/versions/2");
}

TEST_F(SchemaRegistryTest, EndsWhereSchemasReferToEachOtherOrToTooMany) {
  const std::string circle = R"({"schema":"\"null\"","references":[{"name":"a","subject":"a","version":1}]})";
  transport_.answer(200, {}, circle);
  transport_.answer(200, {}, circle);
  EXPECT_EQ(problem_of(1), "none") << "each is read once";
  open(Limits::tiny());
  for (int i = 0; i < 4; ++i) {
    transport_.answer(
        200, {},
        R"({"schema":"\"null\"","references":[{"name":"a","subject":"a","version":)" + std::to_string(i) + "}]}");
  }
  EXPECT_NE(problem_of(1).find("refers to more than 3 other ones"), std::string::npos);
}

TEST_F(SchemaRegistryTest, KeepsTheSchemasThatAreUsed) {
  open(Limits::tiny());
  for (int i = 0; i < 3; ++i) transport_.answer(200, {}, kOrder);
  EXPECT_EQ(problem_of(1), "none");
  EXPECT_EQ(problem_of(2), "none");
  EXPECT_EQ(problem_of(1), "none");
  EXPECT_EQ(problem_of(3), "none");
  EXPECT_EQ(problem_of(1), "none");
  EXPECT_EQ(transport_.requests.size(), 3U) << "2 was used least lately";
}

TEST_F(SchemaRegistryTest, SaysWhyASchemaCannotBeRead) {
  transport_.answer(200, {}, R"({"schema":"{\"type\":\"whole\"}"})");
  EXPECT_EQ(problem_of(5),
            "schema 5 of the registry cannot be read: the Avro schema is wrong at its top: there is no type 'whole'");
}

TEST_F(SchemaRegistryTest, SaysOnlySoMuchOfASchemaThatCannotBeRead) {
  transport_.answer(200, {}, R"({"schema":"\")" + std::string(100'000, 'x') + R"(\""})");
  const std::string problem = problem_of(5);
  EXPECT_NE(problem.find("there is no type 'xxx"), std::string::npos) << problem.substr(0, 200);
  EXPECT_LE(problem.size(), 1'000U);
}

TEST_F(SchemaRegistryTest, DoesNotAskForAnIdThatNoRegistryHas) {
  // One that calls the call wrong would keep the record, and all behind it, waiting for another answer.
  transport_.answer(400, {}, R"({"code":400,"message":"Invalid parameter 'id'"})");
  EXPECT_NE(problem_of(0xffff'ffff).find("the schema registry has no schema 4294967295"), std::string::npos);
  EXPECT_TRUE(transport_.requests.empty());
}

TEST(SchemaRegistryAtItsEnd, LetsGoOfWhoWaitsForAnAnswerThatNeverComes) {
  const auto waits = std::make_shared<int>(0);
  std::weak_ptr<SchemaRegistry> left;
  {
    Simulation simulation(1);
    const Limits limits;
    SecretsStore secrets(simulation.clock());
    ScriptedTransport transport(simulation);
    UpstreamOptions upstream_options;
    Upstream upstream(upstream_options, simulation.clock());
    HttpClientOptions options;
    options.base_url = "http://registry.example.com";
    HttpClient client(options, upstream, secrets, transport, simulation.lane("blocking"), simulation.clock(),
                      simulation.random());
    const auto registry = std::make_shared<SchemaRegistry>(
        SchemaRegistryOptions{},
        SchemaRegistry::Parts{client, simulation.lane("loop"), simulation.lane("workers"), simulation.clock(), limits});
    left = registry;
    registry->find({7}, [waits](const Result<RegisteredSchemas>&) { FAIL() << "no answer came"; });
  }
  EXPECT_TRUE(left.expired());
  EXPECT_EQ(waits.use_count(), 1);
}

}  // namespace
}  // namespace mnema
