#include "runtime/config/config.hpp"

#include <gtest/gtest.h>

#include "runtime/config/limits_fields.hpp"

namespace mnema {
namespace {

std::string problem_of(const std::string& text) {
  const auto config = parse_config(text, "mnema.toml");
  return config.ok() ? "" : config.error().message;
}

TEST(Config, KeepsItsDefaultsWhereTheFileIsSilent) {
  const auto config = parse_config("", "mnema.toml");
  ASSERT_TRUE(config.ok()) << config.error().text();
  EXPECT_EQ(config->server.port, 7070);
  EXPECT_EQ(config->inference.model, "") << "whether one is needed, the agents say";
}

TEST(Config, ReadsAWholeFile) {
  const auto config = parse_config(R"(
[server]
listen = "0.0.0.0:8080"
[server.keys.frontend]
key = {env = "FRONTEND_KEY"}
tenant = "acme"
[inference]
kv_memory_bytes = "512 MiB"
[limits]
attempts_max = 7
[agents.triage]
on = ["github.issues.*"]
choices = ["bug", "feature"]
reply_to = "out"
budget_tokens = 4000
[connectors.out]
kind = "http"
url = "http://127.0.0.1:9/"
bearer = {file = "/run/secrets/out"}
calls_per_hour = 100
[sources.github]
kind = "webhook"
path = "/hooks/github"
secrets = [{env = "NEW"}, {env = "OLD"}]
)",
                                   "mnema.toml");
  ASSERT_TRUE(config.ok()) << config.error().text();
  EXPECT_EQ(config->server.host, "0.0.0.0");
  EXPECT_EQ(config->server.keys.at("frontend").key, "env:FRONTEND_KEY");
  EXPECT_EQ(config->inference.kv_memory_bytes, 512LL << 20);
  EXPECT_EQ(config->limits.attempts_max, 7);
  EXPECT_EQ(config->agents.at("triage").budget_tokens, 4000);
  EXPECT_EQ(config->connectors.at("out").bearer, "file:/run/secrets/out");
  EXPECT_EQ(config->sources.at("github").secrets, (std::vector<std::string>{"env:NEW", "env:OLD"}));
}

TEST(Config, NamesLineColumnAndTheNearestKeyOfAnUnknownOne) {
  const std::string problem = problem_of("[server]\nlisten = \"127.0.0.1:1\"\nlissten = 3\n");
  EXPECT_NE(problem.find("mnema.toml:3:"), std::string::npos) << problem;
  EXPECT_NE(problem.find("'server.lissten'"), std::string::npos) << problem;
  EXPECT_NE(problem.find("did you mean 'listen'?"), std::string::npos) << problem;
  EXPECT_NE(problem_of("[sever]\n").find("did you mean 'server'?"), std::string::npos);
}

TEST(Config, ReportsEveryProblemAtOnce) {
  const std::string problem = problem_of("[log]\nlevel = \"loud\"\n[inference]\nthreads = -1\nmodel = 3\n");
  EXPECT_NE(problem.find("must be one of debug, info"), std::string::npos) << problem;
  EXPECT_NE(problem.find("must be between 0 and 256"), std::string::npos) << problem;
  EXPECT_NE(problem.find("'inference.model' must be a text"), std::string::npos) << problem;
}

TEST(Config, RefusesALiteralSecretWithoutRepeatingIt) {
  for (const char* text :
       {"[connectors.a]\nkind = \"http\"\nurl = \"http://x\"\nbearer = \"sk-12345\"\n",
        "[connectors.a]\nkind = \"http\"\nurl = \"http://x\"\nheaders = {Authorization = \"sk-12345\"}\n",
        "[sources.a]\nkind = \"webhook\"\npath = \"/h\"\nsecrets = [\"sk-12345\"]\n",
        "[server]\napi_key = \"sk-12345\"\n"}) {
    const std::string problem = problem_of(text);
    EXPECT_NE(problem.find("secret as plain text"), std::string::npos) << text << problem;
    EXPECT_EQ(problem.find("sk-12345"), std::string::npos) << problem;
  }
}

TEST(Config, RefusesNamesThatLeadNowhere) {
  EXPECT_NE(problem_of("[agents.a]\nreply_to = \"nobody\"\n").find("[connectors.nobody]"), std::string::npos);
}

std::string webhook(const std::string& name, const std::string& path, const std::string& more = {}) {
  return "[sources." + name + "]\nkind = \"webhook\"\nscheme = \"unsigned\"\npath = \"" + path + "\"\n" + more;
}

TEST(Config, NamesTheKindsThatThereAreAndNoKeyOfAnUnknownOne) {
  const std::string source = problem_of("[sources.a]\nkind = \"kafkka\"\ntopics = [\"t\"]\n");
  EXPECT_NE(source.find("mnema.toml:2:"), std::string::npos) << source;
  EXPECT_NE(source.find("must be one of webhook"), std::string::npos) << source;
  EXPECT_EQ(source.find("topics"), std::string::npos) << source;
  const std::string connector = problem_of("[connectors.a]\nurl = \"http://x\"\n");
  EXPECT_NE(connector.find("must be one of http, file"), std::string::npos) << connector;
  EXPECT_NE(
      problem_of("[connectors.a]\nkind = \"file\"\npath = \"x\"\nurl = \"http://x\"\n").find("'connectors.a.url'"),
      std::string::npos)
      << "a key of another kind does nothing here";
}

TEST(Config, ReadsHowARabbitmqBrokerIsReached) {
  const std::string base = "[sources.a]\nkind = \"rabbitmq\"\nbrokers = \"b:5672\"\n";
  const std::string source = base + "queue = \"q\"\nusername = \"u\"\n";
  const std::string password = "password = {env = \"RABBITMQ_PASSWORD\"}\n";
  EXPECT_EQ(problem_of(source + password), "");
  EXPECT_EQ(problem_of(source + password + "queue_type = \"quorum\"\nexchange = \"e\"\nrouting_keys = [\"a.*\"]\n"),
            "");
  EXPECT_NE(problem_of(source).find("'sources.a.password'"), std::string::npos);
  EXPECT_NE(problem_of(base + password).find("'sources.a.queue'"), std::string::npos);
  EXPECT_NE(problem_of(base + password).find("'sources.a.username'"), std::string::npos);
  EXPECT_NE(problem_of(source + password + "routing_keys = [\"a\"]\n").find("'sources.a.exchange'"), std::string::npos);
  EXPECT_NE(problem_of(source + password + "prefetch = 0\n").find("'sources.a.prefetch'"), std::string::npos);
  EXPECT_NE(problem_of(source + password + "tls_ca = \"ca.pem\"\n").find("'sources.a.tls'"), std::string::npos);
  const std::string literal = problem_of(source + "password = \"hunter2\"\n");
  EXPECT_EQ(literal.find("hunter2"), std::string::npos) << literal;
  EXPECT_NE(literal, "");
  const std::string sink = "[connectors.c]\nkind = \"rabbitmq\"\nbrokers = \"b\"\nusername = \"u\"\n" + password;
  EXPECT_EQ(problem_of(sink + "routing_key = \"orders\"\n"), "");
  EXPECT_EQ(problem_of(sink + "routing_key = \"{agent}.{/kind}\"\n"), "");
  EXPECT_NE(problem_of(sink).find("'connectors.c.routing_key'"), std::string::npos);
  EXPECT_NE(problem_of(sink + "routing_key = \"{agent\"\n").find("'connectors.c.routing_key'"), std::string::npos);
}

TEST(Config, ReadsHowAKafkaClusterIsReached) {
  const std::string kafka = "[sources.a]\nkind = \"kafka\"\nbrokers = \"b:9092\"\ntopics = [\"t\"]\n";
  EXPECT_EQ(problem_of(kafka), "");
  EXPECT_EQ(problem_of(kafka + "sasl = \"plain\"\nusername = \"u\"\npassword = {env = \"KAFKA_PASSWORD\"}\n"
                               "options = {\"fetch.max.bytes\" = \"1000\"}\n"),
            "");
  EXPECT_EQ(problem_of(kafka + "[sources.b]\nkind = \"kafka\"\nbrokers = \"b:9092\"\ntopics = [\"u\"]\n"), "")
      << "two sources without a path are in nobody's way";
  EXPECT_NE(problem_of("[sources.a]\nkind = \"kafka\"\ntopics = [\"t\"]\n").find("'sources.a.brokers'"),
            std::string::npos);
  EXPECT_NE(problem_of("[sources.a]\nkind = \"kafka\"\nbrokers = \"b\"\n").find("'sources.a.topics'"),
            std::string::npos);
  const std::string literal = problem_of(kafka + "sasl = \"plain\"\nusername = \"u\"\npassword = \"hunter2\"\n");
  EXPECT_NE(literal.find("'sources.a.password'"), std::string::npos) << literal;
  EXPECT_EQ(literal.find("hunter2"), std::string::npos) << literal;
  EXPECT_NE(problem_of(kafka + "sasl = \"plain\"\n").find("'sources.a.username'"), std::string::npos);
  EXPECT_NE(problem_of(kafka + "sasl = \"oauthbearer\"\n").find("'sources.a.token'"), std::string::npos);
  EXPECT_NE(problem_of(kafka + "tls_ca = \"ca.pem\"\n").find("'sources.a.tls'"), std::string::npos);
  EXPECT_NE(problem_of("[connectors.c]\nkind = \"kafka\"\nbrokers = \"b\"\n").find("'connectors.c.topic'"),
            std::string::npos);
}

TEST(Config, ReadsTheSchemaRegistryOfAKafkaSource) {
  const std::string kafka = "[sources.a]\nkind = \"kafka\"\nbrokers = \"b:9092\"\ntopics = [\"t\"]\n";
  const std::string registry = "[sources.a.registry]\n";
  const std::string url = "url = \"https://registry.example.com/apis\"\n";
  for (const std::string format : {"avro", "protobuf", "json_schema"}) {
    EXPECT_EQ(problem_of(kafka + "format = \"" + format + "\"\n" + registry + url), "");
  }
  const std::string avro = kafka + "format = \"avro\"\n";
  EXPECT_NE(problem_of(avro).find("'sources.a.registry' is missing"), std::string::npos) << problem_of(avro);
  EXPECT_NE(problem_of(kafka + registry + url).find("'format' is json, which needs none"), std::string::npos);
  EXPECT_NE(problem_of(avro + registry).find("'sources.a.registry.url' is missing"), std::string::npos);
  EXPECT_EQ(problem_of(avro + registry + url + "user = \"u\"\npassword = {env = \"P\"}\nca = \"ca.pem\"\n"), "");
  EXPECT_NE(problem_of(avro + registry + url + "user = \"u\"\n").find("'sources.a.registry.user'"), std::string::npos);
  EXPECT_NE(problem_of(avro + registry + "url = \"https://u:p@h\"\n").find("use 'user'"), std::string::npos);
  EXPECT_NE(problem_of(avro + registry + url + "users = \"u\"\n").find("'sources.a.registry.users'"),
            std::string::npos);
  const std::string literal = problem_of(avro + registry + url + "user = \"u\"\npassword = \"hunter2\"\n");
  EXPECT_NE(literal.find("'sources.a.registry.password'"), std::string::npos) << literal;
  EXPECT_EQ(literal.find("hunter2"), std::string::npos) << literal;
}

TEST(Config, ReadsWhichAnswersOfAConnectorAreHeldToASchema) {
  const std::string http = "[connectors.c]\nkind = \"http\"\nurl = \"https://h\"\n";
  EXPECT_EQ(problem_of(http + "drift = \"fail\"\n[connectors.c.schemas]\n\"GET /orders/{id}\" = \"order.json\"\n"), "");
  EXPECT_NE(problem_of(http + "drift = \"maybe\"\n").find("'connectors.c.drift'"), std::string::npos);
  EXPECT_NE(problem_of(http + "schemas = {\"/orders\" = \"order.json\"}\n").find("no method and path"),
            std::string::npos);
}

TEST(Config, RefusesASourceThatWouldNeverGoOn) {
  EXPECT_NE(problem_of("[limits]\nsource_pause_percent = 50\n").find("source_resume_percent"), std::string::npos);
  EXPECT_NE(problem_of("[limits]\nsource_pause_percent = 101\n").find("100 at most"), std::string::npos);
  EXPECT_EQ(problem_of("[limits]\nsource_pause_percent = 50\nsource_resume_percent = 40\n"), "");
}

TEST(Config, RefusesTwoSourcesOnOnePathNamingTheLineAndBoth) {
  const std::string problem = problem_of(webhook("a", "/hooks/x") + webhook("b", "/hooks/x"));
  EXPECT_NE(problem.find("mnema.toml:8:"), std::string::npos) << problem;
  EXPECT_NE(problem.find("'sources.b.path'"), std::string::npos) << problem;
  EXPECT_NE(problem.find("source 'a'"), std::string::npos) << problem;
  EXPECT_EQ(problem_of(webhook("a", "/hooks/x") + webhook("b", "/hooks/y")), "");
}

TEST(Config, RefusesAWebhookPathThatNoRequestCanHave) {
  for (const char* path : {"", "/", "hooks", "/x/{id...}/y", "/x/{id}", "/a b", "/a?b", "/a#b", "/%41", "/\\u00e4",
                           "/..", "/a/../b", "/./a", "/a/."}) {
    const std::string problem = problem_of(webhook("a", path));
    EXPECT_NE(problem.find("mnema.toml:4:"), std::string::npos) << path << ": " << problem;
    EXPECT_NE(problem.find("'sources.a.path'"), std::string::npos) << path << ": " << problem;
  }
  EXPECT_EQ(problem_of(webhook("a", "/hooks/git-hub_2/v1.0/~me")), "");
  EXPECT_EQ(problem_of(webhook("a", "/.well-known/hook..s")), "");
}

TEST(Config, RefusesAWebhookAtAPlaceOfTheApi) {
  for (const char* path :
       {"/v1/chat/completions", "/v1/models", "/v1", "/v1/anything", "/health", "/health/", "/metrics", "/tokenize",
        "/detokenize", "/apply-template", "/admin/v1/dead-letters/event:1/drop"}) {
    const std::string problem = problem_of(webhook("a", path));
    EXPECT_NE(problem.find("mnema.toml:4:"), std::string::npos) << path << ": " << problem;
    EXPECT_NE(problem.find("of the API"), std::string::npos) << path << ": " << problem;
  }
  for (const char* path : {"/v1beta/x", "/healthy", "/hooks/v1/chat"}) EXPECT_EQ(problem_of(webhook("a", path)), "");
}

TEST(Config, RefusesAKeyTemplateThatCannotBeRead) {
  for (const char* key : {"{/a", "/a}", "{}", "x{/a}{", "{/a~2}", "{/a~}"}) {
    const std::string line = "key = \"" + std::string(key) + "\"\n";
    EXPECT_NE(problem_of(webhook("a", "/h", line)).find("mnema.toml:5:"), std::string::npos) << key;
    EXPECT_NE(problem_of("[agents.a]\n" + line).find("mnema.toml:2:"), std::string::npos) << key;
  }
  EXPECT_EQ(problem_of("[agents.a]\nkey = \"{/a}#{subject}\"\n"), "");
  const std::string unknown = problem_of(webhook("a", "/h", "key = \"{customer}\"\n"));
  EXPECT_NE(unknown.find("mnema.toml:5:"), std::string::npos) << unknown;
  EXPECT_NE(unknown.find("{/customer}"), std::string::npos) << unknown;
  EXPECT_EQ(problem_of(webhook("a", "/h", "key = \"{type}\"\n")), "");
}

TEST(Config, RefusesAConnectorUrlThatCannotBeCalled) {
  for (const char* url :
       {"localhost:1234/x", "ftp://x", "http://", "http:///x", "https://:80", "http://me:pw@x/", "http://x/#a"}) {
    const std::string problem = problem_of("[connectors.a]\nkind = \"http\"\nurl = \"" + std::string(url) + "\"\n");
    EXPECT_NE(problem.find("mnema.toml:3:"), std::string::npos) << url << ": " << problem;
    EXPECT_EQ(problem.find("me:pw"), std::string::npos) << "a password is not repeated: " << problem;
  }
  EXPECT_EQ(problem_of("[connectors.a]\nkind = \"http\"\nurl = \"HTTPS://api.example.com/v1\"\n"), "");
}

TEST(Config, RefusesKeysThatDoNothing) {
  for (const char* text : {"[server.keys.a]\nkey = {env = \"A\"}\nadmin = true\n", "[agents.a]\ntools = [\"x\"]\n",
                           "[memory]\nrecall = \"keep\"\n", "[limits]\nblock_characters_max = 3\n"}) {
    EXPECT_NE(problem_of(text).find("mnema.toml:"), std::string::npos) << text;
  }
}

TEST(Config, GivesAKeyTheRolesThatItNamesAndNoOthers) {
  const std::string key = "[server.keys.ops]\nkey = {env = \"OPS\"}\n";
  const auto roles_of = [&](const std::string& line) {
    const Result<Config> config = parse_config(key + line, "mnema.toml");
    EXPECT_TRUE(config.ok()) << (config.ok() ? "" : config.error().text());
    return config.ok() ? config->server.keys.at("ops").roles : std::vector<std::string>{"none"};
  };
  EXPECT_TRUE(roles_of("").empty());
  EXPECT_EQ(roles_of("roles = [\"read\"]\n"), std::vector<std::string>{"read"});
  EXPECT_EQ(roles_of("tenant = \"*\"\nroles = [\"operate\", \"read\"]\n"),
            (std::vector<std::string>{"operate", "read"}));
  for (const char* line : {"roles = [\"admin\"]\n", "roles = [\"Read\"]\n", "roles = [\"\"]\n", "roles = \"read\"\n",
                           "roles = [1]\n", "tenant = \"*\"\n", "tenant = \"\"\n", "tenant = \"*\"\nroles = []\n"}) {
    EXPECT_NE(problem_of(key + line).find("mnema.toml:3:"), std::string::npos) << line << problem_of(key + line);
  }
  EXPECT_NE(problem_of(key + "tenant = \"*\"\nroles = [\"read\"]\nmay_assert_users = true\n").find("mnema.toml:5:"),
            std::string::npos);
}

TEST(Config, RefusesALimitOfZeroCallsInsteadOfCallingItNone) {
  const std::string connector = "[connectors.a]\nkind = \"http\"\nurl = \"http://x\"\n";
  EXPECT_NE(problem_of(connector + "calls_per_second = 0\n").find("calls_per_second"), std::string::npos);
  EXPECT_EQ(problem_of(connector + "calls_per_second = 0.5\n"), "");
}

TEST(Config, RefusesAHeaderBoundThatTheParserCannotHold) {
  EXPECT_NE(problem_of("[limits]\nhttp_header_bytes_max = 4294967296\n").find("http_header_bytes_max"),
            std::string::npos);
}

TEST(Config, SaysWhereTheFileIsNoToml) { EXPECT_NE(problem_of("[server\n").find("mnema.toml:1:"), std::string::npos); }

TEST(Config, ReadsWhatHappensToAnAgentsEventsBeforeATurn) {
  const auto config = parse_config(R"(
[agents.a]
deadline_ms = 5000
priority = "background"
on_failure = "overtake"
where = 'type like "order.*" and /amount >= 100'
sample_one_in = 10
coalesce_window_ms = 500
coalesce_max = 50
[agents.b]
batch_max = 20
batch_window_ms = 0
)",
                                   "mnema.toml");
  ASSERT_TRUE(config.ok()) << config.error().text();
  EventFlow flow;
  flow.debounce_window_ms = 9;
  flow.sample_per_second = 2;
  lay_over(config->agents.at("a").flow, flow);
  EXPECT_EQ(flow.deadline_ms, 5000);
  EXPECT_EQ(flow.priority, EventPriority::kBackground);
  EXPECT_EQ(flow.on_failure, OnFailure::kOvertake);
  EXPECT_EQ(flow.sample_one_in, 10);
  EXPECT_EQ(flow.sample_per_second, 0) << "one way takes the place of another";
  EXPECT_EQ(flow.coalesce_window_ms, 500);
  EXPECT_EQ(flow.coalesce_max, 50);
  EXPECT_EQ(flow.debounce_window_ms, 0);
  EXPECT_FALSE(flow.where.empty());
  lay_over(config->agents.at("b").flow, flow);
  EXPECT_EQ(flow.batch_max, 20);
  EXPECT_EQ(flow.coalesce_window_ms, 0);
  EXPECT_EQ(flow.deadline_ms, 5000) << "what the file does not say is as it was";
}

