#include "cli/serve/serve_flags.hpp"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <set>

namespace mnema {
namespace {

/// What a flag does to a configuration that says otherwise, and to a bare model.
struct Row {
  const char* flag;
  const char* value;
  std::function<bool(const Config&)> in_config;
  std::function<bool(const ModelServerOptions&)> in_model;  // empty: it is refused by its name
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all = {
      {"--model", "gemma3-270m", [](const Config& c) { return c.inference.model == "gemma3-270m"; },
       [](const ModelServerOptions& o) { return o.engine.model == "gemma3-270m"; }},
      {"--listen", "127.0.0.2:81", [](const Config& c) { return c.server.host == "127.0.0.2" && c.server.port == 81; },
       [](const ModelServerOptions& o) { return o.host == "127.0.0.2" && o.port == 81; }},
      {"--data", "elsewhere", [](const Config& c) { return c.server.data == "elsewhere"; }, {}},
      {"--docs", "books", [](const Config& c) { return c.memory.documents == std::vector<std::string>{"books"}; }, {}},
      {"--threads", "3", [](const Config& c) { return c.inference.threads == 3; },
       [](const ModelServerOptions& o) { return o.engine.threads == 3; }},
      {"--backend", "scalar", [](const Config& c) { return c.inference.backend == "scalar"; },
       [](const ModelServerOptions& o) { return o.engine.backend == "scalar"; }},
      {"--kv-type", "int8", [](const Config& c) { return c.inference.kv_type == "int8"; },
       [](const ModelServerOptions& o) { return o.engine.kv_type == KvType::kInt8; }},
      {"--kv-memory-mib", "64", [](const Config& c) { return c.inference.kv_memory_bytes == 64 << 20; },
       [](const ModelServerOptions& o) { return o.engine.kv_memory_bytes == 64 << 20; }},
      {"--context", "64", [](const Config& c) { return c.inference.context_length == 64; },
       [](const ModelServerOptions& o) { return o.engine.context_length == 64; }},
      {"--max-sequences", "2", [](const Config& c) { return c.inference.max_sequences == 2; },
       [](const ModelServerOptions& o) { return o.engine.max_sequences == 2; }},
      {"--cors-origin", "http://x", [](const Config& c) { return c.server.cors_origin == "http://x"; },
       [](const ModelServerOptions& o) { return o.cors_origin == "http://x"; }},
  };
  return all;
}

constexpr const char* kConfig = R"(
[server]
listen = "127.0.0.1:7171"
data = "mine"
cors_origin = "http://mine"
[inference]
model = "smollm2-135m"
threads = 1
backend = "avx2"
kv_type = "f16"
kv_memory_bytes = "512 MiB"
context_length = 4096
max_sequences = 8
[memory]
documents = ["docs"]
)";

ServeFlags parse(std::vector<std::string> arguments) {
  CLI::App app;
  ServeFlags flags;
  add_serve_flags(app, flags);
  std::reverse(arguments.begin(), arguments.end());
  app.parse(arguments);
  return flags;
}

Config configured() { return parse_config(kConfig, "mnema.toml").value(); }

TEST(ServeFlags, WinOverTheConfigurationEachOfThem) {
  for (const Row& row : rows()) {
    Config config = configured();
    EXPECT_FALSE(row.in_config(config)) << row.flag << ": the file says otherwise";
    ASSERT_TRUE(apply(parse({row.flag, row.value}), config).ok()) << row.flag;
    EXPECT_TRUE(row.in_config(config)) << row.flag;
    for (const Row& other : rows()) {
      if (&other == &row) continue;
      EXPECT_FALSE(other.in_config(config)) << row.flag << " changed what " << other.flag << " does";
    }
  }
}

TEST(ServeFlags, LeaveTheConfigurationAloneWhereNothingIsGiven) {
  Config config = configured();
  ASSERT_TRUE(apply(parse({}), config).ok());
  EXPECT_EQ(config.server.port, 7171);
  EXPECT_EQ(config.server.data, "mine");
  EXPECT_EQ(config.inference.context_length, 4096);
  EXPECT_EQ(config.inference.kv_memory_bytes, 512 << 20);
}

TEST(ServeFlags, ChangeABareModelOrAreRefusedByName) {
  const ModelServerOptions plain = model_server_options(parse({})).value();
  EXPECT_EQ(plain.engine.model, EngineOptions().model);
  EXPECT_EQ(plain.engine.kv_memory_bytes, EngineOptions().kv_memory_bytes);
  EXPECT_EQ(plain.port, 7070);
  for (const Row& row : rows()) {
    const Result<ModelServerOptions> options = model_server_options(parse({row.flag, row.value}));
    if (!row.in_model) {
      ASSERT_FALSE(options.ok()) << row.flag;
      EXPECT_NE(options.error().message.find(row.flag), std::string::npos) << options.error().text();
      continue;
    }
    EXPECT_FALSE(row.in_model(plain)) << row.flag;
    ASSERT_TRUE(options.ok()) << row.flag << ": " << options.error().text();
    EXPECT_TRUE(row.in_model(*options)) << row.flag;
  }
}

TEST(ServeFlags, StandInTheTableAllOfThem) {
  CLI::App app;
  ServeFlags flags;
  add_serve_flags(app, flags);
  std::set<std::string> tested{"--help", "--config"};
  for (const Row& row : rows()) tested.insert(row.flag);
  for (const CLI::Option* option : app.get_options()) {
    EXPECT_EQ(tested.count("--" + option->get_lnames().at(0)), 1U) << option->get_name() << " has no row";
  }
}

TEST(ServeFlags, RefuseValuesThatCannotBe) {
  Config config = configured();
  EXPECT_EQ(apply(parse({"--listen", "here"}), config).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(model_server_options(parse({"--listen", "a:70000"})).error().code, ErrorCode::kInvalidArgument);
  for (const auto& [flag, value] : std::vector<std::pair<std::string, std::string>>{{"--backend", "cuda"},
                                                                                    {"--kv-type", "f64"},
                                                                                    {"--context", "-1"},
                                                                                    {"--context", "many"},
                                                                                    {"--max-sequences", "0"},
                                                                                    {"--threads", "257"},
                                                                                    {"--kv-memory-mib", "0"}}) {
    EXPECT_THROW(parse({flag, value}), CLI::ParseError) << flag << " " << value;
  }
}

}  // namespace
}  // namespace mnema
