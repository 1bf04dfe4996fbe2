#include "inference/grammar/string_format.hpp"

#include <algorithm>
#include <map>
#include <mutex>

#include "inference/grammar/pattern_automaton.hpp"
#include "runtime/base/check.hpp"

namespace mnema::grammar {
namespace {

std::string any_of(std::initializer_list<std::string> choices) {
  std::string out = "(?:";
  for (const std::string& choice : choices) out += (out.size() > 3 ? "|" : "") + choice;
  return out + ")";
}
std::string times(const std::string& body, int min, int max) {
  return "(?:" + body + "){" + std::to_string(min) + "," + std::to_string(max) + "}";
}

const std::string kHex = "[0-9A-Fa-f]";
const std::string kByte = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";

std::string date() {
  const std::string leap = any_of({"[0-9]{2}(?:0[48]|[2468][048]|[13579][26])", "(?:[02468][048]|[13579][26])00"});
  return "(?!0000)" + any_of({"[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|"
                              "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))",
                              leap + "-02-29"});
}

std::string time_of_day() {
  const std::string minutes = "(?:[01][0-9]|2[0-3]):[0-5][0-9]";
  return any_of({minutes + ":[0-5][0-9](?:\\.[0-9]{1,12})?(?:[Zz]|[+-]" + minutes + ")",
                 "23:59:60(?:\\.[0-9]{1,12})?(?:[Zz]|[+-]00:00)"});
}

std::string duration() {
  const std::string number = "[0-9]{1,18}";
  const std::string seconds = number + "S", minutes = number + "M(?:" + seconds + ")?";
  const std::string time = "T" + any_of({number + "H(?:" + minutes + ")?", minutes, seconds});
  const std::string days = number + "D", months = number + "M(?:" + days + ")?";
  const std::string date = any_of({number + "Y(?:" + months + ")?", months, days});
  return "P" + any_of({number + "W", date + "(?:" + time + ")?", time});
}

/// Labels of up to `length` bytes (at least 5). One with hyphens at its third and fourth place would be in Punycode,
/// which no grammar tells right from wrong.
std::string labels(int length, int count) {
  const std::string edge = "[0-9A-Za-z]", inner = "[0-9A-Za-z-]";
  const std::string more = any_of(
      {edge, inner + edge, inner + edge + edge, inner + "-" + edge,
       inner + "(?:" + edge + inner + "|-" + edge + ")" + inner + "{0," + std::to_string(length - 5) + "}" + edge});
  const std::string label = edge + "(?:" + more + ")?";
  return label + times("\\." + label, 0, count - 1);
}

/// Together at most `length` bytes: few long labels, or more short ones.
std::string hostname(int length = 253) {
  length = std::clamp(length, 5, 253);
  return any_of({labels(std::min(length, 63), std::max(1, (length + 1) / 64)),
                 labels(std::min(length, 24), std::max(1, (length + 1) / 25)),
                 labels(std::min(length, 10), std::max(1, (length + 1) / 11))});
}

std::string ipv6() {
  const std::string group = kHex + "{1,4}", colon = "(?:" + group + ":)";
  const std::string last = any_of({group + ":" + group, kByte + "\\." + kByte + "\\." + kByte + "\\." + kByte});
  const auto before = [&](int most) {  // up to `most` + 1 groups, without a colon behind
    return "(?:" + times(colon, 0, most) + group + ")?";
  };
  return any_of({times(colon, 6, 6) + last, "::" + times(colon, 5, 5) + last,
                 "(?:" + group + ")?::" + times(colon, 4, 4) + last, before(1) + "::" + times(colon, 3, 3) + last,
                 before(2) + "::" + times(colon, 2, 2) + last, before(3) + "::" + colon + last, before(4) + "::" + last,
                 before(5) + "::" + group, before(6) + "::"});
}

/// Of at most `length` characters (at least 64).
std::string email(int length) {
  const std::string atom = "[0-9A-Za-z!#$%&'*+/=?^_`{|}~-]";
  const int local = std::min(64, length / 2);
  const std::string counted = "(?=[^@]{1," + std::to_string(local) + "}@)";
  const std::string dotted = counted + atom + "+(?:\\." + atom + "+)*";
  const std::string host = hostname(length - local - 1);
  if (length < 320) return dotted + "@" + host;
  const std::string quoted = "\"(?:[ !#-\\[\\]-~]|\\\\[ -~]){0,31}\"";
  const std::string address = "\\[(?:" + kByte + "(?:\\." + kByte + "){3}|IPv6:" + ipv6() + ")\\]";
  return any_of({dotted, quoted}) + "@" + any_of({host, address});
}

/// A URI of at most `length` characters (at least 100), shared out over its parts. An escaped byte is three characters.
std::string short_uri(int length) {
  const int rest = length - 40;
  const std::string escape = "%" + kHex + kHex;
  const std::string of_path = any_of({"[A-Za-z0-9._~!$&'()*+,;=:@/-]", escape});
  const std::string of_query = any_of({"[A-Za-z0-9._~!$&'()*+,;=:@/?-]", escape});
  const std::string host = any_of({times("[A-Za-z0-9._~!$&'()*+,;=-]", 0, rest / 4), "\\[" + ipv6() + "\\]"});
  const std::string authority = host + "(?::[0-9]{0,5})?";
  const std::string path = times(of_path, 0, rest / 8), query = times(of_query, 0, rest / 16);
  return "[A-Za-z][A-Za-z0-9+.-]{0,15}:" +
         any_of({"//" + authority + "(?:/" + path + ")?", "[A-Za-z0-9._~@-]" + path}) + "(?:\\?" + query + ")?(?:#" +
         query + ")?";
}

/// RFC 3986; `more`: characters beyond ASCII (RFC 3987).
struct Identifier {
  explicit Identifier(const std::string& more) {
    const std::string plain = "[A-Za-z0-9._~!$&'()*+,;=" + more;
    const std::string escape = "%" + kHex + kHex;
    const std::string of_path = any_of({plain + ":@-]", escape});
    const std::string of_relative = any_of({plain + "@-]", escape});
    const std::string literal = "\\[" + any_of({ipv6(), "v" + kHex + "+\\.[A-Za-z0-9._~!$&'()*+,;=:-]+"}) + "\\]";
    const std::string host = any_of({literal, any_of({plain + "-]", escape}) + "*"});
    const std::string authority = "(?:" + any_of({plain + ":-]", escape}) + "*@)?" + host + "(?::[0-9]*)?";
    const std::string rest = "(?:/" + of_path + "*)*";
    const std::string from_authority = "//" + authority + rest;
    const std::string from_root = "/(?:" + of_path + "+" + rest + ")?";
    const std::string behind = "(?:\\?(?:" + of_path + "|[/?])*)?(?:#(?:" + of_path + "|[/?])*)?";
    absolute = "[A-Za-z][A-Za-z0-9+.-]*:" + any_of({from_authority, from_root, of_path + "+" + rest, ""}) + behind;
    relative = any_of({from_authority, from_root, of_relative + "+" + rest, ""}) + behind;
  }
  std::string absolute, relative;
};

const std::string kBeyondAscii = "\\u{A0}-\\u{D7FF}\\u{F900}-\\u{FDCF}\\u{FDF0}-\\u{FFEF}\\u{10000}-\\u{1FFFD}";

std::string uri_template() {
  const std::string escape = "%" + kHex + kHex;
  const std::string literal =
      any_of({"[!#-$&(-;=?-\\[\\]_a-z~\\u{A0}-\\u{D7FF}\\u{F900}-\\u{FDCF}\\u{FDF0}-\\u{FFEF}]", escape});
  const std::string character = any_of({"[A-Za-z0-9_]", escape});
  const std::string variable = character + "(?:\\.?" + character + ")*(?::[1-9][0-9]{0,3}|\\*)?";
  return "(?:" + literal + "|\\{[+#./;?&]?" + variable + "(?:," + variable + ")*\\})*";
}

std::string regex() {
  const std::string special = "\\\\[dDwWsSnrtfv.*+?()\\[\\]{}|^$\\\\/]";
  const std::string plain = any_of({"[ !\"#%&',:;<=>@A-Z_`a-z~0-9/-]", special, "\\."});
  const std::string members = "\\[\\^?(?:a-z|A-Z|0-9|[ !\"#%&'()*+,./:;<=>?@A-Z_`a-z~0-9]|" + special + "){1,64}\\]";
  const std::string count = "(?:[*+?]\\??|\\{[0-9]{1,3}\\})?";
  const auto level = [&](const std::string& inner) {
    const std::string term = any_of({any_of({plain, members, inner}) + count, "[\\^$]"});
    return "(?:" + term + ")*(?:\\|(?:" + term + ")*)*";
  };
  const std::string innermost = level(plain);
  return level("\\((?:\\?:)?" + level("\\((?:\\?:)?" + innermost + "\\)") + "\\)");
}

std::string unanchored(std::string_view format) {
  if (format == "date") return date();
  if (format == "time") return time_of_day();
  if (format == "date-time") return date() + "[Tt]" + time_of_day();
  if (format == "duration") return duration();
  if (format == "email" || format == "idn-email") return email(320);
  if (format == "hostname" || format == "idn-hostname") return hostname();
  if (format == "ipv4") return kByte + "\\." + kByte + "\\." + kByte + "\\." + kByte;
  if (format == "ipv6") return ipv6();
  if (format == "uri") return Identifier("").absolute;
  if (format == "uri-reference") return any_of({Identifier("").absolute, Identifier("").relative});
  if (format == "iri") return Identifier(kBeyondAscii).absolute;
  if (format == "iri-reference") return any_of({Identifier(kBeyondAscii).absolute, Identifier(kBeyondAscii).relative});
  if (format == "uri-template") return uri_template();
  if (format == "uuid") {
    const std::string four = "-" + kHex + "{4}";
    return kHex + "{8}" + four + four + four + "-" + kHex + "{12}";
  }
  const std::string steps = "(?:/(?:[^~/]|~[01])*)*";
  if (format == "json-pointer") return steps;
  if (format == "relative-json-pointer") return "(?:0|[1-9][0-9]{0,17})(?:#|" + steps + ")";
  if (format == "regex") return regex();
  return "";
}

/// Of at most `length` characters, or of any length where that is easily counted; empty where there is no such pattern.
std::string shortened(std::string_view format, std::int64_t length) {
  const int most = static_cast<int>(std::min<std::int64_t>(length, 10'000));
  const bool is_host = format == "hostname" || format == "idn-hostname",
             is_mail = format == "email" || format == "idn-email";
  if (most < 64 && (is_host || is_mail)) {
    // No part can be too long where the whole is not: whoever asks counts the characters.
    const std::string label = "[0-9A-Za-z](?:-?[0-9A-Za-z])*";
    const std::string host = label + "(?:\\." + label + ")*", atom = "[0-9A-Za-z!#$%&'*+/=?^_`{|}~-]+";
    return is_host ? host : atom + "(?:\\." + atom + ")*@" + host;
  }
  if (is_host) return most < 253 ? hostname(most) : "";
  if (is_mail) return most < 320 ? email(most) : "";
  if (format == "uri") return most >= 100 ? short_uri(std::min(most, 4'000)) : "";
  return "";
}

std::string anchored(const std::string& pattern) { return pattern.empty() ? "" : "^(?:" + pattern + ")$"; }

}  // namespace

std::string pattern_of_format(std::string_view format) { return anchored(unanchored(format)); }

std::string shortened_pattern_of_format(std::string_view format, std::int64_t length_max) {
  return anchored(shortened(format, length_max));
}

std::shared_ptr<const CharacterAutomaton> automaton_of_format(std::string_view format) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const CharacterAutomaton>, std::less<>> known;  // guarded by mutex
  const std::lock_guard lock(mutex);
  if (const auto found = known.find(format); found != known.end()) return found->second;
  const std::string pattern = pattern_of_format(format);
  if (pattern.empty()) return nullptr;
  Result<CharacterAutomaton> made = automaton_of_pattern(pattern);
  CHECK(made.ok(), "the pattern of a format is one that can be enforced");
  return known.emplace(format, std::make_shared<const CharacterAutomaton>(std::move(*made))).first->second;
}

bool is_whole_format(std::string_view format) {
  return format == "ipv4" || format == "ipv6" || format == "uuid" || format == "uri" || format == "uri-reference" ||
         format == "json-pointer";
}

}  // namespace mnema::grammar
