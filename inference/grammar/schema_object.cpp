// Members come in the schema's order, those that only a pattern or additionalProperties describes after them.
#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>

#include "inference/grammar/distinct_elements.hpp"
#include "inference/grammar/schema_compiler.hpp"
#include "inference/grammar/schema_reader.hpp"

namespace mnema::grammar {
namespace {

constexpr std::size_t kStatesMax = 20'000;      // of one automaton of names, and of one object's members
constexpr std::size_t kNameBytesMax = 100'000;  // of all names that free names must differ from
constexpr std::size_t kListedMax = 64;          // as many names of a pattern become members of their own
constexpr std::size_t kCellsMax = 64;           // ways in which the patterns of names overlap
constexpr std::size_t kNeededMax = 16;
constexpr std::size_t kSharedMembersMax = 5'000;  // rules of a grammar above which members are none

const Term* find(const std::vector<std::pair<std::string, Term>>& members, const std::string& name) {
  const auto found = std::find_if(members.begin(), members.end(), [&](const auto& one) { return one.first == name; });
  return found != members.end() ? &found->second : nullptr;
}

bool add_new(std::vector<std::string>& names, std::set<std::string>& known, const std::string& name) {
  if (!known.insert(name).second) return false;
  names.push_back(name);
  return true;
}

struct Member {
  std::string name;
  Expression expression;  // name, colon, value
  bool required = false;
  unsigned meets = 0;  // which of the shape's `others_needed`
};

/// Writes members in their order as an automaton whose states are (next member, how many stand, which needs are met).
class MemberStates {
 public:
  MemberStates(JsonGrammar& json, const std::vector<Member>& members, const Expression& free, const Shape& shape)
      : json_(json), members_(members), free_(free), least_(shape.members_min), most_(shape.members_max) {
    const auto required =
        std::count_if(members.begin(), members.end(), [](const Member& member) { return member.required; });
    const bool bounded = most_ && (free || *most_ < static_cast<std::int64_t>(members.size()));
    counts_ = bounded || least_ > required;
    all_met_ = (1U << shape.others_needed.size()) - 1;
  }

  /// nullptr: too large.
  Expression build() {
    state_of({0, 0, 0, false, false});
    for (std::size_t at = 0; at < places_.size(); ++at) {
      if (places_.size() > kStatesMax) return nullptr;
      add_edges(at, places_[at]);
    }
    return states(std::move(made_));
  }

 private:
  struct Place {
    std::size_t next;      // member
    std::int64_t count;    // of members that stand, where that matters
    unsigned met;          //
    bool behind_a_member;  // a comma must come first
    bool before_a_member;  // the comma stands
    auto operator<=>(const Place&) const = default;
  };

  int state_of(const Place& place) {
    const auto [known, fresh] = known_.try_emplace(place, static_cast<int>(places_.size()));
    if (fresh) {
      places_.push_back(place);
      made_.emplace_back();
    }
    return known->second;
  }
  void edge(std::size_t from, Expression on, const Place& to) {
    const int state = state_of(to);
    made_[from].edges.push_back({std::move(on), state});
  }
  std::int64_t one_more(std::int64_t count) const {
    if (!counts_) return 0;
    return most_ ? count + 1 : std::min(count + 1, least_);
  }

  void add_edges(std::size_t at, const Place place) {
    const bool at_free = place.next == members_.size();
    if (place.before_a_member) {
      const Expression& on = at_free ? free_ : members_[place.next].expression;
      const unsigned meets = at_free ? all_met_ : members_[place.next].meets;
      edge(at, on, {at_free ? place.next : place.next + 1, one_more(place.count), place.met | meets, true, false});
      return;
    }
    const bool may_take = (!at_free || free_) && !(counts_ && most_ && place.count >= *most_);
    if (may_take) {
      Place before = place;
      before.before_a_member = true;
      before.behind_a_member = false;
      edge(at, place.behind_a_member ? json_.comma() : literal(""), before);
    }
    if (at_free) {
      made_[at].accepting = place.met == all_met_ && (!counts_ || place.count >= least_);
    } else if (!members_[place.next].required) {
      Place skipped = place;
      ++skipped.next;
      edge(at, literal(""), skipped);
    }
  }

