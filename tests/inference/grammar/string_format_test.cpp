#include "inference/grammar/string_format.hpp"

#include <gtest/gtest.h>

#include "runtime/base/code_points.hpp"

namespace mnema::grammar {
namespace {

struct Case {
  const char* format;
  std::vector<std::string> in;
  std::vector<std::string> out;
};

TEST(StringFormat, KeepsToItsDefinition) {
  const std::string label63(63, 'a');
  const std::vector<Case> cases = {
      {"date",
       {"2026-11-24", "2024-02-29", "2000-02-29", "2024-02-28", "2023-12-31"},
       {"2026-13-01", "2023-02-29", "1900-02-29", "2026-02-30", "2024-04-31", "2024-00-10", "2026-1-1", "0000-01-01"}},
      {"time", {"10:00:00Z", "23:59:59.25+01:00", "23:59:60Z"}, {"24:00:00Z", "10:00", "10:00:00", "10:60:00Z"}},
      {"date-time",
       {"2026-11-24T10:00:00Z", "2024-02-29T23:59:59.123456-08:00"},
       {"2026-11-24", "2026-11-24T25:00:00Z", "2023-02-29T10:00:00Z", "2026-11-24 10:00:00Z"}},
      {"duration", {"P1D", "PT36H", "P1Y2M3DT4H5M6S", "P4W", "PT1M30S"}, {"P", "PT", "P1D2H", "1D", "P1Y2W", "P1S"}},
      {"email",
       {"a.b@example.org", "o'hara+x@b-c.org", "\"a b\"@c.org", "a@[127.0.0.1]"},
       {"a@", "@b.c", "a b@c.org", ".a@b.c", "a..b@c.d", "a.@b.c"}},
      {"hostname",
       {"a-b.example.org", "localhost", label63 + ".org", "1and1.com"},
       {"-a.org", "a-.org", "a..b", label63 + "a.org", "a_b.c", "", std::string(300, 'a'),
        label63 + "." + label63 + "." + label63 + "." + label63}},
      {"ipv4", {"127.0.0.1", "255.255.255.255"}, {"256.0.0.1", "1.2.3", "01.2.3.4", "1.2.3.4.5"}},
      {"ipv6",
       {"::", "::1", "2001:db8::8a2e:370:7334", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "fe80::"},
       {"1:2:3:4:5:6:7", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7:8:9", "::1.2.3.256"}},
      {"uri",
       {"https://a.b/page#install", "http://a.b/a%20b", "http://[::1]:8080/x?y=z", "mailto:a@b.org", "urn:isbn:1",
        "http://a.b:80", "file:///etc/x"},
       {"http://a.b:x/", "a.b", "/path", "http://a b", "http://a.b/%zz", "http://[::1", "\\\\share", "http://a.b/<x>"}},
      {"uri-reference", {"/a/b?c#d", "a.html", "#x", "", "http://a.b"}, {"a b", "\\x", "1:a"}},
      {"uri-template", {"/a/{b}{?c,d*}", "x"}, {"/a/{b", "}"}},
      {"uuid", {"123e4567-e89b-12d3-a456-426614174000"}, {"123e4567", "123e4567e89b12d3a456426614174000"}},
      {"json-pointer", {"", "/a/0", "/a~1b~0"}, {"a", "/~2", "#/a"}},
      {"relative-json-pointer", {"0", "1/a", "2#"}, {"/a", "01", "-1"}},
      {"regex", {"^[a-z]+\\d{2}(x|y)*$", "a.b"}, {"(", "[a", "*a"}},
  };
  for (const Case& one : cases) {
    const auto automaton = automaton_of_format(one.format);
    ASSERT_NE(automaton, nullptr) << one.format;
    for (const std::string& text : one.in)
      EXPECT_TRUE(automaton->accepts(*decode_utf8(text))) << one.format << " should allow " << text;
    for (const std::string& text : one.out)
      EXPECT_FALSE(automaton->accepts(*decode_utf8(text))) << one.format << " should refuse " << text;
  }
  EXPECT_EQ(automaton_of_format("made-up"), nullptr);
}

}  // namespace
}  // namespace mnema::grammar