TEST(Config, RefusesAnEventFlowThatCannotBeMeant) {
  const auto of_agent = [](const std::string& keys) { return problem_of("[agents.a]\n" + keys); };
  EXPECT_NE(of_agent("where = 'type ='").find("mnema.toml:2:"), std::string::npos);
  EXPECT_NE(of_agent("coalesce_window_ms = 5\nbatch_max = 3").find("one of coalesce"), std::string::npos);
  EXPECT_NE(of_agent("coalesce_max = 5").find("coalesce_window_ms"), std::string::npos);
  EXPECT_NE(of_agent("sample_one_in = 2\nsample_per_second = 1.5").find("say one"), std::string::npos);
  EXPECT_NE(of_agent("on_failure = 'skip'").find("overtake"), std::string::npos);
  EXPECT_NE(of_agent("deadline_ms = 0"), "");
}

TEST(Config, ReadsACronSourceAndRefusesOneThatCannotFire) {
  const auto config = parse_config(R"(
[sources.monday]
kind = "cron"
cron = "0 9 * * MON"
time_zone = "Europe/Zurich"
missed = "all"
data = '{"report": 1}'
)",
                                   "mnema.toml");
  ASSERT_TRUE(config.ok()) << config.error().text();
  EXPECT_EQ(config->sources.at("monday").time_zone, "Europe/Zurich");
  EXPECT_EQ(config->sources.at("monday").missed, "all");
  const auto of_source = [](const std::string& keys) { return problem_of("[sources.a]\nkind = 'cron'\n" + keys); };
  EXPECT_NE(of_source("").find("is missing"), std::string::npos);
  EXPECT_NE(of_source("cron = '61 * * * *'").find("mnema.toml:3:"), std::string::npos);
  EXPECT_NE(of_source("cron = '0 0 30 2 *'").find("never fires"), std::string::npos);
  EXPECT_NE(of_source("cron = '* * * * *'\ntime_zone = 'Mars'").find("no time zone"), std::string::npos);
  EXPECT_NE(of_source("cron = '* * * * *'\nmissed = 'some'").find("once"), std::string::npos);
  EXPECT_NE(of_source("cron = '* * * * *'\ndata = '{'").find("no JSON"), std::string::npos);
}

TEST(Config, KnowsEveryLimit) {
  std::size_t bytes = 0;
  std::size_t widest = 1;
  for_each_limit([&](auto field) {
    const std::size_t size = sizeof(Limits{}.*field.pointer);
    bytes = (bytes + size - 1) / size * size + size;  // as the compiler lays them out
    widest = std::max(widest, size);
  });
  EXPECT_EQ((bytes + widest - 1) / widest * widest, sizeof(Limits))
      << "a field is missing in runtime/config/limits_fields.hpp";
}

TEST(Config, ReadsSizesAndAddresses) {
  EXPECT_EQ(parse_bytes("1048576").value(), 1 << 20);
  EXPECT_EQ(parse_bytes("2GB").value(), 2'000'000'000);
  EXPECT_FALSE(parse_bytes("2 parsecs").ok());
  EXPECT_FALSE(parse_bytes("-1").ok());
  EXPECT_EQ(parse_listen("[::1]:80")->host, "::1");
  EXPECT_EQ(parse_listen(":80")->host, "127.0.0.1");
  EXPECT_FALSE(parse_listen("here").ok());
  EXPECT_FALSE(parse_listen("a:70000").ok());
}

}  // namespace
}  // namespace mnema
