#include "agents/rest/admin_file.hpp"

#include <boost/json.hpp>

#include "runtime/base/json.hpp"
#include "runtime/store/private_file.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

constexpr std::size_t kBytesMax = 4096;

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace

std::string admin_file_path(const std::string& folder) { return folder + "/admin.json"; }

Status write_admin_file(const std::string& folder, const AdminFile& file) {
  const json::object object{{"address", file.address}, {"token", file.token.reveal()}};
  return write_private_file(admin_file_path(folder), json::serialize(object) + "\n");
}

Result<AdminFile> read_admin_file(const std::string& folder) {
  const std::string path = admin_file_path(folder);
  ASSIGN_OR_RETURN(const std::string bytes, read_private_file(path, kBytesMax));
  // The parser's own message could repeat what is in it.
  const Error wrong = fail(ErrorCode::kCorrupt, "'" + path + "' is not a server's file", "restart the server");
  const Result<json::value> parsed = parse_bounded_json(bytes, "it");
  if (!parsed.ok() || !parsed->is_object()) return wrong;
  const json::object& object = parsed->get_object();
  AdminFile file{text_of(object, "address"), Secret(text_of(object, "token"))};
  if (file.address.empty() || file.token.empty()) return wrong;
  return file;
}

}  // namespace mnema
