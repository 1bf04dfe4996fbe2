// inference/chat/jinja_statements.hpp
//
// The parser of statements: for (with filter, else, recursive, break, continue), if, set (of names, namespaces and
// blocks), macro, call, filter, with, block, print, autoescape, generation. What needs another template (include,
// import, from, extends) fails where it is reached: there is none.
//
// Source: the template designer documentation of Jinja 3.1; generation is transformers'.
//
// Threads: confined to the parser.
#pragma once

#include "inference/chat/jinja_blocks.hpp"
#include "inference/chat/jinja_token_stream.hpp"

namespace mnema::jinja {

/// All of a template. Where it is wrong, `tokens` has the error.
[[nodiscard]] Block parse_template(TokenStream& tokens);

}  // namespace mnema::jinja
