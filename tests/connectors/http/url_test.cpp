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
  for (std::string_view text : {"ftp://h",
                                "h/x",
                                "http://",
                                "http://h:0",
                                "http://h:99999",
                                "http://h:x",
                                "http://[::1",
                                "http://h/a b",
                                "http://a b/",
                                "localhost:1234/x",
                                "http:/h",
                                "http:h",
                                "http://[::1]8080",
                                "http://[fe80::1%25eth0]",
                                "http://[1.2.3.4]",
                                "http://a..b",
                                "http://.a",
                                "http://h:",
                                "http://h:+1",
                                "http://h\\x",
                                "http://h/%zz",
                                "http://h/a/../b",
                                "http://h\xc3\xa4",
                                "http://a:b:c",
                                "",
                                ":",
                                "http"}) {
    EXPECT_FALSE(HttpUrl::parse(text).ok()) << text;
  }
  EXPECT_EQ(HttpUrl::parse("htp://me:hunter2@h/").error().text().find("hunter2"), std::string::npos);
  auto with_password = HttpUrl::parse("https://me:hunter2@h/");
  ASSERT_FALSE(with_password.ok());
  EXPECT_EQ(with_password.error().text().find("hunter2"), std::string::npos);
}

TEST(HttpUrl, TakesSchemeAndHostInAnyCase) {
  auto url = HttpUrl::parse("HTTPS://API.Example.COM/V1");
  ASSERT_TRUE(url.ok());
  EXPECT_TRUE(url->is_https);
  EXPECT_EQ(url->origin(), "https://api.example.com:443");
  EXPECT_EQ(url->path, "/V1");
  EXPECT_TRUE(HttpUrl::parse("http://my_service.local.:8080/~a/b;c=1?x={y}").ok());
}

TEST(HttpUrl, ResolvesRedirects) {
  HttpUrl base = *HttpUrl::parse("https://h:8443/a/b?x");
  EXPECT_EQ(resolve(base, "/c")->path, "/c");
  EXPECT_EQ(resolve(base, "c?d")->path, "/a/c?d");
  EXPECT_EQ(resolve(base, "//other/z")->origin(), "https://other:443");
  EXPECT_EQ(resolve(base, "http://plain/")->origin(), "http://plain:80");
  EXPECT_EQ(resolve(base, "HTTP://plain/")->origin(), "http://plain:80");
  EXPECT_EQ(resolve(base, "../c")->path, "/c");
  EXPECT_EQ(resolve(base, "/x/./y/../z/..")->path, "/x/");
  EXPECT_EQ(resolve(base, "../../../c")->path, "/c");
  EXPECT_EQ(resolve(base, "?d")->path, "/a/b?d");
  EXPECT_EQ(resolve(base, "")->path, "/a/b");
  EXPECT_EQ(resolve(base, "#top")->path, "/a/b");
  EXPECT_FALSE(resolve(base, "ftp://other/z").ok());
  EXPECT_FALSE(resolve(base, "mailto:a@b").ok());
  EXPECT_FALSE(resolve(base, "/c d").ok());
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
