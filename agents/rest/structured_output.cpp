#include "agents/rest/structured_output.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <utility>

#include "runtime/base/json.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

constexpr std::size_t kFormatNameMax = 64;

class Reader {
 public:
  Reader(JsonFields& fields, std::optional<RequestError>& first_error) : fields_(fields), first_error_(first_error) {}

  StructuredOutput read() {
    read_response_format();
    for (const char* name : {"json_schema", "guided_json"}) {
      if (const json::value* value = fields_.find(name)) schema(fields_, name, *value);
    }
    for (const char* name : {"grammar", "guided_grammar", "ebnf"}) grammar(fields_, name);
    for (const char* name : {"guided_regex", "regex"}) regex(fields_, name);
    choice(fields_, "guided_choice");
    if (fields_.boolean("guided_json_object").value_or(false)) take("guided_json_object", JsonObjectConstraint{});
    read_structured_outputs();
    read_format();
    refuse_what_is_unknown();
    return std::move(output_);
  }

 private:
  /// `param`: where it stands in the request.
  void take(std::string param, Constraint constraint) {
    if (!output_.param.empty()) {
      return fields_.refuse(param, "cannot stand beside '" + output_.param + "'", "say once what the answer must be");
    }
    output_ = {std::move(constraint), std::move(param)};
  }

  /// A schema as itself, or as its JSON text.
  void schema(JsonFields& fields, std::string_view name, const json::value& value) {
    json::value schema = value;
    if (value.is_string()) {
      JsonBounds exact;
      exact.exact_integers = true;
      Result<json::value> read = parse_bounded_json(value.get_string(), "the schema", exact);
      if (!read.ok()) return fields.refuse(name, "must be a JSON Schema: " + read.error().message);
      schema = std::move(*read);
    }
    if (!schema.is_object() && !schema.is_bool()) return fields.refuse(name, "must be a JSON Schema");
    take(fields.param(name), JsonSchemaConstraint{std::move(schema)});
  }

  void grammar(JsonFields& fields, std::string_view name) {
    auto text = fields.text(name);
    if (text && !text->empty()) take(fields.param(name), GrammarConstraint{std::move(*text)});
  }

  void regex(JsonFields& fields, std::string_view name) {
    auto text = fields.text(name);
    if (text && !text->empty()) take(fields.param(name), RegexConstraint{std::move(*text)});
  }

  void choice(JsonFields& fields, std::string_view name) {
    const json::array* texts = fields.array(name);
    if (texts == nullptr) return;
    ChoiceConstraint choices;
    for (const json::value& text : *texts) {
      if (!text.is_string() || text.get_string().empty()) {
        return fields.refuse(name, "must be texts, none of them empty");
      }
      choices.choices.emplace_back(text.get_string());
    }
    if (choices.choices.empty()) return fields.refuse(name, "must have at least one text to choose from");
    take(fields.param(name), std::move(choices));
  }

  void read_response_format() {
    const json::object* object = fields_.object("response_format");
    if (object == nullptr) return;
    JsonFields format(*object, fields_.param("response_format"), first_error_);
    const std::string type = format.text("type").value_or("");
    if (type == "text") return;
    if (type == "json_object") {
      for (const auto& member : *object) {
        const bool is_known = member.key() == "type" || member.key() == "schema" || member.value().is_null();
        if (!is_known) return format.refuse(member.key(), "is not read with the type json_object");
      }
      // llama.cpp's server takes a schema here; its clients expect it to count.
      if (const json::value* value = format.find("schema")) return schema(format, "schema", *value);
      return take("response_format", JsonObjectConstraint{});
    }
    if (type != "json_schema") {
      return format.refuse("type", "must be text, json_object or json_schema");
    }
    const json::object* inner = format.object("json_schema");
    if (inner == nullptr) return format.refuse("json_schema", "is missing");
    JsonFields named(*inner, format.param("json_schema"), first_error_);
    const std::string name = named.text("name").value_or("");
    if (name.empty() || name.size() > kFormatNameMax) return named.refuse("name", "must have 1 to 64 characters");
    static_cast<void>(named.boolean("strict"));  // both mean the same here: the answer never leaves the schema
    const json::value* value = named.find("schema");
    if (value == nullptr) return named.refuse("schema", "is missing");
    if (value->is_string()) return named.refuse("schema", "must be a JSON Schema");
    schema(named, "schema", *value);
  }

  void read_structured_outputs() {
    const json::object* object = fields_.object("structured_outputs");
    if (object == nullptr) return;
    JsonFields wanted(*object, fields_.param("structured_outputs"), first_error_);
    if (const json::value* value = wanted.find("json")) schema(wanted, "json", *value);
    regex(wanted, "regex");
    choice(wanted, "choice");
    grammar(wanted, "grammar");
    if (wanted.boolean("json_object").value_or(false)) take(wanted.param("json_object"), JsonObjectConstraint{});
    for (const auto& member : *object) {
      const std::string_view name = member.key();
      const bool known = name == "json" || name == "regex" || name == "choice" || name == "grammar" ||
                         name == "json_object" || name == "disable_fallback" || name.starts_with('_');
      // What is left out or off asks for nothing.
      const bool is_off = member.value().is_null() || member.value() == json::value(false);
      if (!known && !is_off) wanted.refuse(name, "is not supported", "", ErrorCode::kUnsupported);
    }
  }

  void read_format() {
    const json::value* value = fields_.find("format");
    if (value == nullptr || *value == json::value("")) return;
    if (*value == json::value("json")) return take("format", JsonObjectConstraint{});
    if (!value->is_object()) return fields_.refuse("format", "must be \"json\" or a JSON Schema");
    schema(fields_, "format", *value);
  }

  void refuse_what_is_unknown() {
    const auto refuse = [this](std::string_view name, const char* hint) {
      const json::value* value = fields_.find(name);
      if (value == nullptr || *value == json::value(false) || *value == json::value("")) return;
      fields_.refuse(name, "is not supported", hint, ErrorCode::kUnsupported);
    };
    refuse("structural_tag", "use response_format or tools");
    refuse("guided_whitespace_pattern", "leave it out");
    refuse("grammar_lazy", "use tools");
    refuse("grammar_triggers", "use tools");
    if (const json::value* text = fields_.find("text"); text != nullptr && text->is_object()) {
      if (text->get_object().contains("format")) refuse("text", "use response_format");
    }
    refuse("extra_body", "its members stand beside the others in a request");
    if (const json::value* other = fields_.find("nvext"); other != nullptr && other->is_object()) {
      for (const auto& member : other->get_object()) {
        if (member.key().starts_with("guided_")) refuse("nvext", "its members stand beside the others in a request");
      }
    }
  }

  JsonFields& fields_;
  std::optional<RequestError>& first_error_;
  StructuredOutput output_;
};

}  // namespace

StructuredOutput read_structured_output(JsonFields& fields, std::optional<RequestError>& first_error) {
  return Reader(fields, first_error).read();
}

}  // namespace mnema