  JsonGrammar& json_;
  const std::vector<Member>& members_;
  const Expression& free_;
  const std::int64_t least_;
  const std::optional<std::int64_t> most_;
  bool counts_ = false;
  unsigned all_met_ = 0;
  std::map<Place, int> known_;
  std::vector<Place> places_;
  std::vector<Node::State> made_;
};

}  // namespace

struct SchemaCompiler::FreeNames {
  CharacterAutomaton names;
  bool any = false;  // every name
  Terms terms;
};

Result<std::vector<SchemaCompiler::FreeNames>> SchemaCompiler::free_names(const Shape& shape,
                                                                          const std::vector<std::string>& listed,
                                                                          bool open) {
  const bool by_patterns = std::any_of(shape.members.begin(), shape.members.end(),
                                       [](const MemberRules& rules) { return !rules.patterns.empty(); });
  if (!open && !by_patterns) return std::vector<FreeNames>();
  std::optional<CharacterAutomaton> base;
  if (!shape.names.empty()) {
    ASSIGN_OR_RETURN(base, strings_of(shape.names));
  }
  const bool any = !base && listed.empty();
  const auto too_large = [&] {
    return schema_refused(ErrorCode::kUnsupported, "the names of other members are too many to be told apart",
                          shape.pointer, "set additionalProperties to false");
  };
  std::size_t bytes = 0;
  std::vector<std::u32string> texts;
  for (const std::string& name : listed) {
    bytes += name.size();
    if (std::optional<std::u32string> text = decode_utf8(name)) texts.push_back(std::move(*text));
  }
  if (bytes > kNameBytesMax) return too_large();
  if (!texts.empty()) {
    CharacterAutomaton others = complement(texts_of(texts));
    base = base ? intersection(*base, others, kNameBytesMax + kStatesMax) : std::move(others);
    if (!base) return too_large();
  }
  if (!base) base = any_text();
  RETURN_IF_ERROR(spend(base->states(), shape.pointer));

  // Each pattern cuts the names in two: those it matches and the others.
  struct Cell {
    CharacterAutomaton names;
    std::set<std::string> matched;
  };
  std::vector<Cell> cells;
  if (!base->empty()) cells.push_back({std::move(*base), {}});

  std::set<std::string> seen;
  for (const MemberRules& rules : shape.members) {
    for (const auto& [text, term] : rules.patterns) {
      if (!seen.insert(text).second) continue;
      ASSIGN_OR_RETURN(const std::shared_ptr<const CharacterAutomaton> automaton, pattern(text, term.pointer));
      std::vector<Cell> cut;
      for (Cell& cell : cells) {
        std::optional<CharacterAutomaton> in = intersection(cell.names, *automaton, kStatesMax);
        std::optional<CharacterAutomaton> out = intersection(cell.names, complement(*automaton), kStatesMax);
        if (!in || !out || cut.size() > kCellsMax) return too_large();
        RETURN_IF_ERROR(spend(in->states() + out->states(), term.pointer));
        if (!in->empty()) {
          cut.push_back({std::move(*in), cell.matched});
          cut.back().matched.insert(text);
        }
        if (!out->empty()) cut.push_back({std::move(*out), std::move(cell.matched)});
      }
      cells = std::move(cut);
    }
  }
  std::vector<FreeNames> free;
  for (Cell& cell : cells) {
    if (cell.matched.empty() && !open) continue;
    FreeNames one;
    one.any = any && !by_patterns;
    one.names = std::move(cell.names);
    for (const MemberRules& rules : shape.members) {
      bool described = false;
      for (const auto& [text, term] : rules.patterns) {
        if (!cell.matched.contains(text)) continue;
        one.terms.push_back(term);
        described = true;
      }
      if (!described && rules.additional) one.terms.push_back(*rules.additional);
    }
    free.push_back(std::move(one));
  }
  return free;
}

Expression SchemaCompiler::member(const std::string& name, Expression value, bool in_several) {
  const int of_value = value->rule;
  const bool shared = in_several && of_value >= 0 && rules_.rules.size() < kSharedMembersMax;
  if (shared) {
    if (const auto known = members_.find({name, of_value}); known != members_.end()) return known->second;
  }
  Expression made = sequence({json_.member_name(name), std::move(value), json_.space()});
  if (!shared) return made;
  return members_[{name, of_value}] = json_.rule("member " + name, std::move(made));
}

Result<Expression> SchemaCompiler::compile_object(const Shape& given) {
  const bool in_several = in_several_;  // before others are compiled inside
  Shape shape = given;
  for (const boost::json::value* value : shape.excluded) {
    if (kind_of(*value) != kObjectKind) continue;
    if (!value->get_object().empty()) {
      return schema_refused(ErrorCode::kUnsupported, "an object as an excluded constant cannot be enforced here",
                            shape.pointer);
    }
    shape.members_min = std::max<std::int64_t>(shape.members_min, 1);
  }
  if (shape.others_needed.size() > kNeededMax)
    return schema_refused(ErrorCode::kUnsupported, "too many alternatives that close the object", shape.pointer);

  // The members that somebody names, in their order.
  std::vector<std::string> names;
  std::set<std::string> known;
  bool lists = false, says_others = false;
  for (const MemberRules& rules : shape.members) {
    for (const auto& [name, term] : rules.properties) {
      add_new(names, known, name);
      lists = lists || !term.pointer.empty();  // what a negation or a dependency forbids lists nothing
    }
    says_others = says_others || rules.additional.has_value();
  }
  for (const std::string& name : shape.required) add_new(names, known, name);
  for (const MemberRules& rules : shape.others_needed) {
    for (const auto& [name, term] : rules.properties) add_new(names, known, name);
  }
  std::optional<CharacterAutomaton> allowed;
  if (!shape.names.empty()) {
    ASSIGN_OR_RETURN(allowed, strings_of(shape.names));
  }
  // Without a word about it, listed members close the object: what is made is a part of what is valid.
  bool open = says_others || !lists;
  if (shape.members_min > static_cast<std::int64_t>(names.size())) open = true;

  std::vector<Member> members;
  const std::set<std::string> all_required(shape.required.begin(), shape.required.end());
  const auto add_member = [&](const std::string& name, const Terms& terms) -> Result<bool> {
    const bool required = all_required.contains(name);
    Expression value = never();
    const std::optional<std::u32string> text = decode_utf8(name);
    if (text && (!allowed || allowed->accepts(*text))) {
      ASSIGN_OR_RETURN(value, compile(terms));
    }
    if (is_never(value)) {
      if (required) note_contradiction("member '" + name + "' is required and has no valid value", shape.pointer);
      return !required;
    }
    Member member{name, this->member(name, std::move(value), in_several), required, 0};
    for (std::size_t i = 0; i < shape.others_needed.size(); ++i) {
      if (find(shape.others_needed[i].properties, name) == nullptr) member.meets |= 1U << i;
    }
    members.push_back(std::move(member));
    return true;
  };
  std::vector<std::unordered_map<std::string_view, const Term*>> listed_by(shape.members.size());
  for (std::size_t i = 0; i < shape.members.size(); ++i) {
    for (const auto& [name, term] : shape.members[i].properties) listed_by[i].try_emplace(name, &term);
  }
  for (const std::string& name : names) {
    Terms terms;
    bool described = false;
    for (std::size_t i = 0; i < shape.members.size(); ++i) {
      const MemberRules& rules = shape.members[i];
      bool by_rules = false;
      if (const auto listed = listed_by[i].find(name); listed != listed_by[i].end()) {
        terms.push_back(*listed->second);
        by_rules = true;
      }
      for (const auto& [text, term] : rules.patterns) {
        ASSIGN_OR_RETURN(const std::shared_ptr<const CharacterAutomaton> automaton, pattern(text, term.pointer));
        const std::optional<std::u32string> characters = decode_utf8(name);
        if (!characters || !automaton->accepts(*characters)) continue;
        terms.push_back(term);
        by_rules = true;
      }
      if (!by_rules && rules.additional) terms.push_back(*rules.additional);
      described = described || by_rules;
    }
    // A name that only stands in another alternative is no member of a closed object.
    const bool required = all_required.contains(name);
    if (!described && !required && !open) continue;
    ASSIGN_OR_RETURN(const bool possible, add_member(name, terms));
    if (!possible) return never();
  }

  // All other names.
  std::vector<Expression> free;
  std::size_t free_names_least = 0;  // there are so many, or more
  ASSIGN_OR_RETURN(const std::vector<FreeNames> cells, free_names(shape, names, open));
  for (const FreeNames& cell : cells) {
    if (!cell.any) {
      // Few names are members of their own: then none comes twice.
      if (const auto texts = texts_in(cell.names, kListedMax)) {
        for (const std::u32string& text : *texts) {
          std::string name;
          for (const char32_t c : text) append_utf8(name, c);
          ASSIGN_OR_RETURN(const bool possible, add_member(name, cell.terms));
          if (!possible) return never();
        }
        continue;
      }
    }
    ASSIGN_OR_RETURN(Expression value, compile(cell.terms));
    if (is_never(value)) continue;
    const Expression name =
        cell.any ? json_.string() : sequence({literal("\""), json_.string_inside(cell.names), literal("\"")});
    free_names_least =
        std::max(free_names_least, cell.any ? DistinctElements::kElementsMax / 2 : kListedMax + members.size());
    free.push_back(sequence({name, json_.colon(), std::move(value), json_.space()}));
  }
  const Expression others =
      free.empty() ? nullptr : json_.rule("other members of " + shape.pointer, alternatives(std::move(free)));

  const bool too_few = !others && shape.members_min > static_cast<std::int64_t>(members.size());
  if (too_few || (shape.members_max && *shape.members_max < shape.members_min)) {
    note_contradiction("no object has so many members", shape.pointer);
    return never();
  }
  // Listed members come once by their order; of the others somebody must remember which stand.
  const bool may_repeat = others && !(shape.members_max && *shape.members_max <= 1);
  if (may_repeat && (names.size() >= DistinctElements::kElementsMax / 2 ||
                     shape.members_min > static_cast<std::int64_t>(free_names_least))) {
    return schema_refused(ErrorCode::kUnsupported, "so many members with different names cannot be enforced here",
                          shape.pointer);
  }
  const Expression inside = MemberStates(json_, members, others, shape).build();
  if (!inside) {
    return schema_refused(ErrorCode::kUnsupported, "minProperties or maxProperties beside so many members",
                          shape.pointer);
  }
  return sequence({literal("{"), may_repeat ? distinct() : literal(""), json_.space(), inside, literal("}")});
}

}  // namespace mnema::grammar
