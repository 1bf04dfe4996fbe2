#include "inference/grammar/schema_expansion.hpp"

#include <algorithm>

#include "inference/grammar/schema_keywords.hpp"
#include "inference/grammar/schema_negation.hpp"
#include "inference/grammar/schema_reader.hpp"
#include "runtime/base/json.hpp"

namespace mnema::grammar {
namespace {

namespace json = boost::json;

constexpr std::size_t kShapesMax = 512;
constexpr std::size_t kTermsMax = 4096;
constexpr int kChoicesDeep = 200;
constexpr std::size_t kAnyOfSubsetsMax = 3;  // branches whose combinations are looked at, for unevaluated members

Term inside(const Term& term, const json::value& schema, const std::string& step) {
  Term part;
  part.schema = &schema;
  part.pointer = term.pointer + step;
  part.scopes = term.scopes;
  part.through = term.through;
  return part;
}

Term inverted(Term term) {
  term.negated = !term.negated;
  return term;
}

bool says_nothing(const json::value& schema) {
  return schema.is_bool() ? schema.get_bool() : schema.is_object() && !has_assertion(schema.get_object());
}

/// False only if the option evidently contradicts what is known.
bool may_hold(const Shape& shape, const Option& option) {
  Kinds kinds = shape.kinds & option.shape.kinds;
  for (const Term& term : option.terms) {
    const json::object* schema = term.schema->if_object();
    const json::value* type = schema != nullptr && !term.negated ? schema->if_contains("type") : nullptr;
    if (type != nullptr) kinds &= kinds_of_type(*type).value_or(kAllKinds);
  }
  if (kinds == 0) return false;
  if (option.shape.required.empty() && option.shape.members.empty()) return true;
  Shape both;
  both.kinds = kinds;
  both.required = shape.required;
  both.required.insert(both.required.end(), option.shape.required.begin(), option.shape.required.end());
  both.members = shape.members;
  both.members.insert(both.members.end(), option.shape.members.begin(), option.shape.members.end());
  return both.contradiction().empty();
}

}  // namespace

struct SchemaExpander::Choice {
  std::vector<Option> options;
  std::string pointer;
};

/// What the keywords that an unevaluatedProperties or unevaluatedItems sees have evaluated.
struct SchemaExpander::Scope {
  Term rest;
  bool of_members = false;
  bool all = false;  // everything is evaluated
  MemberRules members;
  std::size_t items = 0;
};

struct SchemaExpander::State {
  Shape shape;
  Terms todo;  // the next one at the end
  Terms done;
  std::vector<Choice> choices;
  std::vector<Scope> scopes;
  bool said = false;  // the shape is more than nothing
};

Result<Expansion> SchemaExpander::expand(const Terms& terms) {
  Expansion out;
  State state;
  state.todo.assign(terms.rbegin(), terms.rend());
  RETURN_IF_ERROR(run(std::move(state), out, 0));
  return out;
}

Status SchemaExpander::run(State state, Expansion& out, int depth) {
  // A large state costs more: it is copied for each option.
  states_left_ -=
      1 + static_cast<std::int64_t>((state.done.size() + state.todo.size() + state.shape.members.size()) / 16);
  if (states_left_ < 0 || depth > kChoicesDeep || out.shapes.size() > kShapesMax) {
    return schema_refused(ErrorCode::kUnsupported, "too many combinations of alternatives", state.shape.pointer,
                          "use fewer anyOf, oneOf and if beside one another");
  }
  bool alive = true;
  do {
    RETURN_IF_ERROR(take_all(state, alive));
    if (!alive) return {};
  } while (take_only_options(state, alive));
  if (!alive) return {};
  if (state.choices.empty()) {
    close_scopes(state);
    out.shapes.push_back(std::move(state.shape));
    return {};
  }
  if (depth == 0 && !state.said && state.choices.size() == 1 && state.scopes.empty()) {
    // Nothing in common: each alternative is written for itself, and once however often it is used.
    Choice choice = std::move(state.choices.front());
    for (Option& option : choice.options) {
      if (option.shape.pointer.empty() && option.shape.kinds == kAllKinds && !option.terms.empty()) {
        out.separate.push_back(std::move(option.terms));
        continue;
      }
      State next;
      next.shape = std::move(option.shape);
      next.said = true;
      next.todo.assign(option.terms.rbegin(), option.terms.rend());
      RETURN_IF_ERROR(run(std::move(next), out, depth + 1));
    }
    return {};
  }
  const auto fewest = std::min_element(state.choices.begin(), state.choices.end(), [](const auto& a, const auto& b) {
    return a.options.size() < b.options.size();
  });
  Choice choice = std::move(*fewest);
  state.choices.erase(fewest);
  for (Option& option : choice.options) {
    State next = state;
    next.shape.merge(option.shape);
    next.todo.assign(option.terms.rbegin(), option.terms.rend());
    if (is_contradiction(next.shape)) continue;
    RETURN_IF_ERROR(run(std::move(next), out, depth + 1));
  }
  return {};
}

bool SchemaExpander::is_contradiction(const Shape& shape) {
  std::string why = shape.contradiction();
  if (why.empty()) return false;
  contradiction_ = std::move(why);
  return true;
}

Status SchemaExpander::take_all(State& state, bool& alive) {
  while (!state.todo.empty()) {
    const Term term = std::move(state.todo.back());
    state.todo.pop_back();
    const bool known = std::any_of(state.done.begin(), state.done.end(), [&](const Term& other) {
      return term.same_as(other) && term.scopes == other.scopes;
    });
    if (known) continue;
    if (state.done.size() > kTermsMax)
      return schema_refused(ErrorCode::kUnsupported, "too many schemas for one value", term.pointer);
    state.done.push_back(term);
    RETURN_IF_ERROR(take(state, term));
    if (is_contradiction(state.shape)) return alive = false, Status();
  }
  return {};
}

bool SchemaExpander::take_only_options(State& state, bool& alive) {
  if (!state.said) return false;
  bool taken = false;
  for (std::size_t i = 0; i < state.choices.size() && alive;) {
    std::vector<Option>& options = state.choices[i].options;
    const auto cost = static_cast<std::int64_t>(options.size() * (state.shape.members.size() + 1));
    if (cost > 16 && (checks_left_ -= cost) < 0) return taken && alive;  // it goes on without dropping any
    const auto is_met = [&](const Option& option) { return option.terms.empty() && state.shape.implies(option.shape); };
    if (std::any_of(options.begin(), options.end(), is_met)) {
      state.choices.erase(state.choices.begin() + static_cast<std::ptrdiff_t>(i));
      continue;
    }
    std::erase_if(options, [&](const Option& option) { return !may_hold(state.shape, option); });
    if (options.size() > 1) {
      ++i;
      continue;
    }
    // Without an option nothing is valid; the only one is no choice.
    alive = !options.empty();
    if (alive) {
      state.shape.merge(options[0].shape);
      state.todo.insert(state.todo.end(), options[0].terms.rbegin(), options[0].terms.rend());
      alive = !is_contradiction(state.shape);
      taken = true;
    }
    state.choices.erase(state.choices.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return taken && alive;
}

Status SchemaExpander::take(State& state, const Term& term) {
  if (term.negated) return take_negated(state, term);
  if (term.schema->is_bool()) {
    if (!term.schema->get_bool()) {
      state.shape.kinds = 0;
      if (state.shape.pointer.empty()) state.shape.pointer = term.pointer;
    }
    return {};
  }
  if (!term.schema->is_object())
    return schema_refused(ErrorCode::kInvalidArgument, "a schema is an object or a boolean", term.pointer);
  return take_object(state, term);
}

Status SchemaExpander::take_negated(State& state, const Term& term) {
  ASSIGN_OR_RETURN(Negation negation, negation_of(term, references_));
  if (negation.options.empty() && !negation.complete) {
    return schema_refused(ErrorCode::kUnsupported, "what this schema excludes cannot be enforced here", term.pointer,
                          "tell alternatives apart by a type, a constant or a required member");
  }
  if (negation.options.size() == 1) {
    state.shape.merge(negation.options[0].shape);
    state.said = state.said || !negation.options[0].shape.pointer.empty();
    for (Term& one : negation.options[0].terms) state.todo.push_back(std::move(one));
  } else if (negation.options.empty()) {
    state.shape.kinds = 0;
  } else {
    state.choices.push_back({std::move(negation.options), term.pointer});
  }
  return {};
}

Status SchemaExpander::take_object(State& state, const Term& given) {
  Term term = given;
  const json::object& schema = term.schema->get_object();
  RETURN_IF_ERROR(open_scopes(state, term));
  if (has_own_assertion(schema)) {
    state.said = true;
    RETURN_IF_ERROR(read_keywords(term, state.shape));
  }
  for (const int id : term.scopes) {
    Scope& scope = state.scopes[static_cast<std::size_t>(id)];
    if (scope.rest.schema == nullptr) continue;
    if (scope.of_members) {
      ASSIGN_OR_RETURN(const MemberRules rules, read_members(schema, term.pointer));
      for (const auto& [name, ignored] : rules.properties) scope.members.properties.emplace_back(name, true_term());
      for (const auto& [pattern, ignored] : rules.patterns) scope.members.patterns.emplace_back(pattern, true_term());
      scope.all = scope.all || rules.additional.has_value();
      const bool own = scope.rest.schema == schema.if_contains("unevaluatedProperties");
      if (!own && schema.contains("unevaluatedProperties")) scope.all = true;
    } else {
      ASSIGN_OR_RETURN(const ItemRules rules, read_items(schema, term.pointer));
      scope.items = std::max(scope.items, rules.prefix.size());
      scope.all = scope.all || rules.rest.has_value();
      const bool own = scope.rest.schema == schema.if_contains("unevaluatedItems");
      if (!own && schema.contains("unevaluatedItems")) scope.all = true;
      if (schema.contains("contains")) {
        return schema_refused(ErrorCode::kUnsupported, "'contains' beside unevaluatedItems cannot be enforced here",
                              term.pointer + "/contains");
      }
    }
  }
  RETURN_IF_ERROR(take_references(state, term));
  RETURN_IF_ERROR(take_combinations(state, term));
  return take_dependencies(state, term);
}

Status SchemaExpander::open_scopes(State& state, Term& term) {
  const json::object& schema = term.schema->get_object();
  for (const char* keyword : {"unevaluatedProperties", "unevaluatedItems"}) {
    const json::value* rest = schema.if_contains(keyword);
    if (rest == nullptr) continue;
    Scope scope;
    scope.rest = Term{rest};
    scope.rest.pointer = term.pointer + "/" + keyword;
    scope.of_members = keyword[11] == 'P';
    term.scopes.push_back(static_cast<int>(state.scopes.size()));
    state.scopes.push_back(std::move(scope));
    state.said = true;
  }
  return {};
}

void SchemaExpander::close_scopes(State& state) {
  for (Scope& scope : state.scopes) {
    if (scope.all) continue;
    if (scope.of_members) {
      scope.members.additional = scope.rest;
      state.shape.members.push_back(std::move(scope.members));
    } else {
      state.shape.items.push_back({Terms(scope.items, true_term()), scope.rest});
    }
  }
}

Status SchemaExpander::take_references(State& state, const Term& term) {
  const json::object& schema = term.schema->get_object();
  for (const char* keyword : {"$ref", "$dynamicRef", "$recursiveRef"}) {
    const json::value* reference = schema.if_contains(keyword);
    if (reference == nullptr) continue;
    if (!reference->is_string())
      return schema_refused(ErrorCode::kInvalidArgument, std::string(keyword) + " is no string", term.pointer);
    const auto target = keyword[1] == 'd' ? references_.resolve_dynamic(reference->get_string(), schema)
                                          : references_.resolve(reference->get_string(), schema);
    if (!target.ok()) {
      return schema_refused(target.error().code, target.error().message, term.pointer + "/" + keyword,
                            target.error().hint);
    }
    if (std::find(term.through.begin(), term.through.end(), target->schema) != term.through.end()) {
      return schema_refused(ErrorCode::kInvalidArgument, "the schema refers to itself for the same value",
                            term.pointer + "/" + keyword);
    }
    Term to = inside(term, *target->schema, "");
    to.pointer = target->pointer;
    to.through.push_back(target->schema);
    state.todo.push_back(std::move(to));
  }
  return {};
}

Status SchemaExpander::take_combinations(State& state, const Term& term) {
  const json::object& schema = term.schema->get_object();
  for (const char* keyword : {"allOf", "anyOf", "oneOf"}) {
    const json::value* list = schema.if_contains(keyword);
    if (list == nullptr) continue;
    const std::string step = std::string("/") + keyword;
    if (!list->is_array() || list->get_array().empty()) {
      return schema_refused(ErrorCode::kInvalidArgument, std::string(keyword) + " is a list with at least one schema",
                            term.pointer + step);
    }
    Terms parts;
    for (std::size_t i = 0; i < list->get_array().size(); ++i)
      parts.push_back(inside(term, list->get_array()[i], step + "/" + std::to_string(i)));
    if (keyword[0] == 'a' && keyword[1] == 'l') {
      state.todo.insert(state.todo.end(), parts.rbegin(), parts.rend());
    } else if (keyword[0] == 'o') {
      RETURN_IF_ERROR(take_one_of(state, term, parts));
    } else {
      Choice choice;
      choice.pointer = term.pointer + step;
      // One branch that says nothing makes the others say nothing too, but for what they evaluate.
      if (term.scopes.empty() &&
          std::any_of(parts.begin(), parts.end(), [](const Term& part) { return says_nothing(*part.schema); }))
        continue;
      for (const Term& part : parts) choice.options.push_back({{}, {part}});
      if (!term.scopes.empty() && parts.size() > 1 && parts.size() <= kAnyOfSubsetsMax) {
        // Where several branches hold, what each of them evaluates is evaluated.
        for (std::size_t subset = 1; subset < std::size_t{1} << parts.size(); ++subset) {
          Terms together;
          for (std::size_t i = 0; i < parts.size(); ++i) {
            if ((subset >> i & 1) != 0) together.push_back(parts[i]);
          }
          if (together.size() > 1) choice.options.push_back({{}, std::move(together)});
        }
      }
      state.choices.push_back(std::move(choice));
    }
  }
  if (const json::value* excluded = schema.if_contains("not")) {
    Term part = inverted(inside(term, *excluded, "/not"));
    part.scopes.clear();
    state.todo.push_back(std::move(part));
  }
  if (const json::value* condition = schema.if_contains("if")) {
    Choice choice;
    choice.pointer = term.pointer + "/if";
    const Term holds = inside(term, *condition, "/if");
    Term fails = inverted(holds);
    fails.scopes.clear();
    const json::value* then = schema.if_contains("then");
    const json::value* other = schema.if_contains("else");
    if (then == nullptr && other == nullptr && term.scopes.empty()) return {};
    choice.options.push_back({{}, {holds}});
    if (then != nullptr) choice.options[0].terms.push_back(inside(term, *then, "/then"));
    choice.options.push_back({{}, {fails}});
    if (other != nullptr) choice.options[1].terms.push_back(inside(term, *other, "/else"));
    state.choices.push_back(std::move(choice));
  }
  return {};
}

Status SchemaExpander::take_one_of(State& state, const Term& term, const Terms& parts) {
  if (parts.size() > kShapesMax)
    return schema_refused(ErrorCode::kUnsupported, "too many alternatives", term.pointer + "/oneOf", "use anyOf");
  const auto refused = [&] {
    return schema_refused(ErrorCode::kUnsupported, "too many alternatives that may hold together",
                          term.pointer + "/oneOf", "use anyOf, or tell them apart by a required constant");
  };
  // Which of them may hold together: each must exclude those.
  std::vector<std::vector<std::size_t>> beside(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (evidently_disjoint(*parts[i].schema, *parts[k].schema, state.shape.required, references_, comparisons_left_))
        continue;
      beside[i].push_back(k);
      beside[k].push_back(i);
      if (--exclusions_left_ < 0 || comparisons_left_ < 0) return refused();
    }
  }
  Choice choice;
  choice.pointer = term.pointer + "/oneOf";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Option option{{}, {parts[i]}};
    for (const std::size_t k : beside[i]) {
      Term other = inverted(parts[k]);
      other.scopes.clear();
      option.terms.push_back(std::move(other));
    }
    choice.options.push_back(std::move(option));
  }
  state.choices.push_back(std::move(choice));
  return {};
}

Status SchemaExpander::take_dependencies(State& state, const Term& term) {
  const json::object& schema = term.schema->get_object();
  for (const char* keyword : {"dependencies", "dependentRequired", "dependentSchemas"}) {
    const json::value* all = schema.if_contains(keyword);
    if (all == nullptr) continue;
    if (!all->is_object()) {
      return schema_refused(ErrorCode::kInvalidArgument, std::string(keyword) + " is an object",
                            term.pointer + "/" + keyword);
    }
    for (const auto& [name, dependency] : all->get_object()) {
      const std::string step = std::string("/") + keyword + "/" + json_pointer_token(name);
      Choice choice;
      choice.pointer = term.pointer + step;
      Option absent, present, no_object;
      absent.shape.kinds = kObjectKind;
      absent.shape.pointer = term.pointer;
      absent.shape.members.push_back({{{name, false_term()}}, {}, {}});
      present.shape.kinds = kObjectKind;
      present.shape.pointer = term.pointer;
      present.shape.required.emplace_back(name);
      if (dependency.is_array() || dependency.is_string()) {
        const json::array one{dependency};
        ASSIGN_OR_RETURN(const std::vector<std::string> names,
                         read_names(dependency.is_array() ? dependency : json::value(one), term.pointer + step));
        if (names.empty()) continue;
        present.shape.required.insert(present.shape.required.end(), names.begin(), names.end());
      } else {
        if (says_nothing(dependency) && term.scopes.empty()) continue;
        present.terms.push_back(inside(term, dependency, step));
      }
      no_object.shape.kinds = kAllKinds & ~kObjectKind;
      no_object.shape.pointer = term.pointer;
      choice.options = {std::move(absent), std::move(present), std::move(no_object)};
      state.choices.push_back(std::move(choice));
    }
  }
  return {};
}

}  // namespace mnema::grammar
