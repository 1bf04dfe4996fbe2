#include "agents/turn/client_task.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

const std::vector<std::string> kHeaders = {"### Task:"};

TEST(ClientTask, IsKnownByItsForm) {
  EXPECT_TRUE(is_client_task("### Task:\nGenerate a title.\n### Guidelines:\n- short\n### Output:\nJSON", kHeaders));
  EXPECT_TRUE(is_client_task("\n### Task: \r\nGenerate tags.\r\n### Output:\r\n", kHeaders));
}

TEST(ClientTask, IsNotWhatAUserWrites) {
  for (const char* text :
       {"### Task:\nWrite me a poem.", "My list:\n### Task:\n### Output:", "### Tasks:\na\n### b", "", "Hello"}) {
    EXPECT_FALSE(is_client_task(text, kHeaders)) << text;
  }
  EXPECT_FALSE(is_client_task("### Task:\na\n### Output:", {})) << "turned off";
}

}  // namespace
}  // namespace mnema
