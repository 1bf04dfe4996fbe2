// Records that were written with the schemas of a registry: a real broker, a real registry, and values that other
// programs have encoded (fastavro 1.13, protoc 3.21).
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <fstream>
#include <iterator>

#include "connectors/http/client.hpp"
#include "connectors/http/curl_transport.hpp"
#include "runtime/base/metrics.hpp"
#include "tests/connectors/http/peer.hpp"
#include "tests/connectors/kafka/kafka_fixture.hpp"
#include "tests/support/schema_registry_process.hpp"

namespace mnema {
namespace {

using testing::KafkaTest;
using testing::KafkaTestRecord;
using testing::SchemaRegistryProcess;

constexpr const char* kOrder =
    R"({"schema":"{\"type\":\"record\",\"name\":\"Order\",\"namespace\":\"shop\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},{\"name\":\"note\",\"type\":[\"null\",\"string\"]}]}"})";

/// A value as Confluent's serializers write it: zero byte, id, payload.
KafkaTestRecord written_with(int id, std::string_view hex) {
  std::string value(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) value += static_cast<char>(id >> shift);
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    value += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return {"key", value};
}
// {"id": 9007199254740993, "note": "first"} and {"id": 2, "note": null}
constexpr const char* kFirst = "8280808080808020020a6669727374";
constexpr const char* kSecond = "0400";

class RegisteredSource : public KafkaTest {
 protected:
  void SetUp() override {
    KafkaTest::SetUp();
    if (IsSkipped()) return;
    server = SchemaRegistryProcess::shared();
    if (server == nullptr) GTEST_SKIP() << "there is no Java or no Maven for a schema registry";
  }
  void TearDown() override {
    if (client_) client_->stop();
    if (transport_) transport_->stop();
    KafkaTest::TearDown();
    registry_.reset();
    client_.reset();
  }
  void boot_with(const std::string& topic, SchemaKind kind, const std::string& url) {
    transport_ = std::move(*CurlTransport::open({}, clock_));
    UpstreamOptions upstream;
    upstream.name = "registry:orders";
    upstream.retry.attempts_max = 1;
    upstream_ = std::make_unique<Upstream>(upstream, clock_);
    HttpClientOptions client;
    client.base_url = url;
    client_ = std::make_unique<HttpClient>(client, *upstream_, secrets_, *transport_, blocking_, clock_, random_);
    KafkaSourceOptions with = options(topic);
    with.mapping.schema_kind = kind;
    process = std::make_unique<testing::KafkaProcess>(folder_, Limits{});
    SchemaRegistryOptions options;
    options.name = "orders";
    options.wait_max = std::chrono::milliseconds(500);
    registry_ = std::make_shared<SchemaRegistry>(
        options, SchemaRegistry::Parts{*client_, process->loop, process->workers, clock_, process->limits_});
    with.registry = registry_;
    process->start(with);
    process->run();
  }
  void boot_with(const std::string& topic, SchemaKind kind) { boot_with(topic, kind, server->url()); }
  [[nodiscard]] std::string reason(std::size_t letter) {
    const auto letters = process->runtime->dead_letters().list(100).value();
    return letters.size() > letter ? letters[letter].error.text() : "";
  }
  /// -1: there is none.
  [[nodiscard]] double metric(const std::string& name, const std::string& label, const std::string& value) const {
    MetricsReport metrics(100);
    process->source->report(metrics);
    for (const prometheus::MetricFamily& family : metrics.families()) {
      for (const prometheus::ClientMetric& of : family.metric) {
        const bool is_it = std::any_of(of.label.begin(), of.label.end(),
                                       [&](const auto& one) { return one.name == label && one.value == value; });
        if (family.name == name && is_it) return std::max(of.counter.value, of.gauge.value);
      }
    }
    return -1;
  }
  [[nodiscard]] long long dead() const { return process->source->counts().dead; }

  SystemClock clock_;
  SystemRandom random_;
  SecretsStore secrets_{clock_};
  ThreadPoolExecutor blocking_{"registry", 1};
  SchemaRegistryProcess* server = nullptr;
  std::unique_ptr<CurlTransport> transport_;
  std::unique_ptr<Upstream> upstream_;
  std::unique_ptr<HttpClient> client_;
  std::shared_ptr<SchemaRegistry> registry_;
};

TEST_F(RegisteredSource, ReadsAvroByTheSchemaThatEachRecordNames) {
  const std::string topic = broker->create_topic(1);
  const int id = server->add(topic + "-value", kOrder);
  broker->produce(topic, {written_with(id, kFirst), written_with(id, kSecond), {"key", std::nullopt}});
  boot_with(topic, SchemaKind::kAvro);
  wait_for_accepted(3);
  const std::vector<Event> events = process->ready();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].data, R"({"id":9007199254740993,"note":"first"})");
  EXPECT_EQ(events[1].data, R"({"id":2,"note":null})");
  EXPECT_EQ(events[2].data, "null");
  EXPECT_EQ(events[0].content_type, "application/json");
  EXPECT_EQ(events[0].attributes.at("schema_id"), std::to_string(id));
  EXPECT_EQ(registry_->counts().fetched, 1);
  EXPECT_FALSE(process->source->problem());
}

