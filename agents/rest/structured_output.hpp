// agents/rest/structured_output.hpp
//
// What shape a client wants the answer to have, in whichever way it says so:
//
//   OpenAI      response_format: text, json_object, json_schema
//   llama.cpp   grammar (GBNF), json_schema (the schema itself), response_format.schema
//   vLLM        structured_outputs: {json, regex, choice, grammar, json_object}; before it guided_json, guided_regex,
//               guided_choice, guided_grammar
//   SGLang      regex, ebnf                    Ollama      format: "json" or a schema
//
// One of them may be named. A way that is known and cannot be honoured is refused with its `param`: an answer without
// the shape would be wrong and look right.
//
// Threads: pure.
#pragma once

#include <string>

#include "agents/rest/json_fields.hpp"
#include "inference/request.hpp"

namespace mnema {

struct StructuredOutput {
  Constraint constraint;
  std::string param;  // the field that asked for it, "" = none: where an engine's refusal belongs
};

/// Notes what is wrong in `first_error`, which `fields` shares.
[[nodiscard]] StructuredOutput read_structured_output(JsonFields& fields, std::optional<RequestError>& first_error);

}  // namespace mnema
