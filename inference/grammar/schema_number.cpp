#include "inference/grammar/number_multiples.hpp"
#include "inference/grammar/number_range.hpp"
#include "inference/grammar/regular_expression.hpp"
#include "inference/grammar/schema_compiler.hpp"
#include "inference/grammar/schema_reader.hpp"

namespace mnema::grammar {
namespace {

constexpr std::size_t kStatesMax = 20'000;

}  // namespace

Result<Expression> SchemaCompiler::compile_number(const Shape& shape) {
  NumberRange range{shape.low, shape.high, (shape.kinds & kFractionKind) == 0, false};
  std::vector<Decimal> excluded;
  for (const boost::json::value* value : shape.excluded) {
    if (const std::optional<Decimal> number = Decimal::of(*value)) excluded.push_back(*number);
  }
  const bool fractions_only = (shape.kinds & kIntegerKind) == 0;
  if (shape.multiples.empty() && excluded.empty() && !fractions_only) {
    const Expression numbers = number_range(range);
    if (is_never(numbers)) note_contradiction("no number lies between the bounds", shape.pointer);
    return numbers;
  }
  // Which of the numbers between the bounds: both languages at once, as automata.
  range.plain = true;
  const auto too_large = [&](const std::string& pointer) {
    return schema_refused(ErrorCode::kUnsupported, "these numbers cannot be enforced here", pointer,
                          "use a multipleOf with fewer digits");
  };
  std::optional<CharacterAutomaton> numbers = automaton_of(number_range(range));
  if (!numbers) return too_large(shape.pointer);
  std::vector<MultipleRule> rules = shape.multiples;
  if (fractions_only) rules.push_back({Decimal(1), true, shape.pointer});
  for (const MultipleRule& rule : rules) {
    const std::optional<CharacterAutomaton> multiples = multiples_of(rule.of);
    if (!multiples) return too_large(rule.pointer);
    numbers = intersection(*numbers, rule.negated ? complement(*multiples) : *multiples, kStatesMax);
    if (!numbers) return too_large(rule.pointer);
    RETURN_IF_ERROR(spend(numbers->states() + multiples->states(), rule.pointer));
  }
  for (const Decimal& number : excluded) {
    const std::optional<CharacterAutomaton> forms = automaton_of(plain_forms(number));
    if (forms) numbers = intersection(*numbers, complement(*forms), kStatesMax);
    if (!forms || !numbers) return too_large(shape.pointer);
    RETURN_IF_ERROR(spend(numbers->states() + forms->states(), shape.pointer));
  }
  if (numbers->empty()) note_contradiction("no number lies between the bounds", shape.pointer);
  return expression_of(*numbers);
}

}  // namespace mnema::grammar