TEST_F(RegisteredSource, MakesADeadLetterOfWhatItsSchemaDoesNotSayAndGoesOn) {
  const std::string topic = broker->create_topic(1);
  const int id = server->add(topic + "-value", kOrder);
  const KafkaTestRecord cut = written_with(id, "82808080");
  broker->produce(topic, {cut,
                          written_with(987'654, kFirst),
                          {"key", "{\"id\":1}"},
                          written_with(id, ""),
                          {"key", ""},
                          written_with(id, std::string(kSecond) + "ff"),
                          written_with(id, kSecond)});
  boot_with(topic, SchemaKind::kAvro);
  wait_for_accepted(1);
  EXPECT_EQ(dead(), 6);
  const std::vector<Event> letters = process->dead();
  ASSERT_EQ(letters.size(), 6U);
  EXPECT_EQ(letters[0].data, *cut.value) << "the bytes as they came";
  const std::vector<std::string> reasons = {
      "the Avro data is wrong at /id: it ends too early", "the schema registry has no schema 987654",
      "was not written with a schema registry",           "the Avro data is wrong at /id: it ends too early",
      "was not written with a schema registry",           "1 bytes follow its end"};
  const auto list = process->runtime->dead_letters().list(100).value();
  for (const std::string& reason : reasons) {
    EXPECT_TRUE(std::any_of(list.begin(), list.end(), [&](const DeadLetterSummary& letter) {
      return letter.error.text().find(reason) != std::string::npos;
    })) << reason;
  }
}

TEST_F(RegisteredSource, ReadsWhatASchemaRefersTo) {
  const std::string topic = broker->create_topic(1);
  static_cast<void>(server->add(
      "address-" + topic,
      R"({"schema":"{\"type\":\"record\",\"name\":\"Address\",\"namespace\":\"shop\",\"fields\":[{\"name\":\"city\",\"type\":\"string\"}]}"})"));
  const int id = server->add(
      topic + "-value",
      R"({"schema":"{\"type\":\"record\",\"name\":\"Parcel\",\"namespace\":\"shop\",\"fields\":[{\"name\":\"to\",\"type\":\"shop.Address\"}]}","references":[{"name":"shop.Address","subject":"address-)" +
          topic + R"(","version":1}]})");
  broker->produce(topic, {written_with(id, "084265726e")});
  boot_with(topic, SchemaKind::kAvro);
  wait_for_accepted(1);
  EXPECT_EQ(process->ready().at(0).data, R"({"to":{"city":"Bern"}})");
}

TEST_F(RegisteredSource, ReadsProtobufWithWhatItImportsAndTheMessageThatEachRecordNames) {
  const auto file = [](const std::string& name) {
    std::ifstream in(std::string(MNEMA_SOURCE_DIR "/tests/connectors/protobuf/") + name);
    return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  };
  const std::string topic = broker->create_topic(1);
  static_cast<void>(server->add(
      "proto-address-" + topic,
      boost::json::serialize(boost::json::object{{"schemaType", "PROTOBUF"}, {"schema", file("address.proto")}})));
  const boost::json::object import{{"name", "address.proto"}, {"subject", "proto-address-" + topic}, {"version", 1}};
  const int id = server->add(
      topic + "-value", boost::json::serialize(boost::json::object{
                            {"schemaType", "PROTOBUF"}, {"schema", file("cases.proto")}, {"references", {import}}}));
  // The first message: a zero. The second: one place, which is 1. Then one that is not there, and one cut off.
  broker->produce(topic, {written_with(id,
                                       "00"
                                       "0881808080808080103a060a044265726e"),
                          written_with(id,
                                       "0202"
                                       "1001"),
                          written_with(id,
                                       "0250"
                                       "1001"),
                          written_with(id,
                                       "00"
                                       "08ff"),
                          written_with(id, "")});
  boot_with(topic, SchemaKind::kProtobuf);
  wait_until("all are read", [&] { return process->source->counts().accepted == 2 && dead() == 3; });
  const std::vector<Event> events = process->ready();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].data,
            R"({"id":9007199254740993,"customer_id":"","items":[],"tags":{},"status":"OPEN","to":{"city":"Bern"}})");
  EXPECT_NE(events[1].data.find("\"i64\":1"), std::string::npos) << events[1].data;
}

TEST_F(RegisteredSource, TellsThatATopicsSchemaHasChanged) {
  const std::string topic = broker->create_topic(1);
  const int first = server->add(topic + "-value", kOrder);
  const int second = server->add(
      topic + "-other",
      R"({"schema":"{\"type\":\"record\",\"name\":\"Order\",\"namespace\":\"shop\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"},{\"name\":\"note\",\"type\":[\"null\",\"string\"]},{\"name\":\"priority\",\"type\":\"int\",\"default\":0}]}"})");
  broker->produce(topic,
                  {written_with(first, kFirst), written_with(second, "066f2d330002"), written_with(first, kSecond)});
  boot_with(topic, SchemaKind::kAvro);
  wait_for_accepted(3);
  EXPECT_NE(log().find("the records of a topic have changed their shape"), std::string::npos);
  EXPECT_NE(log().find("/id is string and was number"), std::string::npos);
  EXPECT_NE(log().find("/priority"), std::string::npos);
  EXPECT_EQ(metric("mnema_schema_drift_total", "kind", "broken"), 1);
  EXPECT_EQ(metric("mnema_schema_drift_total", "kind", "new"), 1);
}

