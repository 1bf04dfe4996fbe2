// agents/await_argument.hpp
//
// What may stand as an argument inside a `co_await`. GCC 12 copies an aggregate that is initialized there, by braces or
// by parentheses, bit by bit into the coroutine's frame and destroys it twice: `co_await ctx.recall({.text = text})`
// ends the process with "free(): invalid pointer". Tried at -O0 and -O2, whether the callee is a coroutine or not and
// takes a value or a reference:
//
//   breaks    {.text = t}   {}   Query{}   Query{.text = t}   Query(t)   std::optional<Query>(Query{})
//   works     a named object   std::move(named)   make_query()   Query()   classes with constructors, braced or not
//             aggregates of trivial members only ({.repeatable = true})
//   refused   lists of elements ({a, b} for a std::vector): "array used as initializer", by the compiler itself
//
// A function cannot tell `Query{}` from std::move(named), so the context takes such types by name only: a named object,
// never a temporary. What an expression makes inside, to pass it on or to put it into something, nobody can refuse:
// name every aggregate on a line of its own.
//
// Threads: declarations only.
#pragma once

#include <concepts>
#include <type_traits>

namespace mnema {

/// A temporary of this type inside a `co_await` is destroyed twice.
template <class T>
concept BreaksInsideAwait = std::is_aggregate_v<T> && !std::is_trivially_copyable_v<T>;

/// `Given`, as deduced for a `Given&&`, may be passed where a `T` is wanted. A braced list deduces nothing and is
/// refused.
template <class Given, class T>
concept AwaitArgument = std::convertible_to<Given, T> &&
                        (std::is_lvalue_reference_v<Given> || !BreaksInsideAwait<std::remove_cvref_t<Given>>);

}  // namespace mnema
