// connectors/http/message.hpp
//
// HTTP messages as plain values, the same for the server, the client and tests. No sockets, no Beast.
//
// Threads: plain values.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mnema {

/// Header fields in the order they came; names compare without regard to case.
class HttpHeaders {
 public:
  HttpHeaders() = default;
  HttpHeaders(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  /// The first value of `name`, or "" if there is none.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  /// Appends, keeping others of that name.
  void add(std::string name, std::string value);
  /// Replaces all of that name.
  void set(std::string name, std::string value);
  void remove(std::string_view name);

  [[nodiscard]] auto begin() const { return fields_.begin(); }
  [[nodiscard]] auto end() const { return fields_.end(); }
  [[nodiscard]] std::size_t size() const { return fields_.size(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpRequest {
  std::string method;  // "GET", upper case as it came
  std::string target;  // as it came: "/v1/models/a%2Fb?x=1"
  std::string path;    // percent-decoded, without the query: "/v1/models/a/b"
  std::string query;   // raw, without '?'
  HttpHeaders headers;
  std::string body;                                            // raw bytes
  std::map<std::string, std::string, std::less<>> parameters;  // {name} parts of the route's pattern, decoded
  std::string id;    // x-request-id, the client's own or drawn: for answers and logs. Many requests may share one,
                     // so nothing is ever recognised by it
  std::string peer;  // "127.0.0.1:54321"

  /// The value of `name` in the query string, percent-decoded, or none.
  [[nodiscard]] std::optional<std::string> query_parameter(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;
  std::string body;
};

[[nodiscard]] HttpResponse json_response(int status, const boost::json::value& body);
[[nodiscard]] HttpResponse text_response(int status, std::string body,
                                         std::string_view content_type = "text/plain; charset=utf-8");

/// "Not Found"; "" for a number that has no name.
[[nodiscard]] std::string_view reason_of(int status);

/// `text` with %XX (and, in queries, '+') resolved. None if an escape is malformed.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

/// ASCII comparison without regard to case.
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace mnema