TEST_F(RegisteredSource, HoldsJsonToItsSchema) {
  const std::string topic = broker->create_topic(1);
  const int id = server->add(
      topic + "-value",
      R"({"schemaType":"JSON","schema":"{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"}},\"required\":[\"id\"]}"})");
  KafkaTestRecord good = written_with(id, "");
  *good.value += R"({"id":1})";
  KafkaTestRecord bad = written_with(id, "");
  *bad.value += R"({"id":"1"})";
  broker->produce(topic, {bad, good});
  boot_with(topic, SchemaKind::kJsonSchema);
  wait_for_accepted(1);
  EXPECT_EQ(dead(), 1);
  EXPECT_NE(reason(0).find("at /id: expected integer, found a string"), std::string::npos) << reason(0);
}

TEST_F(RegisteredSource, HoldsJsonToASchemaThatRefersToAnotherSubject) {
  const std::string topic = broker->create_topic(1);
  static_cast<void>(server->add(
      topic + "-address",
      R"({"schemaType":"JSON","schema":"{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}"})"));
  const int id = server->add(
      topic + "-value",
      R"({"schemaType":"JSON","references":[{"name":"address.json","subject":")" + topic +
          R"(-address","version":1}],"schema":"{\"type\":\"object\",\"properties\":{\"to\":{\"$ref\":\"address.json\"}}}"})");
  KafkaTestRecord good = written_with(id, "");
  *good.value += R"({"to":{"city":"Bern"}})";
  KafkaTestRecord bad = written_with(id, "");
  *bad.value += R"({"to":{"city":3000}})";
  broker->produce(topic, {bad, good});
  boot_with(topic, SchemaKind::kJsonSchema);
  wait_for_accepted(1);
  EXPECT_EQ(dead(), 1);
  EXPECT_NE(reason(0).find("at /to/city: expected string"), std::string::npos) << reason(0);
}

TEST_F(RegisteredSource, RefusesRecordsOfAnotherKindOfSchema) {
  const std::string topic = broker->create_topic(1);
  const int id = server->add(topic + "-value", kOrder);
  broker->produce(topic, {written_with(id, kFirst)});
  boot_with(topic, SchemaKind::kJsonSchema);
  wait_until("it is dead", [&] { return dead() == 1; });
  EXPECT_NE(reason(0).find("is of avro, and the source's format is json_schema"), std::string::npos) << reason(0);
}

TEST_F(RegisteredSource, WaitsWhileTheRegistryDoesNotAnswerAndLosesNothing) {
  const std::string topic = broker->create_topic(1);
  server->kill();
  // Each start of the registry begins anew, with the first id.
  broker->produce(topic, std::vector<KafkaTestRecord>(2'500, written_with(1, kSecond)));
  boot_with(topic, SchemaKind::kAvro);
  wait_until("the source says what it waits for", [&] {
    return process->source->problem().value_or("").find("does not say what schema 1 is") != std::string::npos;
  });
  wait_until("fetching is paused", [&] { return process->source->counts().pauses > 0; });
  EXPECT_EQ(process->source->counts().accepted, 0);
  EXPECT_EQ(dead(), 0);
  EXPECT_EQ(metric("mnema_schema_registry_waiting", "source", "orders"), 1);
  server->start();
  ASSERT_EQ(server->add(topic + "-value", kOrder), 1);
  wait_for_accepted(2'500);
  EXPECT_EQ(dead(), 0);
  EXPECT_FALSE(process->source->problem());
}

TEST_F(RegisteredSource, WaitsWhileTheRegistryFails) {
  const std::string topic = broker->create_topic(1);
  std::atomic<bool> fails = true;
  const std::string schema = R"({"schema":"\"string\""})";
  const testing::Peer peer([&](testing::PeerConnection& connection) {
    while (!connection.read_request().empty()) {
      const std::string body = fails ? "a proxy's page" : schema;
      const std::string head = fails ? "HTTP/1.1 502 Bad Gateway" : "HTTP/1.1 200 OK";
      if (!connection.write(head + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body)) return;
    }
  });
  broker->produce(topic, {written_with(3, "084265726e")});
  boot_with(topic, SchemaKind::kAvro, peer.url());
  wait_until("it has failed", [&] { return registry_->counts().failed >= 2; });
  EXPECT_EQ(process->source->counts().accepted, 0);
  fails = false;
  wait_for_accepted(1);
  EXPECT_EQ(process->ready().at(0).data, "\"Bern\"");
}

}  // namespace
}  // namespace mnema
