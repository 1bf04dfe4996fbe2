#include "cli/config/reference.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "runtime/config/config.hpp"

namespace mnema {
namespace {

TEST(ConfigReference, IsWhatTheDocumentSays) {
  std::ifstream in(MNEMA_SOURCE_DIR "/docs/CONFIGURATION.md");
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), config_reference()) << "build/mnema config reference > docs/CONFIGURATION.md";
}

TEST(ConfigExample, IsAConfigurationThatSaysNothingButDefaults) {
  const Result<Config> config = parse_config(config_example(), "example.toml");
  ASSERT_TRUE(config.ok()) << config.error().text();
  const Config defaults;
  EXPECT_EQ(config->server.host, defaults.server.host);
  EXPECT_EQ(config->server.port, defaults.server.port);
  EXPECT_EQ(config->inference.kv_memory_bytes, defaults.inference.kv_memory_bytes);
  EXPECT_EQ(config->limits.mailbox_rows_max, defaults.limits.mailbox_rows_max);
  EXPECT_TRUE(config->connectors.empty());
}

}  // namespace
}  // namespace mnema
