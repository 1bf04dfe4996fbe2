#include "tests/support/schema_registry_process.hpp"

#include <gtest/gtest.h>
#include <httplib.h>
#include <unistd.h>

#include <boost/json/parse.hpp>

#include "connectors/http/url.hpp"
#include "runtime/base/check.hpp"

namespace mnema::testing {

SchemaRegistryProcess* SchemaRegistryProcess::shared() {
  static const std::unique_ptr<SchemaRegistryProcess> registry = [] {
    std::unique_ptr<ScriptProcess> script = ScriptProcess::start(
        "examples/kafka/registry.py", ::testing::TempDir() + "mnema-registry-" + std::to_string(::getpid()));
    return std::unique_ptr<SchemaRegistryProcess>(script ? new SchemaRegistryProcess(std::move(script)) : nullptr);
  }();
  return registry.get();
}

SchemaRegistryProcess::SchemaRegistryProcess(std::unique_ptr<ScriptProcess> script)
    : script_(std::move(script)), url_(script_->fact("url")) {}

void SchemaRegistryProcess::kill() { script_->tell("kill"); }
void SchemaRegistryProcess::start() { script_->tell("start"); }

int SchemaRegistryProcess::add(const std::string& subject, const std::string& body) {
  const Result<HttpUrl> url = HttpUrl::parse(url_);
  CHECK(url.ok(), "the registry has a URL");
  httplib::Client client(url->origin());
  client.set_read_timeout(30);
  const auto answer =
      client.Post(url->path + "/subjects/" + subject + "/versions", body, "application/vnd.schemaregistry.v1+json");
  CHECK(answer, "the registry answers");
  EXPECT_EQ(answer->status, 200) << answer->body;
  return static_cast<int>(boost::json::parse(answer->body).at("id").as_int64());
}

}  // namespace mnema::testing
