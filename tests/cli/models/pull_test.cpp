#include "cli/models/pull.hpp"

#include <gtest/gtest.h>
#include <httplib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cli/models/file_digest.hpp"

namespace mnema {
namespace {

namespace fs = std::filesystem;

/// A server on a free port of this machine.
class LocalServer {
 public:
  void start() {
    port = server.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server.listen_after_bind(); });
    while (!server.is_running()) std::this_thread::yield();
  }
  ~LocalServer() {
    server.stop();
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::string origin() const { return "http://127.0.0.1:" + std::to_string(port); }

  httplib::Server server;
  int port = 0;

 private:
  std::thread thread_;
};

/// A hub that keeps one file, some of it on another server.
class PullTest : public ::testing::Test {
 protected:
  PullTest() {
    fs::remove_all(folder);
    fs::create_directories(folder);
    std::ofstream(folder / "digest") << content;
    digest = sha256_of_file((folder / "digest").string()).value();
    fs::create_directories(fs::path(path).parent_path());
    hub.server.Get("/org/repo/resolve/main/model.gguf", [this](const auto&, auto& response) {
      if (states_size) response.set_header("X-Linked-Size", std::to_string(content.size()));
      if (states_digest) response.set_header("X-Linked-Etag", "\"" + digest + "\"");
      response.set_redirect(store.origin() + "/bytes?sign=a%2Bb%3Bc", 302);
    });
    store.server.Get("/bytes", [this](const auto& request, auto& response) {
      EXPECT_EQ(request.target, "/bytes?sign=a%2Bb%3Bc");
      ++store_requests;
      authorization_at_store = request.get_header_value("Authorization");
      response.set_content(content, "application/octet-stream");
    });
    hub.server.set_pre_routing_handler([this](const auto& request, auto&) {
      authorization_at_hub = request.get_header_value("Authorization");
      return httplib::Server::HandlerResponse::Unhandled;
    });
    hub.start();
    store.start();
    ::setenv("HF_ENDPOINT", hub.origin().c_str(), 1);
    ::setenv("HF_TOKEN", "hub-secret", 1);
    ::setenv("NO_PROXY", "127.0.0.1", 1);
    ::setenv("no_proxy", "127.0.0.1", 1);
  }
  ~PullTest() override {
    fs::remove_all(folder);
    for (const char* name : {"HF_ENDPOINT", "HF_TOKEN", "NO_PROXY", "no_proxy"}) ::unsetenv(name);
  }
  Result<std::string> pull() {
    PullOptions options;
    options.folder = folder.string();
    options.quiet = true;
    return pull_model("hf:org/repo:model.gguf", options, clock);
  }
  static void put(const std::string& file, const std::string& bytes) { std::ofstream(file, std::ios::binary) << bytes; }
  static std::string read(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  const fs::path folder =
      fs::path(::testing::TempDir()) /
      (std::string("mnema_pull_") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
  const std::string path = (folder / "hub/org/repo/model.gguf").string();
  const std::string content = "the bytes of a model, thirty-nine of them";
  std::string digest;
  bool states_size = true, states_digest = true;
  std::string authorization_at_hub, authorization_at_store;
  int store_requests = 0;
  LocalServer hub, store;
  SystemClock clock;
};

TEST_F(PullTest, TheTokenGoesToTheHubAndNotWhereItRedirectsTo) {
  const auto pulled = pull();
  ASSERT_TRUE(pulled.ok()) << pulled.error().text();
  EXPECT_EQ(read(*pulled), content);
  EXPECT_EQ(authorization_at_hub, "Bearer hub-secret");
  EXPECT_EQ(store_requests, 1);
  EXPECT_EQ(authorization_at_store, "");
}

TEST_F(PullTest, GoesOnWhereAPartialFileEnds) {
  put(path + ".part", content.substr(0, 10));
  const auto pulled = pull();
  ASSERT_TRUE(pulled.ok()) << pulled.error().text();
  EXPECT_EQ(read(path), content);
}

TEST_F(PullTest, ALongerPartOfAnotherFileIsNotTakenForTheFile) {
  for (const bool with_digest : {true, false}) {
    states_digest = with_digest;
    put(path + ".part", content + " and more of another one");  // the store answers 416
    const auto pulled = pull();
    EXPECT_TRUE(pulled.ok() || pulled.error().code == ErrorCode::kCorrupt);
    EXPECT_EQ(fs::exists(path) ? read(path) : content, content);
  }
  ASSERT_TRUE(pull().ok()) << "the next run begins anew";
  EXPECT_EQ(read(path), content);
}

TEST_F(PullTest, WithoutADigestNothingIsPutTogetherFromTwoDownloads) {
  states_digest = false;
  put(path + ".part", "XXXXXXXXXX");
  const auto pulled = pull();
  ASSERT_TRUE(pulled.ok()) << pulled.error().text();
  EXPECT_EQ(read(path), content);
}

TEST_F(PullTest, AnExistingFileOfTheSameSizeButOtherBytesIsFetchedAgain) {
  put(path, std::string(content.size(), 'x'));
  ASSERT_TRUE(pull().ok());
  EXPECT_EQ(read(path), content);
  EXPECT_EQ(store_requests, 1);
  ASSERT_TRUE(pull().ok());
  EXPECT_EQ(store_requests, 1) << "what is right is not fetched again";
}

TEST_F(PullTest, AFileShorterThanTheHubSaysIsNotKept) {
  states_digest = false;
  const std::string whole = std::to_string(content.size() + 1);
  hub.server.set_post_routing_handler([&](const auto&, auto& response) {
    response.headers.erase("X-Linked-Size");
    response.set_header("X-Linked-Size", whole);
  });
  const auto pulled = pull();
  ASSERT_FALSE(pulled.ok());
  EXPECT_EQ(pulled.error().code, ErrorCode::kCorrupt);
  EXPECT_FALSE(fs::exists(path) || fs::exists(path + ".part"));
}

}  // namespace
}  // namespace mnema
