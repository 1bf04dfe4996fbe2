#include "inference/grammar/string_format.hpp"

#include "inference/grammar/integer_range.hpp"

namespace mnema::grammar {
namespace {

Expression digits(int count) { return repeat(characters({{'0', '9'}}), count, count); }
Expression hex(int count) { return repeat(characters({{'0', '9'}, {'a', 'f'}, {'A', 'F'}}), count, count); }
Expression letter_or_digit() { return characters({{'0', '9'}, {'a', 'z'}, {'A', 'Z'}}); }

Expression date() {
  const Expression year = digits(4);
  const Expression early = sequence({literal("0"), characters({{'1', '9'}})});
  const auto days = [&](std::vector<Expression> more) {
    more.push_back(early);
    more.push_back(sequence({characters({{'1', '1'}}), digits(1)}));
    return alternatives(std::move(more));
  };
  const Expression twenties = sequence({literal("2"), digits(1)});
  const Expression long_months = alternatives(
      {literal("01"), literal("03"), literal("05"), literal("07"), literal("08"), literal("10"), literal("12")});
  const Expression short_months = alternatives({literal("04"), literal("06"), literal("09"), literal("11")});
  // February ends on the 28th here: a leap year cannot be told by a regular language worth its size.
  const Expression day =
      alternatives({sequence({long_months, literal("-"), days({twenties, literal("30"), literal("31")})}),
                    sequence({short_months, literal("-"), days({twenties, literal("30")})}),
                    sequence({literal("02-"), days({sequence({literal("2"), characters({{'0', '8'}})})})})});
  return sequence({year, literal("-"), day});
}

Expression hours_minutes() {
  const Expression hour = alternatives(
      {sequence({characters({{'0', '1'}}), digits(1)}), sequence({literal("2"), characters({{'0', '3'}})})});
  return sequence({hour, literal(":"), characters({{'0', '5'}}), digits(1)});
}

Expression time_of_day() {
  return sequence({hours_minutes(), literal(":"), characters({{'0', '5'}}), digits(1),
                   optional(sequence({literal("."), repeat(characters({{'0', '9'}}), 1, 9)})),
                   alternatives({literal("Z"), sequence({characters({{'+', '+'}, {'-', '-'}}), hours_minutes()})})});
}

Expression hostname() {
  const Expression inner = characters({{'0', '9'}, {'a', 'z'}, {'A', 'Z'}, {'-', '-'}});
  const Expression label = sequence({letter_or_digit(), optional(sequence({repeat(inner, 0, 61), letter_or_digit()}))});
  return sequence({label, repeat(sequence({literal("."), label}), 0, 8)});
}

}  // namespace

std::optional<Expression> expression_of_format(std::string_view format) {
  if (format == "date") return date();
  if (format == "time") return time_of_day();
  if (format == "date-time") return sequence({date(), literal("T"), time_of_day()});
  if (format == "uuid") {
    return sequence({hex(8), literal("-"), hex(4), literal("-"), hex(4), literal("-"), hex(4), literal("-"), hex(12)});
  }
  if (format == "ipv4") {
    const Expression byte = integer_range(0, 255);
    return sequence({byte, literal("."), byte, literal("."), byte, literal("."), byte});
  }
  if (format == "hostname") return hostname();
  if (format == "email") {
    const Expression atom =
        repeat(characters({{'0', '9'}, {'a', 'z'}, {'A', 'Z'}, {'+', '+'}, {'-', '-'}, {'_', '_'}}), 1, 32);
    return sequence({atom, repeat(sequence({literal("."), atom}), 0, 4), literal("@"), hostname()});
  }
  if (format == "uri") {
    const Expression scheme =
        sequence({characters({{'a', 'z'}, {'A', 'Z'}}),
                  repeat(characters({{'0', '9'}, {'a', 'z'}, {'A', 'Z'}, {'+', '+'}, {'-', '.'}}), 0, 16)});
    const Expression rest =
        characters({{'!', '!'}, {'$', '$'}, {'&', ';'}, {'=', '='}, {'?', 'Z'}, {'_', '_'}, {'a', 'z'}, {'~', '~'}});
    return sequence({scheme, literal("://"), hostname(), repeat(rest, 0, -1)});
  }
  return std::nullopt;
}

}  // namespace mnema::grammar
