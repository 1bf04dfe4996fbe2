#include "connectors/http/url.hpp"

#include <gtest/gtest.h>

#include <map>

namespace mnema {
namespace {

TEST(HttpUrl, IsTakenApart) {
  auto url = HttpUrl::parse("https://api.example.com/v1/x?y=1#z");
  ASSERT_TRUE(url.ok());
  EXPECT_TRUE(url->is_https);
  EXPECT_EQ(url->host, "api.example.com");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->path, "/v1/x?y=1");
  EXPECT_EQ(HttpUrl::parse("http://[::1]:8080")->host, "::1");
  EXPECT_EQ(HttpUrl::parse("http://[::1]:8080")->origin(), "http://[::1]:8080");
  EXPECT_EQ(HttpUrl::parse("http://h?q")->path, "/?q");
}

TEST(HttpUrl, RefusesWhatCannotBeCalledAndHidesPasswords) {
  for (std::string_view text : {"ftp://h", "h/x", "http://", "http://h:0", "http://h:99999", "http://h:x",
                                "http://[::1", "http://h/a b", "http://a b/"}) {
    EXPECT_FALSE(HttpUrl::parse(text).ok()) << text;
  }
  auto with_password = HttpUrl::parse("https://me:hunter2@h/");
  ASSERT_FALSE(with_password.ok());
  EXPECT_EQ(with_password.error().text().find("hunter2"), std::string::npos);
}

TEST(HttpUrl, ResolvesRedirects) {
  HttpUrl base = *HttpUrl::parse("https://h:8443/a/b?x");
  EXPECT_EQ(resolve(base, "/c")->path, "/c");
  EXPECT_EQ(resolve(base, "c?d")->path, "/a/c?d");
  EXPECT_EQ(resolve(base, "//other/z")->origin(), "https://other:443");
  EXPECT_EQ(resolve(base, "http://plain/")->origin(), "http://plain:80");
}

TEST(Proxy, FollowsTheUsualVariables) {
  std::map<std::string, std::string> variables = {{"https_proxy", "http://proxy:3128"},
                                                  {"no_proxy", "internal.example, .corp,10.0.0.1:81"}};
  auto environment = [&](const char* name) -> const char* {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
  auto proxy_of = [&](const char* url) { return proxy_for(*HttpUrl::parse(url), environment); };
  ASSERT_TRUE(proxy_of("https://api.example").has_value());
  EXPECT_EQ(proxy_of("https://api.example")->port, 3128);
  EXPECT_FALSE(proxy_of("http://api.example").has_value());
  EXPECT_FALSE(proxy_of("https://internal.example").has_value());
  EXPECT_FALSE(proxy_of("https://deep.internal.example").has_value());
  EXPECT_TRUE(proxy_of("https://notinternal.example").has_value());
  EXPECT_FALSE(proxy_of("https://x.corp").has_value());
  EXPECT_FALSE(proxy_of("https://10.0.0.1:81").has_value());
  EXPECT_TRUE(proxy_of("https://10.0.0.1:82").has_value());
  EXPECT_FALSE(proxy_of("https://127.0.0.1").has_value());
  variables["no_proxy"] = "*";
  EXPECT_FALSE(proxy_of("https://api.example").has_value());
}

}  // namespace
}  // namespace mnema
